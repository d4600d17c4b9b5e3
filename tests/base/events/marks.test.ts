// Marks of threads are bounded: what is forgotten of them may show as a gap where none is, never as none where one is.

import { expect, test } from "bun:test"
import { createMarks } from "../../../src/base/events/marks.ts"

const fact = (thread: string, n: number) => ({ thread, scope: "thread" as const, kind: "fact", n })

test("of many threads the newest are told apart, and whoever listens to an older one gets a gap", () => {
  const all = Array.from({ length: 100 }, (_, i) => fact(`t${i}`, 10 * (i + 1)))
  const exact = createMarks(all)
  const bounded = createMarks(all, 10)
  for (const { thread, n } of all) {
    expect(exact.lost({ thread })).toBe(n)
    expect(bounded.lost({ thread })).toBeGreaterThanOrEqual(n)
  }
  expect(bounded.lost({ thread: "t99" })).toBe(1_000)
  expect(bounded.lost({ thread: null })).toBe(1_000)
  // Far behind what any listener of a newer thread has seen.
  expect(bounded.lost({ thread: "new" })).toBeLessThan(1_000)
  expect(bounded.lost({ thread: "new" })).toBeGreaterThan(0)
  expect(exact.lost({ thread: "new" })).toBe(0)
})

test("a delta of a turn whose end was forgotten counts as missing", () => {
  const ends = Array.from({ length: 20 }, (_, i) => ({
    thread: `t${i}`,
    scope: "",
    kind: "settled",
    n: 100 + i,
  }))
  const marks = createMarks(ends as never, 8)
  expect(marks.settledAt("t19")).toBe(119)
  expect(marks.settledAt("t0")).toBe(0)
  const changes = marks.changes()
  changes.gone("delta", { thread: "t0", scope: "thread", n: 50 })
  changes.gone("delta", { thread: "t19", scope: "thread", n: 50 })
  marks.apply(changes)
  expect([marks.lost({ thread: "t0" }), marks.lost({ thread: "t19" })]).toEqual([50, 0])
})
