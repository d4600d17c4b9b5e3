// Counters, histograms and readings, and that a stranger's label values can't grow them without bound.

import { expect, test } from "bun:test"
import { createMeters, MOST_SERIES } from "../../../src/base/observe/meters.ts"
import { createExposition } from "../../../src/flow/kept/exposition.ts"

test("a histogram counts into cumulative buckets, and a value on a bound is within it", () => {
  const meters = createMeters()
  const note = meters.histogram({ name: "t", help: "h", labels: ["of"] }, [1, 5])
  for (const value of [0.5, 1, 3, 7]) note(["a"], value)
  const [meter] = meters.all()
  expect(meter?.samples().map(({ suffix, labels, value }) => [suffix, labels.le, value])).toEqual([
    ["_bucket", "1", 2],
    ["_bucket", "5", 3],
    ["_bucket", "+Inf", 4],
    ["_sum", undefined, 11.5],
    ["_count", undefined, 4],
  ])
})

test("beyond its limit a meter counts what is new as other, and loses nothing", () => {
  const meters = createMeters()
  const count = meters.counter({ name: "c", help: "h", labels: ["x", "y"] })
  for (let i = 0; i < MOST_SERIES + 50; i++) count([`x${i}`, "y"])
  count(["x0", "y"])
  const samples = meters.all()[0]?.samples() ?? []
  expect(samples).toHaveLength(MOST_SERIES + 1)
  expect(samples.find(({ labels }) => labels.x === "other")?.value).toBe(50)
  expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(MOST_SERIES + 51)
})

test("a name is taken once; the text form escapes labels and leaves out what can't be read", async () => {
  const meters = createMeters()
  meters.counter({ name: "c_total", help: 'a "help"\nof two lines', labels: ["of"] })(['a"b\n\\'], 2)
  meters.read({ name: "g", help: "h", labels: ["of"] }, () => [
    [["here"], 0],
    [["gone"], null],
  ])
  expect(() => meters.counter({ name: "g", help: "" })).toThrow("there already")
  const expose = createExposition(meters)
  const { type, text } = await expose()
  expect(type).toContain("text/plain")
  expect(text).toContain("# TYPE c_total counter")
  expect(text).toContain('c_total{of="a\\"b\\n\\\\"} 2')
  expect(text).toContain('g{of="here"} 0')
  expect(text).not.toContain("gone")
})
