// A document's id is the time of its entry, a place among those of that time, and about how long its text is. So the index
// itself answers in the order of time and with the lengths that ranking needs: no other table is looked at for ten thousand matches.

/** Lengths told apart: each is 1.8 times the one before. */
const LENGTHS = 16
const SHORTEST = 24
const STEP = 1.8
/** Entries of one millisecond that keep their place; those beyond take the ones that follow. */
const PLACES = 128
/** With them 2^53 is reached in the year 2109. */
const A_MS = PLACES * LENGTHS
const LAST_MS = 2 ** 42 - 1
export const END = Number.MAX_SAFE_INTEGER

/** The first id of that moment. */
export const idFrom = (at: number): number => Math.min(Math.max(Math.floor(at), 0), LAST_MS) * A_MS
export const timeOf = (id: number): number => Math.floor(id / A_MS)

/** The same place with a text of so many characters. */
export function withLength(id: number, characters: number): number {
  const steps = Math.round(Math.log(Math.max(characters, 1) / SHORTEST) / Math.log(STEP))
  return id - (id % LENGTHS) + Math.min(Math.max(steps, 0), LENGTHS - 1)
}
/** In characters, about. */
export const lengthOf = (id: number): number => TYPICAL[id % LENGTHS] as number
const TYPICAL = Array.from({ length: LENGTHS }, (_, n) => SHORTEST * STEP ** n)

/** A place of that time, or soon after it. `last`: the greatest id of a range that is taken, if one is. */
export function freeId(at: number, last: (from: number, before: number) => number | undefined): number {
  const from = Math.min(idFrom(at), (LAST_MS - FURTHEST) * A_MS)
  for (let ms = 1; ms <= FURTHEST; ms *= 8) {
    const taken = last(from, from + ms * A_MS)
    if (taken === undefined) return from
    const next = taken - (taken % LENGTHS) + LENGTHS
    if (next < from + ms * A_MS) return next
  }
  throw new Error("no place is left for an entry of that time")
}
/** Four minutes, 33 million entries. */
const FURTHEST = 8 ** 6
