// The OpenAPI document: the routes as they are mounted, the schemas that validate them, and the table's words about them.
// Nothing in it is written twice.

import { type ZodType, z } from "zod"
import type { FaultCode } from "../../../base/fault.ts"
import { SCOPE_OF } from "../routes/scopes.ts"
import { type Said, saidOf } from "./described.ts"
import { faultName, faultSchema, faultStatus } from "./faults.ts"
import { frameSchemas } from "./frames.ts"
import { type Answer, CHILD_FAULTS, type Operation, TAGS } from "./operation.ts"
import { OPERATIONS } from "./table.ts"

export interface Route {
  method: string
  path: string
  handler: object
}
type Json = Record<string, unknown>

/** A route as the application has it: `METHOD /path`, and what its middleware says, in order. */
export interface Mounted {
  key: string
  method: string
  path: string
  said: Said[]
}

/** Routes that answer a method; middleware for all methods is left out. */
export function mountedOf(routes: readonly Route[]): Mounted[] {
  const found = new Map<string, Mounted>()
  for (const { method, path, handler } of routes) {
    if (method === "ALL") continue
    const key = `${method} ${path}`
    const mounted = found.get(key) ?? { key, method, path, said: [] }
    const said = saidOf(handler)
    if (said) mounted.said.push(said)
    found.set(key, mounted)
  }
  return [...found.values()]
}

export interface DocumentNeeds {
  routes: readonly Route[]
  version: string
}

/** The whole document, OpenAPI 3.1. A route without a row is left out: the tests say so. */
export function documentOf(needs: DocumentNeeds): Json {
  const steps = documentSteps(needs)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** The same, an operation a step: whoever has others to serve lets them in between. */
export function* documentSteps({ routes, version }: DocumentNeeds): Generator<void, Json> {
  const schemas: Json = {}
  const paths: Record<string, Json> = {}
  for (const mounted of mountedOf(routes)) {
    const operation = OPERATIONS[mounted.key]
    if (!operation) continue
    const path = mounted.path.replace(/:(\w+)/g, "{$1}")
    paths[path] = { ...paths[path], [mounted.method.toLowerCase()]: operationOf(mounted, operation, schemas) }
    yield
  }
  Object.assign(
    schemas,
    frameSchemas((schema) => jsonOf(schema, schemas)),
  )
  return {
    openapi: "3.1.0",
    info: {
      title: "codexd",
      version,
      description:
        "One daemon in front of Codex: sessions, turns, requests and everything that happens in them.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ token: [] }, { named: [] }, { cookie: [] }],
    paths: sorted(paths),
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        named: { type: "apiKey", in: "header", name: "x-api-token" },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "codexd_ID",
          description: "Of a browser login; counts only with the Origin of an allowed page.",
        },
      },
      schemas: sorted(schemas),
    },
  }
}

function operationOf(mounted: Mounted, row: Operation, schemas: Json): Json {
  const { key, method, path, said } = mounted
  const scope = SCOPE_OF[key]
  const body = said.find(({ target }) => target === "json")?.schema?.()
  const query = said.find(({ target }) => target === "query")?.schema?.() ?? row.query
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => pathParameter(name)),
    ...(query ? queryParameters(jsonOf(query, schemas)) : []),
    ...(row.headers ?? []).map(({ name, description }) => ({
      name,
      in: "header",
      required: false,
      description,
      schema: { type: "string" },
    })),
  ]
  return {
    operationId: row.id,
    tags: [row.tag],
    summary: row.summary,
    "x-scope": scope,
    ...(scope === "open" && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(takesBody(method) && { requestBody: requestBody(body, row, schemas) }),
    responses: responsesOf(row, faultsOf(mounted, row), schemas),
  }
}

const takesBody = (method: string): boolean => ["POST", "PUT", "PATCH"].includes(method)

const pathParameter = (name: string): Json => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string", minLength: 1, maxLength: 240 },
})

function queryParameters(schema: Json): Json[] {
  const required = (schema.required ?? []) as string[]
  return Object.entries((schema.properties ?? {}) as Record<string, Json>).map(([name, own]) => {
    const { description, ...rest } = own
    return {
      name,
      in: "query",
      required: required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

/** A route without a schema takes an object and looks at nothing in it: existing clients send one, or nothing at all. */
function requestBody(body: ZodType | undefined, { example }: Operation, schemas: Json): Json {
  const schema = body ? jsonOf(body, schemas) : { type: "object" }
  const shown = example?.body === undefined ? {} : { example: example.body }
  const required = body !== undefined && !body.safeParse({}).success
  return { required, content: { "application/json": { schema, ...shown } } }
}

/** What can be done in an imported session, too. */
const OF_IMPORTS: ReadonlySet<string> = new Set(["setSessionProject", "deleteSession"])

/** Every fault that the route can end in: of the doors, of its method, gates and schemas, and its own. */
export function faultsOf({ key, method, said }: Mounted, row: Operation): FaultCode[] {
  const gates = said.map((one) => one.gates ?? "").join("")
  const codes = new Set<FaultCode>(["forbidden_host", "forbidden_origin", "internal_error"])
  const add = (...more: readonly FaultCode[]) => more.forEach((code) => void codes.add(code))
  if (SCOPE_OF[key] !== "open") add("unauthorized", "insufficient_scope", "too_many_attempts")
  if (method !== "GET") {
    add(
      "request_timeout",
      "invalid_request",
      "request_failed",
      "body_too_large",
      "unsupported_media_type",
      "storage_full",
    )
  }
  if (said.some(({ target, param }) => target || param) || gates.includes("P") || row.query)
    add("invalid_request")
  if (gates.includes("G")) add("session_deleted")
  if (gates !== "" && method !== "GET" && !OF_IMPORTS.has(row.id)) add("session_read_only")
  if (gates.includes("S")) add("system_session")
  // An id that nobody here knows is asked of the child once.
  if (gates.includes("X")) add("session_not_found", ...CHILD_FAULTS)
  add(...(row.faults ?? []))
  return [...codes]
}

function responsesOf({ ok, example }: Operation, faults: readonly FaultCode[], schemas: Json): Json {
  const responses: Record<string, Json> = {}
  for (const [status, answer] of Object.entries(ok)) {
    const { description, schema, type } = answerOf(answer)
    const shown = example?.answer === undefined ? {} : { example: example.answer }
    const content = schema
      ? { [type ?? "application/json"]: { schema: jsonOf(schema, schemas), ...shown } }
      : type && { [type]: { schema: { type: "string" } } }
    responses[status] = { description, ...(content && { content }) }
  }
  for (const [status, codes] of Map.groupBy(faults, faultStatus)) {
    for (const code of codes) schemas[faultName(code)] ??= faultSchema(code)
    const refs = codes.map((code) => ({ $ref: `#/components/schemas/${faultName(code)}` }))
    const before = responses[status]
    // A success of the same status, where there is one, stays the first choice.
    const own = (before?.content as Record<string, { schema: Json }> | undefined)?.["application/json"]
      ?.schema
    const choices = own ? [own, ...refs] : refs
    const schema = choices.length === 1 ? choices[0] : { anyOf: choices }
    const description = [...(before ? [String(before.description)] : []), ...codes].join(", ")
    responses[status] = { description, content: { "application/json": { schema } } }
  }
  return sorted(responses)
}

const answerOf = (answer: ZodType | Answer): Answer =>
  "safeParse" in answer ? { description: "OK", schema: answer } : answer

/** A schema as JSON schema 2020-12 of what is sent; parts with an id go into `schemas`. */
export function jsonOf(schema: ZodType, schemas: Json): Json {
  // Wrapped, so that a schema with an id of its own is referred to as well.
  const made = z.toJSONSchema(z.object({ it: schema }), {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const wire = z.globalRegistry.get(zodSchema as unknown as ZodType)?.wire as Json | undefined
      // Every whole number is a safe one: that is JSON's, not ours.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (!wire) return
      for (const key of Object.keys(jsonSchema)) if (key !== "default") delete (jsonSchema as Json)[key]
      Object.assign(jsonSchema, wire)
    },
  }) as Json
  const defs = (made.$defs ?? {}) as Record<string, Json>
  for (const [name, def] of Object.entries(defs)) schemas[name] ??= rooted(def)
  return rooted((made.properties as { it: Json }).it)
}

/** References into the document instead of into one schema. */
const rooted = (value: Json): Json =>
  JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json

const sorted = <T>(table: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)))
