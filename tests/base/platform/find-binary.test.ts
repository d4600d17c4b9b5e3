import { afterAll, describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type BinaryWish, findBinary } from "../../../src/base/platform/find-binary.ts"
import { BINARIES, openTestHome } from "../../support/raw-codex.ts"

const home = openTestHome("find")
afterAll(() => home[Symbol.dispose]())
const at = (...parts: string[]) => join(home.path, ...parts)

function program(...parts: string[]): string {
  const file = at(...parts)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, "#!/bin/sh\n")
  chmodSync(file, 0o755)
  return file
}
const find = (wish: Partial<BinaryWish>) =>
  findBinary({ wanted: undefined, path: "/usr/bin:/bin", cwd: at("work"), beside: at("daemon"), ...wish })

describe("finding codex", () => {
  test("CODEX_BIN is a path, taken from the working directory, or a name on PATH", () => {
    const file = program("work", "my-codex")
    expect(find({ wanted: file })).toMatchObject({ file, from: "CODEX_BIN", path: "/usr/bin:/bin" })
    expect(find({ wanted: "./my-codex" })?.file).toBe(file)
    expect(find({ wanted: "my-codex" })).toBeUndefined()
    expect(find({ wanted: "my-codex", path: at("work") })?.file).toBe(file)
  })

  test("a CODEX_BIN that names nothing is not replaced by another codex", () => {
    program("bin", "codex")
    expect(find({ wanted: "/nowhere/codex", path: at("bin") })).toBeUndefined()
    expect(find({ wanted: at("bin"), path: at("bin") })).toBeUndefined()
  })

  test("PATH before node_modules, the working directory's before the daemon's, upward", () => {
    const onPath = program("bin", "codex")
    const upward = program("node_modules", ".bin", "codex")
    const nearer = program("daemon", "node_modules", ".bin", "codex")
    expect(find({ wanted: "codex", path: at("bin") })).toMatchObject({ file: onPath, from: "PATH" })
    expect(find({ path: "relative:" })).toMatchObject({ file: upward, from: "node_modules" })
    expect(find({ cwd: "/", beside: at("daemon", "dist") })?.file).toBe(nearer)
  })

  test("the key changes with the binary", () => {
    const file = program("keyed", "codex")
    const before = find({ wanted: file })?.key
    utimesSync(file, 1, 1)
    expect(find({ wanted: file })?.key).not.toBe(before)
  })
})

describe("behind npm's launcher", () => {
  const roots = {
    "0.105.0": "path",
    "0.130.0": "path",
    "0.150.1": "codex-path",
    "0.169.0": "codex-path",
  }
  for (const [version, companions] of Object.entries(roots)) {
    test(`${version}: the native binary, with its companions in front of PATH`, () => {
      const binary = BINARIES[version] ?? ""
      const root = binary.slice(0, binary.indexOf("/@openai/"))
      const found = find({ cwd: dirname(root) })
      expect(found?.file).toBe(binary)
      expect(found?.path).toBe(`${join(dirname(dirname(binary)), companions)}:/usr/bin:/bin`)
    })
  }

  test("a launcher without its native package is no codex", () => {
    const launcher = at("broken", "node_modules", "@openai", "codex", "bin", "codex.js")
    mkdirSync(dirname(launcher), { recursive: true })
    writeFileSync(launcher, "#!/usr/bin/env node\n")
    chmodSync(launcher, 0o755)
    mkdirSync(at("broken", "node_modules", ".bin"))
    symlinkSync(launcher, at("broken", "node_modules", ".bin", "codex"))
    expect(find({ cwd: at("broken") })).toBeUndefined()
  })
})
