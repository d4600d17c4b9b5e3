// The document can't lie: it is made from what validates, every route is in it, its examples hold, and a golden file shows
// every change of it. Existing clients find everything that they know.

import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { ZodType } from "zod"
import { FAULTS } from "../../../src/base/fault.ts"
import { mountedOf } from "../../../src/edge/http/openapi/document.ts"
import { FRAME_ROWS } from "../../../src/edge/http/openapi/frames.ts"
import { OPERATIONS } from "../../../src/edge/http/openapi/table.ts"
import { SCOPE_OF } from "../../../src/edge/http/routes/scopes.ts"
import { FRAMES } from "../../../src/edge/stream/wire/frames.ts"
import { goldenText, mountedApi } from "../../support/api.ts"
import { createValidator, type Described, pointerOf } from "../../support/described.ts"

const golden = (name: string): string => readFileSync(join(import.meta.dir, "../../golden", name), "utf8")
const api = mountedApi()
const document = JSON.parse(goldenText()) as Described
const mounted = mountedOf(api.routes)
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

test("every mounted route has a row with a scope, and every row a route", () => {
  expect(mounted.map(({ key }) => key).sort()).toEqual(Object.keys(OPERATIONS).sort())
  expect(Object.keys(SCOPE_OF).sort()).toEqual(Object.keys(OPERATIONS).sort())
  const ids = Object.values(OPERATIONS).map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

test("only reading is open, and nothing that writes is done with the scope to read", () => {
  // A code is its own proof, and everybody may end their own login; who has tokens is the admin's business.
  const own = ["POST /api/login", "POST /api/logout", "GET /api/tokens"]
  for (const [key, scope] of Object.entries(SCOPE_OF)) {
    if (own.includes(key)) continue
    if (scope === "open" || scope === "read") expect(key).toMatch(/^GET /)
    // What only admins may look at is read all the same.
    else if (scope !== "admin") expect(key).not.toMatch(/^GET /)
  }
})

test("the document is the golden one: `npm run openapi` writes it anew", () => {
  expect(goldenText()).toBe(golden("openapi.json"))
})

test("every reference in it leads somewhere, and every schema of it compiles", () => {
  const misfits = createValidator(document)
  for (const [, name = ""] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name)
  for (const name of Object.keys(document.components.schemas))
    expect(misfits(pointerOf("components", "schemas", name), Symbol())).not.toEqual([])
})

test("every example holds, for the schema in the document and for the one that validates", () => {
  const misfits = createValidator(document, { strict: true })
  let seen = 0
  for (const { path, method, operation } of described) {
    const about = ["paths", path, method]
    const bodies = operation.requestBody?.content ?? {}
    for (const [type, { example }] of Object.entries(bodies)) {
      if (example === undefined) continue
      seen++
      expect(misfits(pointerOf(...about, "requestBody", "content", type, "schema"), example)).toEqual([])
      const key = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`
      const schema = bodySchemaOf(key)
      expect(schema?.safeParse(example).error).toBeUndefined()
    }
    for (const [status, { content = {} }] of Object.entries(operation.responses)) {
      for (const [type, { example }] of Object.entries(content)) {
        if (example === undefined) continue
        seen++
        const place = pointerOf(...about, "responses", status, "content", type, "schema")
        expect([path, status, misfits(place, example)]).toEqual([path, status, []])
      }
    }
  }
  expect(seen).toBeGreaterThan(40)
})

const bodySchemaOf = (key: string): ZodType | undefined =>
  mounted
    .find((one) => one.key === key)
    ?.said.find(({ target }) => target === "json")
    ?.schema?.()

test("every fault of the catalogue ends some operation, or is the router's own", () => {
  const used = JSON.stringify(document)
  const own = ["route_not_found", "method_not_allowed"]
  const missing = Object.keys(FAULTS).filter((code) => {
    const name = code.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase())
    return !own.includes(code) && !used.includes(`/${name}Fault"`)
  })
  expect(missing).toEqual([])
})

test("every frame of the wire's tables is described, in its family", () => {
  const event = { n: 1, at: 0, scope: "thread", thread: "t", context: "", stored: true } as const
  for (const [type, kinds] of Object.entries(FRAMES)) {
    for (const kind of kinds) {
      const lines = type === "app.notification" ? undefined : kind
      if (
        lines === undefined ||
        type === "app.request" ||
        type.startsWith("request.o") ||
        type === "request.closed"
      )
        continue
      const name = JSON.parse(kind.type({ ...event, type, body: "{}" }, {} as never)) as string
      expect([name, FRAME_ROWS[name]?.family]).toEqual([name, kind.family])
    }
  }
})
