// What the pages name is what the code has.

import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { VARIABLES } from "../src/base/config/variables.ts"
import { FAULTS } from "../src/base/fault.ts"
import { FRAME_ROWS } from "../src/edge/http/openapi/frames.ts"
import { OPERATIONS } from "../src/edge/http/openapi/table.ts"
import { FAMILIES } from "../src/edge/stream/wire/families.ts"
import { FRAMES } from "../src/edge/stream/wire/frames.ts"

const page = (name: string) => readFileSync(join(import.meta.dir, "../docs", name), "utf8")

test("the stream's page names every family, and only frames that there are", () => {
  const text = page("stream.md")
  for (const family of FAMILIES) expect(text).toContain(`\`${family}\``)
  const rows = text.split("\n").filter((line) => /^\| `(request|session|project|system)` \|/.test(line))
  const named = rows.flatMap((row) => [...row.matchAll(/`([a-z]+_[a-z_]+)`/g)].map((match) => match[1] ?? ""))
  expect(named.length).toBeGreaterThan(8)
  const event = { n: 1, at: 0, scope: "thread", thread: "t", context: "", stored: true } as const
  const known = Object.entries(FRAMES).flatMap(([type, kinds]) =>
    kinds.map((kind) => {
      try {
        return kind.type({ ...event, type, body: `{"frame":"named"}` }, {} as never).replaceAll(`"`, "")
      } catch {
        return ""
      }
    }),
  )
  const requests = ["approval", "tool_user_input", "tool_call"]
  const named1 = requests.flatMap((name) => [`${name}_resolved`, `${name}_requested`])
  for (const name of named) expect([...known, ...named1, "server_request"]).toContain(name)
})

const PAGES = readdirSync(join(import.meta.dir, "../docs")).filter((name) => name.endsWith(".md"))
const known = Object.keys(OPERATIONS).map((key) => {
  const [method = "", path = ""] = key.split(" ")
  return { method, is: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:\w+/g, "[^/]+")}$`) }
})

test.each(PAGES)("every route that %s names is there", (name) => {
  const named = page(name).matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/api\/[^\s`?[]*)/g)
  for (const [, method, path = ""] of named) {
    // `…/approvals` and the like are parts of a path.
    if (path.includes("…")) continue
    expect([`${method} ${path}`, known.some((one) => one.method === method && one.is.test(path))]).toEqual([
      `${method} ${path}`,
      true,
    ])
  }
})

/** Of Codex, the shell and the examples. */
const NOT_OURS = new Set(["API", "TOKEN", "CODEXD_RUN", "CODEX_THREAD_ID", "SCRIPTED_MODEL"])

test.each(PAGES)("every variable that %s sets is one", (name) => {
  for (const [, word = ""] of page(name).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)) {
    if (NOT_OURS.has(word)) continue
    expect([word, Object.hasOwn(VARIABLES, word)]).toEqual([word, true])
  }
})

test("the API's page names faults with their statuses, and every curl of it is a route", () => {
  const text = page("api.md")
  const rows = text.split("\n").filter((line) => /^\| \d{3} \|/.test(line))
  expect(rows.length).toBeGreaterThan(4)
  for (const row of rows) {
    const status = Number(/^\| (\d{3})/.exec(row)?.[1])
    const codes = [...(row.split("|")[2] ?? "").matchAll(/`([a-z_]+)`/g)].map(([, code = ""]) => code)
    for (const code of codes) {
      expect([code, (FAULTS as Record<string, { status: number }>)[code]?.status]).toEqual([code, status])
    }
  }
  const asked = [...text.matchAll(/`(get|post) '?([^\s'`?]+)/g)]
  expect(asked.length).toBeGreaterThan(8)
  for (const [, verb = "", path = ""] of asked) {
    const at = `/api/${path}`
    expect([at, known.some((one) => one.method === verb.toUpperCase() && one.is.test(at))]).toEqual([
      at,
      true,
    ])
  }
  for (const [, name] of text.matchAll(/\]\((\w+\.md)\)/g)) expect(PAGES).toContain(name ?? "")
})

test("the stream's page names every frame that is described, but for jobs and suggestions", () => {
  const text = page("stream.md")
  for (const [type, { family }] of Object.entries(FRAME_ROWS)) {
    if (["job", "suggestion", "alias", "transcript"].includes(family)) continue
    expect(text).toContain(`\`${type}\``)
  }
})

test("the index in the README names every page", () => {
  const text = readFileSync(join(import.meta.dir, "../README.md"), "utf8")
  for (const name of PAGES) expect(text).toContain(`(docs/${name})`)
})
