// One-time codes that turn a terminal into a browser login: single use, one minute, in memory only.

import type { Clock } from "../../base/kit/clock.ts"
import { newSecret } from "../../base/kit/ids.ts"
import { sha256 } from "../../base/platform/hash.ts"
import type { TokenScope } from "./scopes.ts"

const CODE_MS = 60_000
/** More than these nobody needs in a minute; the oldest goes. */
const MOST = 100

export interface Code {
  code: string
  expiresAt: number
}

export function createCodes(clock: Clock) {
  const open = new Map<string, { scopes: readonly TokenScope[]; expiresAt: number }>()
  return {
    make(scopes: readonly TokenScope[]): Code {
      const code = newSecret()
      const expiresAt = clock.now() + CODE_MS
      for (const [key, { expiresAt: at }] of open)
        if (at <= clock.now() || open.size >= MOST) open.delete(key)
      open.set(sha256(code), { scopes, expiresAt })
      return { code, expiresAt }
    },
    /** The scopes of a code that was still good; it isn't any more. */
    take(code: string): readonly TokenScope[] | undefined {
      const key = sha256(code)
      const found = open.get(key)
      open.delete(key)
      return found && found.expiresAt > clock.now() ? found.scopes : undefined
    },
  }
}
export type Codes = ReturnType<typeof createCodes>
