import { expect, test } from "bun:test"
import { createLines } from "../../../src/base/observe/lines.ts"
import type { Level } from "../../../src/base/observe/logger.ts"

function open() {
  const moments: (() => void)[] = []
  const written: string[] = []
  const lines = createLines({
    clock: { soon: (fn) => void moments.push(fn) },
    write: (text) => void written.push(text),
  })
  const later = () => {
    for (const moment of moments.splice(0)) moment()
  }
  return { lines, written, later }
}

test("lines of a moment are one write, in their order", () => {
  const { lines, written, later } = open()
  lines.put("a\n", "info")
  lines.put("b\n", "debug")
  expect(written).toEqual([])
  later()
  expect(written).toEqual(["a\nb\n"])
  lines.put("c\n", "info")
  later()
  expect(written).toEqual(["a\nb\n", "c\n"])
})

test.each(["warn", "error", "fatal"] as Level[])(
  "%s waits for nothing and takes what waits along",
  (level) => {
    const { lines, written, later } = open()
    lines.put("before\n", "info")
    lines.put("now\n", level)
    expect(written).toEqual(["before\nnow\n"])
    lines.put("after\n", "info")
    later()
    expect(written).toEqual(["before\nnow\n", "after\n"])
  },
)

test("a flood does not wait for the moment's end", () => {
  const { lines, written } = open()
  const line = `${"x".repeat(1_023)}\n`
  for (let i = 0; i < 100; i++) lines.put(line, "info")
  expect(written.length).toBe(1)
})

test("the end writes what waits", () => {
  const { lines, written, later } = open()
  lines.put("last\n", "info")
  lines[Symbol.dispose]()
  later()
  expect(written).toEqual(["last\n"])
})
