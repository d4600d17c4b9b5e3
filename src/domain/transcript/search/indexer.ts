// Takes written entries into the index before their transaction ends. What comes by the thousand (a fork, an import, a
// database from before there was an index) is taken in piece by piece: until then it stands in search_pending, over kills too.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Db, Ledger, Tx } from "../../../base/storage/port.ts"
import { dropDoc, isPending, type Pending, pendingEntries, putDoc, taken } from "./store.ts"
import { contentOf, moreOf } from "./text.ts"
import { HIDDEN, humps, indexable, tag } from "./words.ts"

/** What one commit takes in, some 30 ms at most: 200 short entries, or as much text (8 MB a second; one of 250 KB takes as long). */
const A_COMMIT = { entries: 200, bytes: 256 * 1024 }

/** Indexes from now on. The caller's database commits once more for each piece that is left. */
export function keepIndexed({ db, clock }: { db: Db; clock: Clock }): void {
  let left = false
  let asked = false
  const ledger: Ledger = {
    write(tx) {
      left = isPending(tx) && takeIn(tx, clock.now())
    },
    committed() {
      if (!left || asked) return
      asked = true
      clock.soon(() => {
        asked = false
        // A full disk, or the end: the next commit goes on.
        db.act(() => undefined).catch(() => {})
      })
    },
  }
  db.attach(ledger)
  db.act(() => undefined).catch(() => {})
}

/** True if there is more. */
function takeIn(tx: Tx, now: number): boolean {
  const pending = pendingEntries(tx, A_COMMIT.entries, A_COMMIT.bytes)
  const entries = pending.map((entry) => ({ ...entry, at: entry.at ?? now }))
  // In the order of their ids: at each step back the index would begin a new piece of its own (ten times slower).
  entries.sort((a, b) => a.at - b.at)
  for (const entry of entries) {
    if (entry.shown) putDoc(tx, entry, wordsOfEntry(entry))
    else if (entry.doc !== undefined) dropDoc(tx, entry.doc)
    taken(tx, entry)
  }
  return isPending(tx)
}

/** What the index is given of an entry. */
export function wordsOfEntry(entry: Pending) {
  const content = indexable(contentOf(entry))
  const more = indexable(moreOf(entry))
  const tags = [tag("s", entry.sessionId), tag("r", entry.role), tag("t", entry.type)]
  if (entry.hidden) tags.push(HIDDEN)
  return { content, more, parts: humps(`${content}\n${more}`), tags: tags.join(" ") }
}
