// Bodies, queries and path parameters against their schema, with the contract's 400s (wire-contract §0.2): `V400` for what
// doesn't fit, `H4xx` for what is no JSON at all.

import { zValidator } from "@hono/zod-validator"
import type { MiddlewareHandler } from "hono"
import type { ZodType } from "zod"
import { Fault } from "../../base/fault.ts"
import { lazily } from "../../base/kit/lazily.ts"
import { isDeeperThan } from "../../base/kit/nesting.ts"
import { described } from "./openapi/described.ts"

const validatorOf = <T extends "json" | "query", S extends ZodType>(target: T, schema: S) =>
  zValidator(target, schema, (result) => {
    if (result.success) return
    const { issues } = result.error
    const first = issues[0]
    const at = first?.path.join(".")
    const message = first ? (at ? `${at}: ${first.message}` : first.message) : "invalid request"
    throw new Fault("invalid_request", message, { issues })
  })

// All schemas of all routes at the start were a third of it, and memory that most daemons never need.
const checked = <T extends "json" | "query", S extends ZodType>(target: T, schema: () => S) => {
  const made = lazily(() => validatorOf(target, schema()))
  const validator: ReturnType<typeof made> = (c, next) => made()(c, next)
  return described(validator, { target, schema })
}

/** The body as JSON. An absent one, without a content type, is `{}`; `null` and the like don't fit any schema. */
export const body = <S extends ZodType>(schema: () => S) => checked("json", schema)

/** Query parameters; booleans are exactly `true` or `false`. */
export const query = <S extends ZodType>(schema: () => S) => checked("query", schema)

/** Codex drops a line deeper than 127 and never answers it; a value of 100 it writes into a configuration that it can't read again (tried). */
const DEEPEST = 64
const TOO_DEEP = `the body is nested deeper than ${DEEPEST} levels`

const JSON_TYPE = /^application\/([a-z.+-]+\+)?json\b/i

/** Refuses bodies that are no JSON before any route sees them, so that a schema only ever meets parsed JSON. */
export const wellFormed: MiddlewareHandler = async (c, next) => {
  if (c.req.method === "GET" || c.req.method === "HEAD") return next()
  const type = c.req.header("content-type")
  const text = await c.req.text()
  if (type !== undefined && !JSON_TYPE.test(type) && text !== "") {
    throw new Fault("unsupported_media_type", `the body must be application/json, not ${type.slice(0, 100)}`)
  }
  if (type === undefined ? text === "" : !JSON_TYPE.test(type)) return next()
  if (type === undefined)
    throw new Fault("unsupported_media_type", "the body must be sent as application/json")
  if (text === "" && c.req.method === "DELETE") return next()
  if (text === "") throw new Fault("request_failed", "the body is empty although it is said to be JSON")
  if (parsed(text) === null)
    throw new Fault("invalid_request", "the body must be an object", { issues: NOT_AN_OBJECT })
  if (isDeeperThan(text, DEEPEST))
    throw new Fault("invalid_request", TOO_DEEP, {
      issues: [{ code: "custom", path: [], message: TOO_DEEP }],
    })
  if (ESCAPED_SURROGATE.test(text) && !isWellFormed(JSON.parse(text))) {
    throw new Fault("invalid_request", "a text is no valid Unicode: half of a surrogate pair", { issues: [] })
  }
  return next()
}

const ESCAPED_SURROGATE = /\\ud[89a-f]/i

/** Codex drops lines with half a surrogate pair and never answers them (tried): they are refused here. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed()
  if (Array.isArray(value)) return value.every(isWellFormed)
  if (typeof value !== "object" || value === null) return true
  return Object.entries(value).every(([key, one]) => key.isWellFormed() && isWellFormed(one))
}

const NOT_AN_OBJECT = [{ code: "invalid_type", path: [], message: "expected object, received null" }]

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Fault("request_failed", "the body is not valid JSON")
  }
}
