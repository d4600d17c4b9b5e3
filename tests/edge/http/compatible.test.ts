// What existing clients know is here: every operation of their document, every parameter and status, and whatever is a
// valid request there is valid here, for the very schemas that validate.

import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import type { ZodType } from "zod"
import { mountedOf } from "../../../src/edge/http/openapi/document.ts"
import { goldenText, mountedApi } from "../../support/api.ts"
import type { Described, OperationText, Schema } from "../../support/described.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

/** Operations that other parts of the service still bring. An entry that is mounted by now fails the test. */
const NOT_YET: Record<string, string> = {}

const theirs = JSON.parse(
  readFileSync(join(import.meta.dir, "../../golden/existing-clients.openapi.json"), "utf8"),
) as Described
const ours = JSON.parse(goldenText()) as Described
const mounted = mountedOf(mountedApi().routes)

interface Known {
  key: string
  path: string
  method: string
  operation: OperationText
}
const all: Known[] = Object.entries(theirs.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    key: `${method.toUpperCase()} ${path}`,
    path,
    method,
    operation,
  })),
)
const known = all.filter(({ key }) => !Object.hasOwn(NOT_YET, key))

test("nothing is missing but what is named here, and what is named here is missing", () => {
  for (const key of Object.keys(NOT_YET)) {
    const [method = "", path = ""] = key.split(" ")
    expect([key, ours.paths[path]?.[method.toLowerCase()]]).toEqual([key, undefined])
    expect(all.map((one) => one.key)).toContain(key)
  }
  for (const { key, path, method } of known)
    expect([key, ours.paths[path]?.[method]]).not.toEqual([key, undefined])
})

test("every operation has its name, its parameters and its statuses", () => {
  for (const { key, path, method, operation } of known) {
    const own = ours.paths[path]?.[method]
    expect([key, own?.operationId]).toEqual([key, operation.operationId])
    const names = (own?.parameters ?? []).map((one) => `${one.in} ${one.name}`)
    for (const one of operation.parameters ?? []) {
      expect([key, names]).toEqual([key, expect.arrayContaining([`${one.in} ${one.name}`])])
    }
    const missing = Object.keys(operation.responses).filter((status) => !own?.responses[status])
    expect([key, missing]).toEqual([key, []])
  }
})

test("a request body that is valid there is valid here", () => {
  let seen = 0
  for (const { key, path, operation } of known) {
    const text = operation.requestBody?.content["application/json"]?.schema
    const schema = said(key, path, "json")
    if (!text) continue
    if (!schema) continue
    seen++
    fc.assert(
      fc.property(valueFor(text), (body) => {
        const parsed = schema.safeParse(body)
        if (!parsed.success) throw new Error(`${key}: ${JSON.stringify(body)}: ${parsed.error.message}`)
      }),
      { numRuns: 150, seed: 8 },
    )
    if (operation.requestBody?.required !== true)
      expect([key, schema.safeParse({}).success]).toEqual([key, true])
  }
  expect(seen).toBeGreaterThan(10)
})

test("a query that is valid there is valid here", () => {
  for (const { key, path, operation } of known) {
    const asked = (operation.parameters ?? []).filter((one) => one.in === "query")
    const schema = said(key, path, "query")
    if (asked.length === 0 || !schema) continue
    const fields = asked.map((one) => [one.name, valueFor(one.schema).map(String)])
    const required = asked.filter((one) => one.required).map((one) => one.name)
    const query = fc.record<Record<string, unknown>>(Object.fromEntries(fields), { requiredKeys: required })
    fc.assert(
      fc.property(query, (given) => {
        const parsed = schema.safeParse(given)
        if (!parsed.success) throw new Error(`${key}: ${JSON.stringify(given)}: ${parsed.error.message}`)
      }),
      { numRuns: 150, seed: 8 },
    )
  }
})

function said(key: string, path: string, target: "json" | "query"): ZodType | undefined {
  const at = `${key.split(" ")[0]} ${path.replace(/\{(\w+)\}/g, ":$1")}`
  return mounted
    .find((one) => one.key === at)
    ?.said.find((one) => one.target === target)
    ?.schema?.()
}

/** Values of a schema of theirs. Words are not blank: the contract trims them and refuses what is left empty (§1.2). */
function valueFor(schema: Schema): fc.Arbitrary<unknown> {
  const {
    $ref,
    oneOf,
    anyOf,
    allOf,
    enum: words,
    const: fixed,
    type,
    nullable,
  } = schema as {
    $ref?: string
    oneOf?: Schema[]
    anyOf?: Schema[]
    allOf?: Schema[]
    enum?: unknown[]
    const?: unknown
    type?: string | string[]
    nullable?: boolean
  }
  if (nullable) return fc.oneof(fc.constant(null), valueFor({ ...schema, nullable: false }))
  if ($ref) return valueFor(theirs.components.schemas[$ref.split("/").at(-1) ?? ""] ?? {})
  const choices = oneOf ?? anyOf
  if (choices)
    return fc.oneof(
      ...choices.map((one) => valueFor({ ...schema, oneOf: undefined, anyOf: undefined, ...one })),
    )
  if (allOf) return valueFor(Object.assign({}, schema, ...allOf, { allOf: undefined }))
  if (words) return fc.constantFrom(...words)
  if (fixed !== undefined) return fc.constant(fixed)
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => valueFor({ ...schema, type: one })))
  return typed(schema, type)
}

function typed(schema: Schema, type: string | undefined): fc.Arbitrary<unknown> {
  const bound = (name: string) => schema[name] as number | undefined
  switch (type) {
    case "string": {
      const size = {
        minLength: Math.max(1, bound("minLength") ?? 0),
        maxLength: Math.min(bound("maxLength") ?? 40, 300),
      }
      return fc.string({ ...size, unit: "grapheme" }).filter((text) => text.trim() !== "")
    }
    case "integer":
    case "number":
      return fc.integer({
        min: bound("minimum") ?? (bound("exclusiveMinimum") ?? -1_001) + 1,
        max: bound("maximum") ?? 1_000,
      })
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    case "array":
      return fc.array(valueFor((schema.items ?? {}) as Schema), {
        minLength: bound("minItems") ?? 0,
        maxLength: Math.min(bound("maxItems") ?? 4, 4),
      })
    case "object":
      return objectOf(schema)
    default:
      return schema.properties ? objectOf(schema) : fc.jsonValue({ maxDepth: 2 })
  }
}

/** Their schema says text and means this: Codex ends the turn over anything else. */
const MEANT: Record<string, fc.Arbitrary<unknown>> = { imageUrl: fc.webUrl() }

function objectOf(schema: Schema): fc.Arbitrary<unknown> {
  const {
    properties = {},
    required = [],
    additionalProperties,
  } = schema as {
    properties?: Record<string, Schema>
    required?: string[]
    additionalProperties?: boolean | Schema
  }
  const fields = Object.entries(properties).map(([name, one]) => [name, MEANT[name] ?? valueFor(one)])
  const named = fc.record<Record<string, unknown>>(Object.fromEntries(fields), { requiredKeys: required })
  if (additionalProperties === false) return named
  const more =
    typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0
      ? valueFor(additionalProperties)
      : fc.jsonValue({ maxDepth: 1 })
  // Unknown keys are ignored everywhere.
  const others = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 8 }).map((key) => `x${key}`),
    more,
    { maxKeys: 2 },
  )
  return fc.tuple(named, others).map(([own, extra]) => ({ ...extra, ...own }))
}
