// The oldest jobs of a group, a window of them: read one by one a head costs as much as its claim. A window follows committed
// acts; what an act does with it meanwhile is its own.

import type { Reader } from "../../base/storage/port.ts"
import type { Head } from "./pick.ts"
import { type GroupKey, headsOf } from "./store.ts"

export interface Group extends GroupKey {
  /** Oldest first. */
  heads: Head[]
  /** There are none but these. */
  whole: boolean
  /** To be read anew. */
  stale: boolean
}

/** As many as there may be places. */
const WINDOW = 64

export const newGroup = ({ owner, lane, type }: GroupKey): Group => ({
  ...{ owner, lane, type },
  heads: [],
  whole: false,
  stale: true,
})

export function read(group: Pick<Group, "heads" | "whole">, key: GroupKey, reader: Reader): void {
  group.heads = headsOf(reader, key, WINDOW)
  group.whole = group.heads.length < WINDOW
}

/** A job is ready that was not. It may have been read before it was told. */
export function join(group: Group, { n, createdAt }: Head): void {
  const { heads } = group
  if (group.stale) return
  const last = heads.at(-1)
  if (last && last.n >= n) {
    const at = heads.findIndex((head) => head.n >= n)
    if (heads[at]?.n !== n) heads.splice(at, 0, { n, createdAt })
    return
  }
  if (group.whole && heads.length < 2 * WINDOW) heads.push({ n, createdAt })
  else group.whole = false
}

/** A job is not ready any more. */
export function leave(group: Group, n: number): void {
  const at = group.heads.findIndex((head) => head.n === n)
  if (at >= 0) group.heads.splice(at, 1)
  if (group.heads.length === 0 && !group.whole) group.stale = true
}

export const isEmpty = ({ heads, whole, stale }: Group): boolean => heads.length === 0 && whole && !stale

/** How far one act has come in a group. */
export interface Cursor {
  group: GroupKey
  heads: Head[]
  whole: boolean
  at: number
}
export const cursorOf = (group: Group): Cursor => ({
  group,
  heads: group.heads,
  whole: group.whole,
  at: 0,
})

/** Past the head that was taken. */
export function advance(cursor: Cursor, reader: Reader): void {
  cursor.at += 1
  if (cursor.at >= cursor.heads.length && !cursor.whole) reread(cursor, reader)
}

/** As it is within the act: what was taken is queued no more. */
export function reread(cursor: Cursor, reader: Reader): void {
  read(cursor, cursor.group, reader)
  cursor.at = 0
}
