// Everything that decides who comes in, made once for the daemon.

import type { Config } from "../../../base/config/config.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Db } from "../../../base/storage/port.ts"
import { type Codes, createCodes } from "../../../domain/tokens/codes.ts"
import { createTokens, type Tokens } from "../../../domain/tokens/tokens.ts"
import { cookieName } from "./cookie.ts"
import type { HouseNeeds } from "./house.ts"
import { createSlowing, type Slowing } from "./slow.ts"

export interface DoorNeeds {
  config: Pick<Config, "host" | "apiAllowedHosts" | "apiAllowedOrigins">
  db: Db
  clock: Clock
  /** Undefined: nobody is asked who they are (API_AUTH=none). */
  ownersToken: string | undefined
  houseId: string
  hide(secret: string): void
  onFault(error: unknown): void
}

export interface Door extends HouseNeeds {
  tokens: Tokens
  /** Undefined: everybody may come in. */
  asked: Tokens | undefined
  codes: Codes
  slowing: Slowing
  cookie: string
  /** Where the login page is, without a code. */
  loginUrl(): string
  /** The TCP door's address, once it is open. */
  openedAt(url: string): void
}

export function createDoor({ config, ownersToken, houseId, ...needs }: DoorNeeds): Door & Disposable {
  let own = ""
  const tokens = createTokens({ ...needs, owner: ownersToken })
  return {
    tokens,
    asked: ownersToken === undefined ? undefined : tokens,
    codes: createCodes(needs.clock),
    slowing: createSlowing(needs.clock),
    cookie: cookieName(houseId),
    loginUrl: () => `${own}/login`,
    openedAt(url) {
      own = url
    },
    host: config.host,
    allowedHosts: config.apiAllowedHosts,
    allowedOrigins: config.apiAllowedOrigins,
    [Symbol.dispose]: () => tokens[Symbol.dispose](),
  }
}
