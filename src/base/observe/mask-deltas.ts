// Text that streams comes in pieces, and a secret may lie across two of them: the end of a piece that may begin a secret is held
// back until the next one shows. Nothing is lost: whatever is held when an item ends is in the item, which is told whole.

import type { Masks } from "./logger.ts"

/** Streams remembered at a time. */
const KEPT = 1_000

/** Answers the piece as it may be told, in order for each stream; costs nothing while there is no secret. */
export function createDeltaMask(masks: Masks) {
  const held = new Map<string, string>()
  return (piece: string, streamOf: () => string): string => {
    if (masks.empty()) return piece
    const stream = streamOf()
    const text = masks.apply((held.get(stream) ?? "") + piece)
    const tail = masks.beginning(text)
    if (held.size >= KEPT) held.clear()
    if (tail === "") held.delete(stream)
    else held.set(stream, tail)
    return text.slice(0, text.length - tail.length)
  }
}
export type DeltaMask = ReturnType<typeof createDeltaMask>
