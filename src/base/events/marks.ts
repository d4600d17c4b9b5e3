// What no replay can show any more, as the highest number that is gone: per thread, scope and kind. A listener has a gap when
// something visible to it is gone after where it stopped. Deltas count only until what they built up is finished.

import type { Tx } from "../storage/port.ts"
import type { Scope } from "./event.ts"
import { clearDeltaMarks, type Filter, type MarkRow, raiseMark } from "./rows/store.ts"

/** fact and delta: lost or dropped; raw: never meant to be stored. */
export type Kind = "fact" | "delta" | "raw"

/** Marks that a tick raises, in the order in which things happened. */
export interface Changes {
  gone(kind: Kind, at: { thread: string; scope: Scope; n: number }): void
  settle(thread: string, n: number): void
  /** Takes over a mark of other changes. */
  put(mark: MarkRow): void
  readonly size: number
  each(see: (mark: MarkRow) => void): void
}

export type Marks = ReturnType<typeof createMarks>

const SCOPES = ["thread", "hidden", "none", "global"] as const
const keyOf = (scope: string, thread: string): string => `${scope} ${thread}`

/** Threads whose marks are told apart. Beyond it the oldest count as one: their listeners get a gap rather than a hole. */
const MOST = 10_000

export function createMarks(rows: readonly MarkRow[], most = MOST) {
  const gone = {
    fact: new Map<string, number>(),
    delta: new Map<string, number>(),
    raw: new Map<string, number>(),
  }
  /** The highest mark of those that are no longer told apart. */
  const forgotten = { fact: 0, raw: 0 }
  // The highest of all threads, for unfiltered listeners. Deltas have none: their marks are few and may go away.
  const highest = { fact: { open: 0, global: 0 }, raw: { open: 0, global: 0 } }
  const settled = new Map<string, number>()

  const raise = ({ thread, scope, kind, n }: MarkRow): void => {
    if (kind === "settled") {
      settled.set(thread, Math.max(n, settled.get(thread) ?? 0))
      // A forgotten one leaves more deltas to be missed, never fewer.
      if (settled.size > most) forgetOldest(settled)
      for (const each of SCOPES) gone.delta.delete(keyOf(each, thread))
      return
    }
    const marks = gone[kind as Kind]
    const key = keyOf(scope, thread)
    marks.set(key, Math.max(n, marks.get(key) ?? 0))
    if (kind === "delta") return
    if (marks.size > most)
      forgotten[kind as "fact" | "raw"] = Math.max(forgotten[kind as "fact" | "raw"], forgetOldest(marks))
    if (scope === "hidden") return
    const top = highest[kind as "fact" | "raw"]
    const which = scope === "global" ? "global" : "open"
    top[which] = Math.max(n, top[which])
  }

  const goneDelta = ({ thread }: Filter): number => {
    let n = 0
    for (const [key, at] of gone.delta) {
      const visible =
        key.startsWith("global ") ||
        (thread === null
          ? !key.startsWith("hidden ")
          : key === keyOf("thread", thread) || key === keyOf("hidden", thread))
      if (visible && at > n) n = at
    }
    return n
  }

  const goneOf = (kind: "fact" | "raw", { thread }: Filter): number => {
    const { open, global } = highest[kind]
    if (thread === null) return Math.max(open, global)
    const of = (scope: string) => gone[kind].get(keyOf(scope, thread)) ?? forgotten[kind]
    return Math.max(global, of("thread"), of("hidden"))
  }

  // Settled marks first, so that they don't clear the delta marks that stand after them.
  for (const row of rows) if (row.kind === "settled") raise(row)
  for (const row of rows) if (row.kind !== "settled") raise(row)

  return {
    /** The highest number gone that this listener should have seen. */
    lost: (filter: Filter): number => Math.max(goneOf("fact", filter), goneDelta(filter)),
    /** The highest number that was never meant to be stored. */
    raw: (filter: Filter): number => goneOf("raw", filter),
    /** Up to where the deltas of a thread are finished. */
    settledAt: (thread: string): number => settled.get(thread) ?? 0,
    changes: (): Changes => openChanges((thread) => settled.get(thread) ?? 0),
    apply: (changes: Changes): void => changes.each(raise),
  }
}

/** Half of them, so that the work is shared by the many that come next. Answers the highest that went. */
function forgetOldest(marks: Map<string, number>): number {
  const oldest = [...marks].sort(([, a], [, b]) => a - b).slice(0, marks.size >> 1)
  for (const [key] of oldest) marks.delete(key)
  return oldest.at(-1)?.[1] ?? 0
}

export function writeMarks(tx: Tx, changes: Changes): void {
  changes.each((mark) => {
    if (mark.kind === "settled") clearDeltaMarks(tx, mark.thread)
    raiseMark(tx, mark)
  })
}

/** Keeps the highest of each mark only; `each` gives settled ones first, and no delta that they excuse. */
function openChanges(settledBefore: (thread: string) => number): Changes {
  const settled = new Map<string, MarkRow>()
  const gone = new Map<string, MarkRow>()
  const raise = (to: Map<string, MarkRow>, mark: MarkRow): void => {
    const key = `${mark.kind} ${keyOf(mark.scope, mark.thread)}`
    const known = to.get(key)
    if (!known) to.set(key, mark)
    else if (known.n < mark.n) known.n = mark.n
  }
  const settledAt = (thread: string): number =>
    settled.get(`settled ${keyOf("", thread)}`)?.n ?? settledBefore(thread)
  const take = ({ kind, thread, scope, n }: MarkRow): void => {
    if (kind === "delta" && n <= settledAt(thread)) return
    raise(kind === "settled" ? settled : gone, { kind, thread, scope, n })
    if (kind !== "settled") return
    for (const each of SCOPES) gone.delete(`delta ${keyOf(each, thread)}`)
  }
  return {
    gone: (kind, { thread, scope, n }) => take({ kind, thread, scope, n }),
    settle: (thread, n) => take({ kind: "settled", thread, scope: "", n }),
    put: take,
    get size() {
      return settled.size + gone.size
    },
    each(see) {
      for (const mark of settled.values()) see(mark)
      for (const mark of gone.values()) see(mark)
    },
  }
}
