import { afterAll, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ensurePrivateFolder, openBlock, readText, writePrivate } from "../../../src/base/platform/files.ts"

const folder = mkdtempSync(join(tmpdir(), "codexd-files-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const modeOf = (path: string): number => statSync(path).mode & 0o777

test("a private file is replaced whole, is 0600 whatever was there, and leaves no draft", () => {
  const path = join(folder, "token")
  expect(readText(path)).toBeUndefined()
  writeFileSync(path, "old, and longer than the new one", { mode: 0o644 })
  writePrivate(path, "new ü")
  expect(readText(path)).toBe("new ü")
  expect(modeOf(path)).toBe(0o600)
  expect(readdirSync(folder)).toEqual(["token"])
})

test("a write that can't be finished leaves the old file and no draft", () => {
  const path = join(folder, "taken")
  mkdirSync(join(path, "inner"), { recursive: true })
  expect(() => writePrivate(path, "x")).toThrow(`${path} can't be written: `)
  expect(readdirSync(folder).filter((name) => name.includes("draft"))).toEqual([])
})

test("a private folder ends up 0700 with all its parents made", () => {
  const path = join(folder, "a/b")
  ensurePrivateFolder(path)
  chmodSync(path, 0o755)
  ensurePrivateFolder(path)
  expect(modeOf(path)).toBe(0o700)
})

test("a block keeps its size and place while it is written, and its text over openings", () => {
  const path = join(folder, "block")
  using block = openBlock(path)
  expect(block.read()).toBe("")
  const { ino } = statSync(path)
  block.write("a longer text")
  block.write("short")
  expect(() => block.write("x".repeat(501))).toThrow(RangeError)
  expect(statSync(path)).toMatchObject({ ino, size: 4096 })
  using again = openBlock(path)
  expect(again.read()).toBe("short")
})

test("a block of the wrong size is made anew", () => {
  const path = join(folder, "odd")
  writeFileSync(path, "cut")
  using block = openBlock(path)
  expect(block.read()).toBe("")
  expect(statSync(path).size).toBe(4096)
})
