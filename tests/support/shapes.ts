// The body shapes that existing clients declare (tests/golden/existing-clients.schemas.json), and whether a value has one.
// Only the words of JSON schema that these shapes use.

import { readFileSync } from "node:fs"
import { join } from "node:path"

interface Shape {
  $ref?: string
  oneOf?: Shape[]
  anyOf?: Shape[]
  allOf?: Shape[]
  type?: string | string[]
  enum?: unknown[]
  required?: string[]
  properties?: Record<string, Shape>
  items?: Shape
  minLength?: number
}

const SHAPES = JSON.parse(
  readFileSync(join(import.meta.dirname, "../golden/existing-clients.schemas.json"), "utf8"),
) as Record<string, Shape>

/** What keeps `value` from having the named shape, a line each; empty when it has it. Throws for a name that isn't there. */
export function misfits(name: string, value: unknown): string[] {
  const shape = SHAPES[name]
  if (!shape) throw new Error(`no shape ${name}`)
  return misfitsOf(shape, value, name)
}

function misfitsOf(shape: Shape, value: unknown, at: string): string[] {
  if (shape.$ref) return misfits(shape.$ref.split("/").at(-1) ?? "", value)
  const choices = shape.oneOf ?? shape.anyOf
  if (choices && !choices.some((one) => misfitsOf(one, value, at).length === 0))
    return [`${at}: fits none of the choices`]
  const all = (shape.allOf ?? []).flatMap((one) => misfitsOf(one, value, at))
  const types = shape.type === undefined ? [] : [shape.type].flat()
  if (types.length > 0 && !types.some((type) => isOf(type, value)))
    return [...all, `${at}: ${JSON.stringify(value)} is no ${types.join(" or ")}`]
  if (shape.enum && !shape.enum.includes(value))
    return [...all, `${at}: ${JSON.stringify(value)} is none of ${shape.enum}`]
  if (shape.minLength !== undefined && typeof value === "string" && value.length < shape.minLength)
    return [...all, `${at}: is too short`]
  if (Array.isArray(value))
    return [
      ...all,
      ...value.flatMap((one, i) => (shape.items ? misfitsOf(shape.items, one, `${at}[${i}]`) : [])),
    ]
  return typeof value === "object" && value !== null
    ? [...all, ...fieldsOf(shape, value as Record<string, unknown>, at)]
    : all
}

function fieldsOf({ required = [], properties = {} }: Shape, value: Record<string, unknown>, at: string) {
  const missing = required
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => `${at}.${key}: is missing`)
  const wrong = Object.entries(properties).flatMap(([key, shape]) =>
    Object.hasOwn(value, key) ? misfitsOf(shape, value[key], `${at}.${key}`) : [],
  )
  return [...missing, ...wrong]
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    case "integer":
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
