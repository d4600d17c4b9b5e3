// Event numbers, never used twice. They are reserved ahead in the database, so that a kill can't make them come again although
// some were told and not stored; on a full disk the mark file (one block, written in place) takes over: it holds the first
// number that could not be stored and the reservation.

import type { Block } from "../platform/files.ts"

/** Numbers reserved at a time. 2^20: half a million can be told on a full disk before the mark file must be written again. */
export const RESERVE = 2 ** 20

interface Mark {
  log: string
  /** First number that was told and could not be stored. */
  first: number
  reserved: number
}

export interface NumbersNeeds {
  log: string
  /** As the database says. */
  reserved: number
  block: Block
  reserve?: number
}

export type Numbers = ReturnType<typeof createNumbers>

export function createNumbers({ log, reserved: stored, block, reserve = RESERVE }: NumbersNeeds) {
  const found = parse(block.read(), log)
  // In the database; and there or in the mark file.
  let reserved = stored
  let covered = Math.max(stored, found?.reserved ?? 0)
  let next = covered
  let marked = found !== undefined

  return {
    take: (): number => next++,
    /** The one that comes next. */
    peek: (): number => next,
    /** The last number that may have been used before this start. */
    before: covered - 1,
    /** True when the last run told what it could not store, and was not able to say so in the database. */
    hole: found !== undefined,
    /** What the database must say at the next commit: everything used so far and at least half a reserve ahead. */
    due: (): number => (next > reserved - reserve / 2 ? next + reserve : reserved),
    /** True when `due` says more than the database does. */
    isDue: (due: number): boolean => due > reserved,
    /** The commit stood: the database knows the reservation and all that is missing, the mark file need not. */
    committed(due: number): void {
      reserved = due
      covered = Math.max(covered, due)
      if (!marked) return
      marked = false
      block.write("")
    },
    /** Numbers for events that can't be stored; on the disk before they are told. */
    takeUnstored(count: number): number[] {
      const numbers = Array.from({ length: count }, () => next++)
      const [first] = numbers
      if (first === undefined || (marked && next <= covered)) return numbers
      if (next > covered) covered = next + reserve
      const mark: Mark = {
        log,
        first: marked ? (parse(block.read(), log)?.first ?? first) : first,
        reserved: covered,
      }
      block.write(JSON.stringify(mark))
      marked = true
      return numbers
    },
  }
}

function parse(text: string, log: string): Mark | undefined {
  if (text === "") return undefined
  try {
    const mark = JSON.parse(text) as Partial<Mark>
    // The mark of another log (the database was replaced) says nothing about this one.
    if (mark.log !== log || !Number.isSafeInteger(mark.first) || !Number.isSafeInteger(mark.reserved))
      return undefined
    return mark as Mark
  } catch {
    return undefined
  }
}
