// Whether an answer or a frame is what the document says (tests/golden/openapi.json): the suites hold everything that they
// see against it. Stricter than the document: an object that lists its fields has no others.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"

export interface Described {
  openapi: string
  paths: Record<string, Record<string, OperationText>>
  components: { schemas: Record<string, Schema> }
}
export interface OperationText {
  operationId: string
  parameters?: { name: string; in: string; required: boolean; schema: Schema }[]
  requestBody?: { required: boolean; content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media> }>
  "x-scope": string
}
export interface Media {
  schema: Schema
  example?: unknown
}
export type Schema = Record<string, unknown>

const golden = (name: string): Described =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../golden", name), "utf8"))

/** `strict`: an object that lists its fields has no others. */
export function createValidator(document: Described, { strict = false } = {}) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  const whole = strict ? closed(document) : document
  ajv.addSchema({ $id: "doc:", ...(whole as object) })
  const made = new Map<string, ValidateFunction>()
  /** What keeps `value` from being what stands at that place of the document; empty when it is. */
  return (pointer: string, value: unknown): string[] => {
    const check = made.get(pointer) ?? ajv.compile({ $ref: `doc:#/${pointer}` })
    made.set(pointer, check)
    if (check(value)) return []
    return (check.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`)
  }
}

export const pointerOf = (...steps: string[]): string =>
  steps.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")

function closed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(closed) as T
  if (typeof value !== "object" || value === null) return value
  const copy = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one)]))
  const listsFields = copy.type === "object" && typeof copy.properties === "object"
  return (listsFields && copy.additionalProperties === undefined
    ? { ...copy, additionalProperties: false }
    : copy) as unknown as T
}

function createGolden() {
  const document = golden("openapi.json")
  const misfits = createValidator(document, { strict: true })
  const patterns = Object.keys(document.paths).map((path) => ({
    path,
    is: new RegExp(`^${path.replace(/\./g, "\\.").replace(/\{\w+\}/g, "[^/]+")}$`),
    fixed: !path.includes("{"),
  }))
  patterns.sort((a, b) => Number(b.fixed) - Number(a.fixed))

  function answer(
    method: string,
    target: string,
    { status, body }: { status: number; body: unknown },
  ): string[] {
    const [at = ""] = target.split("?")
    const path = patterns.find(({ is }) => is.test(at))?.path
    const operation = path === undefined ? undefined : document.paths[path]?.[method.toLowerCase()]
    // What isn't there is said so, in the same way everywhere.
    if (path === undefined || !operation) return []
    const response = operation.responses[status]
    if (!response) return [`${method} ${path}: ${status} is not described`]
    const media = response.content?.["application/json"]
    if (!media) return []
    const place = ["paths", path, method.toLowerCase(), "responses", String(status), "content"]
    const wrong = misfits(pointerOf(...place, "application/json", "schema"), body)
    return wrong.length === 0
      ? []
      : [`${method} ${path} ${status}: ${wrong.join("; ")}: ${JSON.stringify(body)}`]
  }

  function frame(text: string): string[] {
    const { type } = JSON.parse(text) as { type: string }
    const words = type.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    const name = type.startsWith("app_server.") ? "SignalFrame" : `${words.join("")}Frame`
    if (!document.components.schemas[name]) return [`${type}: is not described`]
    const wrong = misfits(pointerOf("components", "schemas", name), JSON.parse(text))
    return wrong.length === 0 ? [] : [`${wrong.join("; ")}: ${text}`]
  }
  return { answer, frame }
}

let made: ReturnType<typeof createGolden> | undefined
const shared = () => {
  made ??= createGolden()
  return made
}

/** Throws when a JSON answer of a described route isn't what the document says. */
export function mustBeDescribed(
  method: string,
  target: string,
  reply: { status: number; body: unknown },
): void {
  const wrong = shared().answer(method, target, reply)
  if (wrong.length > 0) throw new Error(`not as described: ${wrong.join("\n")}`)
}

interface Fetching<P> {
  fetch(request: Request, peer: P): Promise<Response | undefined>
}

/** The application, whose every JSON answer must be what the document says. */
export function held<P, A extends Fetching<P>>(api: A & Fetching<P>): A {
  const fetch = async (request: Request, peer: P): Promise<Response | undefined> => {
    const response = await api.fetch(request, peer)
    if (!response?.headers.get("content-type")?.startsWith("application/json")) return response
    const body: unknown = await response.clone().json()
    mustBeDescribed(request.method, new URL(request.url).pathname, { status: response.status, body })
    return response
  }
  return { ...api, fetch }
}

/** Of each type of frame so many are looked at: there are floods. */
const LOOKED_AT = 200
const seen = new Map<string, number>()

/** Throws when a frame isn't what the document says. */
export function frameMustBeDescribed(text: string): void {
  const type = /^\{"type":"([^"]*)"/.exec(text)?.[1] ?? ""
  const count = (seen.get(type) ?? 0) + 1
  seen.set(type, count)
  if (count > LOOKED_AT) return
  const wrong = shared().frame(text)
  if (wrong.length > 0) throw new Error(`not as described: ${wrong.join("\n").slice(0, 1_000)}`)
}
