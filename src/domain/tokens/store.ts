// Tokens and browser logins: their hashes, never themselves.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import { TOKEN_SCOPES, type TokenScope } from "./scopes.ts"

/** `owner` is the token of the file: it is never a row. */
export type TokenKind = "owner" | "token" | "browser"

export interface Token {
  id: string
  name: string
  kind: TokenKind
  scopes: TokenScope[]
  createdAt: number
  expiresAt: number | null
  usedAt: number | null
}
export type TokenRow = Token & { hash: string }

const ALL = `SELECT * FROM api_tokens ORDER BY created_at, id`
const ADD = `INSERT INTO api_tokens (id, name, kind, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
const USED = `UPDATE api_tokens SET used_at = ? WHERE id = ?`
const DROP = `DELETE FROM api_tokens WHERE id = ?`

export const allTokens = (db: Reader): TokenRow[] => db.all(ALL).map(rowOf)
export function addToken(tx: Tx, { id, name, kind, hash, scopes, createdAt, expiresAt }: TokenRow): void {
  tx.run(ADD, id, name, kind, hash, scopes.join(","), createdAt, expiresAt)
}
export const noteUse = (tx: Tx, id: string, at: number): void => void tx.run(USED, at, id)
export const dropToken = (tx: Tx, id: string): void => void tx.run(DROP, id)

function rowOf(row: Row): TokenRow {
  const named = String(row.scopes).split(",")
  return {
    id: row.id as string,
    name: row.name as string,
    kind: row.kind as TokenKind,
    hash: row.hash as string,
    scopes: TOKEN_SCOPES.filter((scope) => named.includes(scope)),
    createdAt: row.created_at as number,
    expiresAt: row.expires_at as number | null,
    usedAt: row.used_at as number | null,
  }
}
