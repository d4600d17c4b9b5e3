// Who may come in: the owner's token, which is a file, and named tokens and browser logins, which are rows. At rest there are
// hashes only, plain SHA-256: what is hashed is 256 random bits, which nobody guesses however fast the hash is. A token is
// found by its hash, so the time of a look-up tells nothing about a token. All of them are in memory: the daemon alone writes.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId, newSecret } from "../../base/kit/ids.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import { sha256 } from "../../base/platform/hash.ts"
import type { Db } from "../../base/storage/port.ts"
import { type TokenScope, tidyScopes } from "./scopes.ts"
import {
  addToken,
  allTokens,
  dropToken,
  noteUse,
  type Token,
  type TokenKind,
  type TokenRow,
} from "./store.ts"

export interface TokensNeeds {
  db: Db
  clock: Clock
  /** The token of DATA_DIR/api-token; undefined where nobody is asked for one. */
  owner: string | undefined
  /** Told of every secret that is made or comes in, so that nobody prints it. */
  hide(secret: string): void
  onFault(error: unknown): void
}

export interface NewToken {
  name: string
  scopes: readonly TokenScope[]
  /** Epoch milliseconds; null is for ever. */
  expiresAt: number | null
  kind?: Exclude<TokenKind, "owner">
}

interface Kept {
  row: TokenRow
  /** Used since it was written last. */
  fresh: boolean
  /** What ends with it. */
  open: Set<() => void>
}

/** Spelled so that scanners for leaked secrets can know it. */
const PREFIX = "codexd_"

export function createTokens({ db, clock, owner, hide, onFault }: TokensNeeds) {
  const byHash = new Map<string, Kept>()
  const byId = new Map<string, Kept>()
  const keep = (row: TokenRow) => {
    const kept: Kept = { row, fresh: false, open: new Set() }
    byHash.set(row.hash, kept)
    byId.set(row.id, kept)
    return kept
  }
  const first: Pick<TokenRow, "id" | "name" | "kind"> = { id: "owner", name: "owner", kind: "owner" }
  if (owner !== undefined) {
    const never = { expiresAt: null, usedAt: null }
    keep({ ...first, ...never, hash: sha256(owner), scopes: ["admin"], createdAt: clock.now() })
    hide(owner)
  }
  for (const row of allTokens(db)) keep(row)

  const isOver = ({ row }: Kept): boolean => row.expiresAt !== null && row.expiresAt <= clock.now()
  /** From here on it opens nothing, and what it had opened is closed. */
  const forget = (kept: Kept) => {
    byHash.delete(kept.row.hash)
    byId.delete(kept.row.id)
    for (const close of [...kept.open]) close()
  }

  async function make({ name, scopes, expiresAt, kind = "token" }: NewToken) {
    const same = [...byId.values()].find(({ row }) => row.name.toLowerCase() === name.toLowerCase())
    if (expiresAt !== null && expiresAt <= clock.now()) {
      const message = "expiresAt: is in the past"
      throw new Fault("invalid_request", message, {
        issues: [{ code: "custom", path: ["expiresAt"], message: "is in the past" }],
      })
    }
    if (same) throw new Fault("duplicate_name", `there is a token ${name} already`, { tokenId: same.row.id })
    const secret = `${PREFIX}${newSecret()}`
    hide(secret)
    const row: TokenRow = {
      id: newId(),
      name,
      kind,
      hash: sha256(secret),
      scopes: tidyScopes(scopes),
      createdAt: clock.now(),
      expiresAt,
      usedAt: null,
    }
    // Kept first, so that of two at once under one name the second is refused; nobody has the secret yet.
    const kept = keep(row)
    try {
      await db.act((tx) => addToken(tx, row))
    } catch (error) {
      forget(kept)
      throw error
    }
    return { token: shown(row), secret }
  }

  /** Ends the token with this id or name, and whatever it holds open. */
  async function revoke(idOrName: string): Promise<Token> {
    const kept = byId.get(idOrName) ?? [...byId.values()].find(({ row }) => row.name === idOrName)
    if (!kept) throw new Fault("token_not_found", `there is no token ${idOrName}`, { tokenId: idOrName })
    if (kept.row.kind === "owner") {
      const remedy = "remove DATA_DIR/api-token and start the daemon again"
      throw new Fault("token_is_owners", `the owner's token is a file: to change it, ${remedy}`)
    }
    await db.act((tx) => dropToken(tx, kept.row.id))
    forget(kept)
    return shown(kept.row)
  }

  /** What an ending token holds open is closed when it ends, not with the next sweep. */
  let ending: { at: number; timer: Disposable } | undefined
  const watch = ({ row: { expiresAt }, open }: Kept) => {
    if (expiresAt === null || open.size === 0 || (ending && ending.at <= expiresAt)) return
    const left = expiresAt - clock.now()
    if (left > TIMERS.tokenSweepMs) return
    ending?.timer[Symbol.dispose]()
    const timer = clock.after(Math.max(left, 0), () => {
      ending = undefined
      sweep()
    })
    ending = { at: expiresAt, timer }
  }

  const sweep = () => {
    const over = [...byId.values()].filter(isOver)
    for (const kept of over) forget(kept)
    for (const kept of byId.values()) watch(kept)
    const used = [...byId.values()].filter(({ fresh, row }) => fresh && row.kind !== "owner")
    if (over.length + used.length === 0) return
    for (const kept of used) kept.fresh = false
    db.act((tx) => {
      for (const { row } of over) dropToken(tx, row.id)
      for (const { row } of used) if (row.usedAt !== null) noteUse(tx, row.id, row.usedAt)
    }).catch((error: unknown) => {
      for (const kept of used) kept.fresh = true
      onFault(error)
    })
  }
  const sweeping = clock.every(TIMERS.tokenSweepMs, sweep)

  return {
    make,
    revoke,
    list: (): Token[] => [...byId.values()].map(({ row }) => shown(row)),
    /** Whose secret this is; undefined for a wrong, a revoked and an expired one. */
    find(secret: string): Token | undefined {
      const kept = byHash.get(sha256(secret))
      if (!kept || isOver(kept)) return undefined
      // A kept secret is known here by its hash alone until somebody comes with it.
      if (kept.row.usedAt === null || !kept.fresh) hide(secret)
      kept.row.usedAt = clock.now()
      kept.fresh = true
      return kept.row
    },
    /** Calls `close` when the token is revoked or expires; at once if it is gone already. Disposing forgets it. */
    whileHeld(id: string, close: () => void): Disposable {
      const kept = byId.get(id)
      if (!kept) close()
      kept?.open.add(close)
      if (kept) watch(kept)
      return { [Symbol.dispose]: () => void kept?.open.delete(close) }
    },
    [Symbol.dispose]() {
      sweeping[Symbol.dispose]()
      ending?.timer[Symbol.dispose]()
      sweep()
    },
  }
}
export type Tokens = ReturnType<typeof createTokens>

const shown = ({ id, name, kind, scopes, createdAt, expiresAt, usedAt }: TokenRow): Token => ({
  id,
  name,
  kind,
  scopes,
  createdAt,
  expiresAt,
  usedAt,
})
