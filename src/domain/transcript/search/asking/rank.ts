// The order of matches by how well they answer: BM25 over the terms that tell them apart. What it needs is in the index's own
// lists: how often a term stands in a document, and in the document's id how long it is.

import { isSaid, lengthOf } from "../ids.ts"

/** What the index says of a term. */
export interface Told {
  /** Ids, each as often as it stands there. */
  content: number[]
  elsewhere: number[]
  /** How often is not known: it is several words. Those that are told are of its rarest word, if that is rare. */
  isPhrase: boolean
  /** Documents that have it, of `of`. */
  matches: number
  of: number
}

/** What is said weighs more than what stands beside it (outputs, paths, parts of names). */
const CONTENT = 4
const K1 = 1.2
const B = 0.75

/** The `most` best of these, the best first, the newest of equals first. */
export function best(ids: readonly number[], terms: readonly Told[], most: number): number[] {
  const lengths = ids.map(lengthOf)
  const usual = lengths.reduce((sum, length) => sum + length, 0) / Math.max(ids.length, 1)
  const damping = lengths.map((length) => K1 * (1 - B + (B * length) / usual))
  const scores = new Float64Array(ids.length)
  for (const term of terms) {
    const weight = Math.log(1 + (term.of - term.matches + 0.5) / (term.matches + 0.5))
    const counts = countsOf(term)
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number
      // Once: a phrase, or a part of a name.
      const count = counts.get(id) ?? (term.isPhrase && isSaid(id) ? CONTENT : 1)
      scores[i] = (scores[i] as number) + (weight * count * (K1 + 1)) / (count + (damping[i] as number))
    }
  }
  const order = Array.from(ids, (_, i) => i)
  order.sort(
    (a, b) => (scores[b] as number) - (scores[a] as number) || (ids[b] as number) - (ids[a] as number),
  )
  return order.slice(0, most).map((i) => ids[i] as number)
}

function countsOf({ content, elsewhere }: Told): Map<number, number> {
  const counts = new Map<number, number>()
  for (const id of content) counts.set(id, (counts.get(id) ?? 0) + CONTENT)
  for (const id of elsewhere) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}
