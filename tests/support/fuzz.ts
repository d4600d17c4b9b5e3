// Requests made from the OpenAPI document: bodies and queries that fit, that nearly fit and that don't, ids that are there and
// that can't be, sent many at a time to a daemon that must answer each with something of the document, below 500.

import { strict as assert } from "node:assert"
import { readFileSync } from "node:fs"
import fc from "fast-check"
import { goldenText } from "./api.ts"
import type { Daemon } from "./daemon.ts"
import type { Described, OperationText, Schema } from "./described.ts"

export interface FuzzNeeds {
  daemon: Daemon
  token: string
  requests: number
  seed: number
}
interface Made {
  key: string
  method: string
  path: string
  headers: Record<string, string>
  body: string | undefined
}

/** Beyond it, together with the headers, a request head may be longer than the 16 KiB that Bun and Node read. */
const LONGEST_PATH = 15_000

const MARK = "<script>alert(1)</script>"
/** Beside the text that must not come back as anything but JSON: what parsers, file systems and databases stumble over. */
const NASTY = [
  MARK,
  "",
  " ",
  "\u0000",
  "\ud800",
  "\u202e\u0301",
  "../../etc/passwd",
  "%2e%2e%2f",
  "'; DROP TABLE sessions; --",
  '"*" OR NEAR(',
  "__proto__",
  "constructor",
  "toString",
  "#{7*7}{{7*7}}",
  "-1",
  "1e999",
  "NaN",
  "null",
  "true",
  "2023-02-30T25:61:61Z",
  "* * * * *",
  "x".repeat(5_000),
  "😀".repeat(300),
]
const WRONG: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [[]],
  { toString: 1 },
  { __proto: 1 },
  ...NASTY,
]

/** Endless, held back on purpose, or a file. */
const LEFT_OUT = /^(GET \/api\/events|POST \/api\/login|GET \/api\/docs\/.*)$/
/** What a daemon may say about its child, which is none of the request's fault. */
const CHILDS = new Set([
  "runtime_unavailable",
  "codex_timeout",
  "codex_overloaded",
  "codex_error",
  "method_not_supported",
])

const nasty = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary", maxLength: 40 }))
const wrong = fc.oneof(fc.constantFrom(...WRONG), fc.jsonValue({ maxDepth: 3 }))

/** Mostly what fits the schema; here and there something else in its place. */
function someOf(document: Described, schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  if (depth > 5) return wrong
  const inner = (one: unknown) => someOf(document, (one ?? {}) as Schema, depth + 1)
  const fitting = (): fc.Arbitrary<unknown> => {
    const ref = typeof schema.$ref === "string" ? schema.$ref.split("/").at(-1) : undefined
    if (ref !== undefined) return inner(document.components.schemas[ref])
    if ("const" in schema) return fc.constant(schema.const)
    if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]))
    const some = (schema.anyOf ?? schema.oneOf) as unknown[] | undefined
    if (some) return fc.oneof(...some.map(inner))
    switch (schema.type) {
      case "string":
        return fc.oneof(nasty, fc.constantFrom("a name", "session", "x", "2030-01-01T00:00:00Z"))
      case "integer":
      case "number":
        return fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer())
      case "boolean":
        return fc.boolean()
      case "null":
        return fc.constant(null)
      case "array":
        return fc.array(inner(schema.items), { maxLength: 3 })
      case "object": {
        const fields = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
        const required = ((schema.required ?? []) as string[]).filter((name) =>
          fields.some(([known]) => known === name),
        )
        const own = fc.record(Object.fromEntries(fields.map(([name, one]) => [name, inner(one)])), {
          requiredKeys: required,
        })
        const odd = fc.constantFrom({}, { constructor: { prototype: { polluted: 1 } } }, { extra: MARK })
        return fc.tuple(own, odd).map(([value, more]) => ({ ...value, ...more }))
      }
      default:
        return wrong
    }
  }
  return fc.oneof({ weight: 8, arbitrary: fitting() }, { weight: 1, arbitrary: wrong })
}

export function requestsOf(document: Described, ids: string[]): fc.Arbitrary<Made> {
  const id = fc.oneof(fc.constantFrom(...ids), fc.constantFrom("x", "session:x", "owner", "nobody"), nasty)
  const bodies = (operation: OperationText): fc.Arbitrary<string | undefined> => {
    const schema = operation.requestBody?.content["application/json"]?.schema
    if (!schema) return fc.constantFrom(undefined, undefined, undefined, "{}", "x")
    const broken = fc.constantFrom(
      "",
      "{",
      "[]",
      "null",
      '"x"',
      '{"__proto__":{"polluted":1}}',
      "\u0000",
      "[".repeat(9_000),
    )
    const text = someOf(document, schema).map((value) => JSON.stringify(value))
    return fc.oneof({ weight: 9, arbitrary: text }, { weight: 1, arbitrary: broken })
  }
  const made = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([verb, operation]) => {
      const method = verb.toUpperCase()
      if (LEFT_OUT.test(`${method} ${path}`)) return []
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name)
      const queries = (operation.parameters ?? []).filter((one) => one.in === "query")
      const query = fc.record(
        Object.fromEntries(queries.map((one) => [one.name, someOf(document, one.schema)])),
        { requiredKeys: [] },
      )
      const headers = fc.record(
        {
          "content-type": fc.oneof(
            { weight: 12, arbitrary: fc.constant("application/json") },
            { weight: 1, arbitrary: fc.constantFrom("text/plain", "application/x-www-form-urlencoded", "x") },
          ),
          "idempotency-key": fc.constantFrom("k1", "k2", MARK, "x".repeat(2_000)),
          "if-none-match": fc.constantFrom("*", '"x"', "W/"),
          "last-event-id": fc.constantFrom("x.1", "99999999999999999999"),
          "x-http-method-override": fc.constantFrom("DELETE", "GET"),
          accept: fc.constantFrom("text/html", "*/*"),
        },
        { requiredKeys: [] },
      )
      return [
        fc
          .tuple(
            fc.tuple(...names.map(() => id)),
            query,
            headers,
            method === "GET" ? fc.constant(undefined) : bodies(operation),
          )
          .map(([ids, asked, more, body]) => ({
            key: `${method} ${path}`,
            method,
            path: pathOf(path, names, ids) + queryOf(asked),
            headers: { ...(body !== undefined && { "content-type": "application/json" }), ...more },
            body,
          })),
      ]
    }),
  )
  return fc.oneof(...made)
}

function pathOf(path: string, names: string[], ids: string[]): string {
  const filled = names.reduce(
    (text, name, at) =>
      text.replace(`{${name}}`, () => encodeURIComponent((ids[at] ?? "").toWellFormed()) || "%20"),
    path,
  )
  return filled
}

function queryOf(asked: Record<string, unknown>): string {
  const pairs = Object.entries(asked).map(([name, value]) => {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "")
    return `${name}=${encodeURIComponent(text.toWellFormed())}`
  })
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

const MOST_WRONGS = 30
const AT_ONCE = 25
/** A request that takes longer than this hangs. */
const HANGS_MS = 40_000

export async function fuzz({ daemon, token, requests, seed }: FuzzNeeds) {
  const document = JSON.parse(goldenText()) as Described
  const owner = { authorization: `Bearer ${token}` }
  const ids: string[] = []
  for (let state = ""; state !== "ready"; ) {
    const { runtime } = (await (await fetch(`${daemon.url}/api/health`, { headers: owner })).json()) as {
      runtime: { state: string }
    }
    state = runtime.state
  }
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(`${daemon.url}/api/sessions`, { method: "POST", headers: owner })
    const { session } = (await answer.json()) as { session?: { sessionId?: string } }
    if (session?.sessionId) ids.push(session.sessionId)
  }
  assert.ok(ids.length > 0)
  const statuses = new Map<number, number>()
  const memory: number[] = []
  /** The first of each kind: all of them at once say more than the first alone. */
  const wrongs = new Map<string, string>()
  const send = (made: Made) =>
    hold(made).catch((error: Error) => {
      wrongs.set(`${made.key} ${error.message.slice(-40)}`, error.message)
    })
  const hold = async ({ key, method, path, headers, body }: Made) => {
    const said = `${key}: ${method} ${path.slice(0, 500)} ${JSON.stringify(headers)} ${body?.slice(0, 500)}`
    const answer = await fetch(`${daemon.url}${path}`, {
      method,
      headers: { ...headers, ...owner },
      redirect: "manual",
      signal: AbortSignal.timeout(HANGS_MS),
      ...(body !== undefined && { body }),
    }).catch((error: unknown) => {
      throw new Error(`${said} → ${error}`)
    })
    const text = await answer.text()
    const type = answer.headers.get("content-type") ?? ""
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    // Longer than the runtime reads: it says so itself, and nothing of it comes to us.
    if (answer.status === 431 && path.length > LONGEST_PATH) return
    if (answer.status >= 500) {
      const code = String((JSON.parse(text) as { code?: unknown }).code)
      assert.ok(CHILDS.has(code), `${said} → ${answer.status} ${text.slice(0, 500)}`)
    }
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", said)
    if (text.includes(MARK)) assert.match(type, /^(application\/(json|x-ndjson)|text\/markdown)/, said)
    assert.ok(!text.includes(token), `${said} tells the token`)
    assert.ok(!/\bat .*\.ts:\d+/.test(text), `${said} tells the code: ${text.slice(0, 300)}`)
  }
  const rounds = Math.ceil(requests / AT_ONCE)
  let round = 0
  const many = fc.array(requestsOf(document, ids), { minLength: AT_ONCE, maxLength: AT_ONCE })
  const run = fc.assert(
    fc.asyncProperty(many, async (all) => {
      await Promise.all(all.map(send))
      assert.ok(wrongs.size < MOST_WRONGS)
      round++
      if (round === Math.floor(rounds / 2) || round === rounds) memory.push(residentMib(daemon.pid))
    }),
    { seed, numRuns: rounds, endOnFailure: true },
  )
  await run.catch((error: unknown) => {
    if (wrongs.size === 0) throw error
  })
  assert.deepEqual([...wrongs.values()], [])
  return { statuses: Object.fromEntries([...statuses].sort(([a], [b]) => a - b)), memory }
}

const residentMib = (pid: number) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024)
