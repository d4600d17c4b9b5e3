// What is somebody else's is not taken for ours: whoever owns a folder or a file reads what is in it.

import { afterAll, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { claimFolder, readPrivate } from "../../../src/base/platform/files.ts"

const folder = mkdtempSync(join(tmpdir(), "codexd-files-"))
afterAll(() => rmSync(folder, { recursive: true }))
const somebody = userInfo().uid + 1

test("a data folder of another user is refused, also behind a link, and stays as it was", () => {
  const theirs = join(folder, "theirs")
  mkdirSync(theirs)
  chmodSync(theirs, 0o755)
  const link = join(folder, "link")
  symlinkSync(theirs, link)
  for (const path of [theirs, link])
    expect(() => claimFolder(path, somebody)).toThrow(`${path} belongs to another user`)
  expect(statSync(theirs).mode & 0o777).toBe(0o755)
})

test("a folder of ours that others could enter is shut, and says what it was", () => {
  const ours = join(folder, "ours")
  mkdirSync(ours)
  chmodSync(ours, 0o750)
  expect(claimFolder(ours)).toBe(0o750)
  expect(claimFolder(ours)).toBeUndefined()
  expect(statSync(ours).mode & 0o777).toBe(0o700)
})

test("a token of another user's file, or behind a link, is no token", () => {
  const file = join(folder, "token")
  writeFileSync(file, "secret", { mode: 0o600 })
  const link = join(folder, "token-link")
  symlinkSync(file, link)
  expect(() => readPrivate(file, somebody)).toThrow("belongs to another user")
  expect(() => readPrivate(link)).toThrow("is no file")
  expect(readPrivate(file)?.text).toBe("secret")
})
