// Where an entry stands in its turn, as text that sorts: decided when it is written, never when it is read. What is told comes
// one behind the other (`00000001b`); a row that belongs before another has that one's spot with `a` in place of its last `b`;
// one that belongs directly behind another hangs under it (`00000001b/…`). Among several, the first written comes first.

const digits = (n: number, width: number): string => String(n).padStart(width, "0")

/** Behind everything that the turn has so far: `last` is its highest spot. */
export const spotAfter = (last: string | undefined): string =>
  `${digits(last === undefined ? 1 : Number(last.slice(0, 8)) + 1, 8)}b`

/** Directly before the entry at `spot`, behind what was put there earlier. */
export const spotBefore = (spot: string, seq: number): string => `${spot.slice(0, -1)}a${digits(seq, 12)}b`

/** Directly behind the entry at `spot` and what was put there earlier. */
export const spotUnder = (spot: string, seq: number): string => `${spot}/${digits(seq, 12)}b`

/** The range of a spot and all that hang under it: from it, up to and without this. */
export const endOfSpot = (spot: string): string => `${spot}0`

/** Of an entry that was told in its own time, and stands neither before nor under another. */
export const isOwnSpot = (spot: string): boolean => spot.length === 9
