// The house rules as a program: floors, doors, engines apart, words said in one place, sizes. It fails with the line that
// broke a rule. The rules are data, so that a change of the house is a change of a line here.

import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

interface Source {
  path: string
  text: string
}

/** Who may import whom, by the beginning of paths under src. `type:` needs `import type`. */
const ARROWS: Record<string, string[]> = {
  // The version is ground for all.
  "": ["version.ts"],
  "app.ts": [""],
  "inspect.ts": ["base/", "domain/", "engine/", "type:edge/cli/needs.ts"],
  "main.ts": ["main.run.ts", "main.host.ts", "base/platform/"],
  "main.node.ts": ["main.run.ts", "main.host.ts", "base/platform/"],
  // Hosts of extensions: they begin small.
  "main.host.ts": ["carried.ts", "engine/host/child/", "engine/host/link/", "base/kit/", "base/platform/"],
  "authors.ts": ["base/", "engine/host/", "type:edge/cli/needs.ts"],
  "keeping.ts": ["base/", "type:edge/cli/needs.ts"],
  "main.run.ts": ["app.ts", "authors.ts", "inspect.ts", "keeping.ts", "base/", "edge/cli/", "engine/model/"],
  "edge/http/": ["edge/stream/", "flow/", "domain/", "base/", "type:engine/"],
  "edge/stream/": ["domain/", "base/", "type:flow/", "type:engine/"],
  "edge/cli/": ["domain/", "base/", "type:flow/", "type:engine/"],
  "edge/console/": ["base/"],
  "client/": ["base/kit/backoff.ts", "type:edge/http/"],
  "flow/ingest/": ["flow/", "domain/", "engine/runtime/", "base/"],
  "flow/jobs/": ["flow/", "domain/", "engine/", "base/"],
  "flow/actions/": ["flow/", "domain/", "engine/", "base/"],
  "flow/workers/": ["flow/", "domain/", "engine/", "base/"],
  "flow/extensions/": ["flow/", "domain/", "engine/", "base/"],
  "flow/startup.ts": ["flow/ingest/"],
  "flow/": ["flow/acts/", "flow/rooms.ts", "type:flow/", "domain/", "engine/", "base/"],
  "domain/sessions/": ["domain/projects/", "domain/controls/"],
  "domain/turns/": ["domain/sessions/", "domain/controls/", "domain/transcript/"],
  "domain/requests/": ["domain/transcript/"],
  "domain/": ["domain/events.ts", "base/", "type:engine/"],
  "engine/": ["base/"],
  "base/": ["base/"],
}

interface Word {
  pattern: RegExp
  only: RegExp
  rule: string
}

const WORDS: Word[] = [
  {
    pattern: /\bBun\.|["']bun:|["']bun["']/,
    only: /^base\/(platform|storage)\//,
    rule: "Bun is named in base/platform and base/storage only",
  },
  {
    pattern: /["']node:/,
    only: /^base\/(platform|storage)\//,
    rule: "node:* is named in base/platform and base/storage only",
  },
  {
    pattern: /\bprocess\.\w|= process\b/,
    only: /^(main[\w.]*|base\/platform\/[\w-]+)\.ts$/,
    rule: "the process is named in main*.ts only",
  },
  {
    pattern: /\b(setTimeout|setInterval|setImmediate|Date\.now|new Date\(\)|performance\.now|randomUUID)/,
    only: /^(base\/(kit|platform)|client)\//,
    rule: "clock, timers and ids come from base/kit",
  },
  {
    pattern:
      /\b(SELECT\b.*\bFROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA)\b/,
    only: /(\/store\.ts|^base\/events\/[\w-]+\.ts|^base\/storage\/.*)$/,
    rule: "SQL lives in a room's store.ts, in base/events and in base/storage",
  },
  {
    pattern: /\bstatus(Code)?: [1-5]\d\d\b/,
    only: /^(edge\/|base\/fault\.ts|base\/platform\/|engine\/model\/)/,
    rule: "HTTP status numbers belong to edge and base/fault.ts",
  },
  { pattern: /^export default\b/, only: /^$/, rule: "no default exports" },
  { pattern: /^export (type )?(\*|\{[^}]*\}) from\b/, only: /^$/, rule: "no barrels" },
  { pattern: /\b(TODO|FIXME|XXX)\b/, only: /^$/, rule: "no notes to self" },
]

const MAX_LINES = 300
const MAX_FILES = 8
/** One file, one function; one file a resource; one file a migration. */
const WIDE = /^(base\/(kit|platform|storage\/migrations)|edge\/http\/(routes|openapi\/rows)|flow\/jobs)$/

/** Every broken rule as `path:line: what it says ← rule`. */
function broken(sources: Source[]): string[] {
  const complaints = sources.flatMap((source) => [
    ...lineRules(source),
    ...arrowRule(source),
    ...sizeRule(source),
  ])
  const rooms = Map.groupBy(sources, ({ path }) => dirname(path))
  for (const [room, files] of rooms) {
    if (files.length > MAX_FILES && room !== "." && !WIDE.test(room)) {
      complaints.push(`${room}: ${files.length} files ← at most ${MAX_FILES} a room`)
    }
  }
  return complaints
}

/** The text of a program that an author gets; its words are not ours. */
const WRITTEN_FOR_OTHERS = "edge/cli/extensions/template.ts"

function lineRules({ path, text }: Source): string[] {
  if (path === WRITTEN_FOR_OTHERS) return []
  return text.split("\n").flatMap((line, at) => {
    if (/^\s*(\/\/|\*|\/\*)/.test(line)) return []
    const rules = WORDS.filter(({ pattern, only }) => pattern.test(line) && !only.test(path))
    return rules.map(({ rule }) => `${path}:${at + 1}: ${line.trim()} ← ${rule}`)
  })
}

function arrowRule({ path, text }: Source): string[] {
  const statements = text.matchAll(/(?:^(?:import|export)\b([^"';=]*?)|\bimport\()["'](\.[^"']+)["']/gm)
  return [...statements].flatMap(({ 0: whole, 1: names = "", 2: to = "", index }) => {
    if (mayImport(path, normalize(join(dirname(path), to)), names.startsWith(" type"))) return []
    const at = text.slice(0, index + whole.length).split("\n").length
    return [`${path}:${at}: ${whole.split("\n").at(-1)} ← no such arrow in the house`]
  })
}

function sizeRule({ path, text }: Source): string[] {
  const lines = text.trimEnd().split("\n").length
  // The plan is a list of rooms: it is as long as there are rooms.
  return lines > MAX_LINES && !path.includes("/protocol/") && path !== "app.ts"
    ? [`${path}: ${lines} lines ← at most ${MAX_LINES}`]
    : []
}

function mayImport(from: string, to: string, typed: boolean): boolean {
  // Out of src only the version's home and the extensions inside the program are taken.
  if (to.startsWith(".."))
    return (
      (from === "version.ts" && to === "../package.json") ||
      (from === "carried.ts" && to.startsWith("../extensions/"))
    )
  if (roomOf(from) === roomOf(to) && from.includes("/")) return true
  const rules = Object.entries(ARROWS).filter(([who]) => from.startsWith(who))
  return rules.some(([, all]) =>
    all.some((to1) => (to1.startsWith("type:") ? typed && to.startsWith(to1.slice(5)) : to.startsWith(to1))),
  )
}

/** `domain/turns`, `engine/runtime`: what lies under it is one room. */
const roomOf = (path: string) =>
  path
    .split("/")
    .slice(0, path.split("/").length > 2 ? 2 : 1)
    .join("/")

function sourcesOf(root: string): Source[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
}

test("the house keeps its rules", () => {
  const sources = sourcesOf(join(import.meta.dir, "../src"))
  expect(sources.length).toBeGreaterThan(20)
  expect(broken(sources).join("\n")).toBe("")
})

test("extensions know the contract and nothing else of src", () => {
  const root = join(import.meta.dir, "../extensions")
  const imports = sourcesOf(root).flatMap(({ path, text }) =>
    [...text.matchAll(/from ["']([^"']*\/src\/[^"']+)["']/g)].map(([, to]) => `${path}: ${to}`),
  )
  expect(imports.filter((line) => !line.endsWith("/src/engine/host/contract.ts"))).toEqual([])
})

const BAD: [path: string, line: string, rule: RegExp][] = [
  ["domain/turns/a.ts", 'import { x } from "../../edge/http/api.ts"', /arrow/],
  ["domain/turns/a.ts", 'import type { X } from "../../flow/acts/acts.ts"', /arrow/],
  ["domain/controls/a.ts", 'import { x } from "../turns/turns.ts"', /arrow/],
  ["domain/turns/a.ts", 'import { x } from "../../engine/runtime/peer.ts"', /arrow/],
  ["engine/queue/a.ts", 'import type { X } from "../runtime/peer.ts"', /arrow/],
  ["engine/runtime/a.ts", 'import type {\n  X,\n} from "../../domain/events.ts"', /a.ts:3: .*arrow/],
  ["edge/http/a.ts", 'import {\n  x,\n} from "../../engine/runtime/peer.ts"', /arrow/],
  ["base/kit/a.ts", 'const x = await import("../../app.ts")', /arrow/],
  ["edge/cli/a.ts", 'import { x } from "../../app.ts"', /arrow/],
  ["edge/cli/a.ts", 'import { x } from "../http/api.ts"', /arrow/],
  ["main.ts", 'import { x } from "./edge/http/api.ts"', /arrow/],
  ["domain/turns/a.ts", "const { env } = process", /process/],
  ["edge/http/a.ts", "Bun.serve({})", /Bun/],
  ["flow/acts/a.ts", 'import { join } from "node:path"', /node/],
  ["flow/acts/a.ts", "setTimeout(go, 10)", /clock/],
  ["flow/acts/a.ts", "const q = `SELECT id FROM turns`", /SQL/],
  ["domain/turns/turns.ts", "throw reply({ status: 409 })", /status/],
  ["base/kit/a.ts", "export default 1", /default/],
  ["base/kit/a.ts", 'export * from "./b.ts"', /barrel/],
]

test.each(BAD)("in %s it notices %p", (path, text, rule) => {
  expect(broken([{ path, text }]).join("\n")).toMatch(rule)
})

test("it notices a file that is too long", () => {
  expect(broken([{ path: "base/kit/a.ts", text: `${"\n".repeat(300)}1` }])).toHaveLength(1)
})

test("it lets good lines and comments pass, and counts the files of a room", () => {
  const good = [
    {
      path: "domain/turns/a.ts",
      text: '// Bun.serve\nimport type { Peer } from "../../engine/runtime/peer.ts"',
    },
    {
      path: "edge/http/routes/a.ts",
      text: 'import { x } from "../../../domain/turns/turns.ts"\nc.json({}, { status: 202 })',
    },
    { path: "domain/turns/store.ts", text: "const q = `SELECT id FROM turns`" },
  ]
  expect(broken(good)).toEqual([])
  const crowd = Array.from({ length: 9 }, (_, n) => ({ path: `domain/turns/f${n}.ts`, text: "" }))
  expect(broken(crowd)).toEqual(["domain/turns: 9 files ← at most 8 a room"])
})
