// A document's id is the time of its entry, a place among those of that time, and its look: about how long it is, and whether
// there is more to it than what is said. So the index itself answers in the order of time and with what ranking needs to know:
// no other table is looked at for ten thousand matches.

/** Lengths told apart: each is 1.8 times the one before. */
const LENGTHS = 16
const SHORTEST = 24
const STEP = 1.8
const LOOKS = 2 * LENGTHS
/** Entries of one millisecond that keep their place; those beyond take the ones that follow. */
const PLACES = 64
/** With them 2^53 is reached in the year 2109. */
const A_MS = PLACES * LOOKS
const LAST_MS = 2 ** 42 - 1
export const END = Number.MAX_SAFE_INTEGER

/** The first id of that moment. */
export const idFrom = (at: number): number => Math.min(Math.max(Math.floor(at), 0), LAST_MS) * A_MS
export const timeOf = (id: number): number => Math.floor(id / A_MS)

/** The same place with the look of these texts: what is said, and what stands beside it. */
export function withLook(id: number, said: string, beside: string): number {
  const characters = Math.max(said.length + beside.length, 1)
  const steps = Math.round(Math.log(characters / SHORTEST) / Math.log(STEP))
  const length = Math.min(Math.max(steps, 0), LENGTHS - 1)
  return id - (id % LOOKS) + length + (beside === "" ? 0 : LENGTHS)
}
/** In characters, about. */
export const lengthOf = (id: number): number => TYPICAL[id % LENGTHS] as number
const TYPICAL = Array.from({ length: LENGTHS }, (_, n) => SHORTEST * STEP ** n)
/** Nothing stands beside what is said. */
export const isSaid = (id: number): boolean => id % LOOKS < LENGTHS

/** A place of that time, or soon after it. `last`: the greatest id of a range that is taken, if one is. */
export function freeId(at: number, last: (from: number, before: number) => number | undefined): number {
  const from = Math.min(idFrom(at), (LAST_MS - FURTHEST) * A_MS)
  for (let ms = 1; ms <= FURTHEST; ms *= 8) {
    const taken = last(from, from + ms * A_MS)
    if (taken === undefined) return from
    const next = taken - (taken % LOOKS) + LOOKS
    if (next < from + ms * A_MS) return next
  }
  throw new Error("no place is left for an entry of that time")
}
/** Four minutes: 16 million entries. */
const FURTHEST = 8 ** 6
