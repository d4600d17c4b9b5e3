// Where extensions are found and whether they may be loaded, on folders of a test.

import { afterAll, expect, test } from "bun:test"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { findExtensions } from "../../../src/engine/host/found/find.ts"
import { compatibilityOf, trustOf } from "../../../src/engine/host/found/judge.ts"
import { readManifest } from "../../../src/engine/host/found/manifest.ts"
import { createFeed } from "../../../src/engine/host/run/feed.ts"
import { manifestOf, openShelf } from "../../support/extensions.ts"

const shelf = openShelf({})
afterAll(() => shelf[Symbol.dispose]())
const root = (name: string) => join(shelf.path, name)
function folder(path: string, files: Record<string, string> = { "events.js": "" }) {
  mkdirSync(root(path), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root(path), name), text)
}
const named = (found: ReturnType<typeof findExtensions>) =>
  found.map((one) =>
    "code" in one ? `${one.moduleName}: ${one.code}` : `${one.moduleName} of ${one.origin.type}`,
  )

test("roots are looked at in their order, folders by name, and the same folder once", () => {
  folder("repo/beta")
  folder("repo/lib")
  folder("repo/runtime")
  folder("repo/.hidden")
  folder("repo/nothing", { "readme.md": "" })
  folder("packages/alpha")
  folder("packages/lib")
  folder("single")
  symlinkSync(root("repo/beta"), root("packages/zeta"))
  const roots = [
    { type: "configured_root", path: root("single") },
    { type: "installed_package", path: root("packages") },
    { type: "repo_local", path: root("repo") },
    { type: "configured_root", path: root("missing") },
  ] as const
  expect(named(findExtensions(roots))).toEqual([
    "beta of repo_local",
    "alpha of installed_package",
    "lib of installed_package",
    "single of configured_root",
  ])
})

test("the module is the manifest's, else the first of events.js, .mjs, .ts", () => {
  const entry = (path: string) => {
    const [found] = findExtensions([{ type: "configured_root", path: root(path) }])
    return found && "entry" in found ? found.entry.slice(root(path).length + 1) : found?.code
  }
  const manifest = JSON.stringify(manifestOf("m", { entrypoints: { events: "src/main.js" } }))
  folder("named/src", { "main.js": "" })
  folder("named", { "extension.manifest.json": manifest, "events.js": "" })
  folder("unnamed", { "events.ts": "", "events.mjs": "" })
  folder("absent", { "extension.manifest.json": manifest })
  expect([entry("named"), entry("unnamed"), entry("absent")]).toEqual([
    "src/main.js",
    "events.mjs",
    "missing_entrypoint",
  ])
})

test("an extension inside the program is there, unless a folder of its name is, or it is left out", () => {
  const carried = { inside: { manifest: JSON.stringify(manifestOf("inside")) } }
  const [found] = findExtensions([], carried)
  expect(found).toMatchObject({
    moduleName: "inside",
    entry: "codexd:inside",
    origin: { type: "repo_local" },
  })
  expect(findExtensions([], carried, ["inside"])).toEqual([])
  folder("own/inside")
  const roots = [{ type: "repo_local", path: root("own") }] as const
  expect(findExtensions(roots, carried).map((one) => "entry" in one && one.entry)).toEqual([
    root("own/inside/events.js"),
  ])
  expect(findExtensions(roots, carried, ["inside"])).toEqual([])
})

test("a manifest says what is wrong by file and key; what it needn't know is ignored", () => {
  const read = (value: unknown) => readManifest(JSON.stringify(value), "/x/extension.manifest.json")
  expect(readManifest("{", "/x/m.json")).toMatchObject({
    wrong: expect.stringMatching(/^\/x\/m.json: it is no JSON/),
  })
  expect(read([])).toMatchObject({ wrong: expect.stringContaining("name is missing: a text is expected") })
  expect(read({ ...manifestOf("a"), name: "" })).toMatchObject({
    wrong: expect.stringMatching(/: name must not be empty/),
  })
  const odd = manifestOf("a", {
    runtime: { coreApiVersion: "1", profiles: [7, { name: "p" }] },
    capabilities: { events: ["a", 1, null], actions: "x" },
    entrypoints: 3,
    more: true,
  })
  expect(read(odd)).toMatchObject({
    manifest: {
      name: "a",
      runtime: { profiles: [{ name: "p" }] },
      capabilities: { events: ["a"] },
    },
  })
})

test("this runtime is 1, 1.0.0 and any profile that admits it", async () => {
  const fits = async (runtime: object) => {
    const read = readManifest(JSON.stringify(manifestOf("a", { runtime })), "m")
    if ("wrong" in read) throw new Error(read.wrong)
    return (await compatibilityOf(read.manifest)).compatible
  }
  expect((await compatibilityOf(undefined)).compatible).toBe(true)
  const good = [
    {},
    { coreApiVersion: 1 },
    { coreApiVersionRange: "^1.0.0" },
    { profiles: [{ name: "theirs", versionRange: ">=0.9 <2" }] },
    {
      profiles: [
        { name: "a", version: "2.0.0" },
        { name: "b", version: "1.0.0" },
      ],
    },
  ]
  const bad = [
    { coreApiVersion: 2 },
    { coreApiVersionRange: "^2" },
    { coreApiVersionRange: "nonsense" },
    { profiles: [{ name: "a", version: "2.0.0" }] },
  ]
  expect(await Promise.all(good.map(fits))).toEqual(good.map(() => true))
  expect(await Promise.all(bad.map(fits))).toEqual(bad.map(() => false))
})

test("trust: what was not declared is let pass, warned about or denied", () => {
  const status = (mode: "disabled" | "warn" | "enforced", declared: string[] | undefined) =>
    trustOf(mode, declared && { events: declared, actions: [], tools: undefined }, ["a"]).status
  expect(["disabled", "warn", "enforced"].map((mode) => status(mode as "warn", undefined))).toEqual([
    "accepted",
    "accepted_with_warnings",
    "denied",
  ])
  expect(["disabled", "warn", "enforced"].map((mode) => status(mode as "warn", ["b"]))).toEqual([
    "accepted",
    "accepted_with_warnings",
    "denied",
  ])
  expect(status("enforced", ["a"])).toBe("accepted")
  expect(status("enforced", ["*"])).toBe("accepted")
})

test("of events that nobody waits for so many wait, deltas fewer and dropped first, each counted", async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const emitted: string[] = []
  const dropped: string[] = []
  const emit = (event: { type: string }) => {
    emitted.push(event.type)
    return promise
  }
  const feed = createFeed({ emit, dropped: (type) => void dropped.push(type) })
  const give = (type: string, delta: boolean) => feed.give({ type, payload: null, scope: {}, delta })
  for (let n = 0; n < 64; n++) give("first", false)
  for (let n = 0; n < 300; n++) give("delta", true)
  expect(dropped).toHaveLength(50)
  for (let n = 0; n < 1_001; n++) give("fact", false)
  // The 250 deltas that waited made room; the last fact found none.
  expect(dropped.filter((type) => type === "delta")).toHaveLength(300)
  expect(dropped.filter((type) => type === "fact")).toHaveLength(1)
  expect(emitted).toHaveLength(64)
  resolve()
  for (let n = 0; n < 10_000 && emitted.length < 1_064; n++) await Promise.resolve()
  expect(emitted).toHaveLength(1_064)
})
