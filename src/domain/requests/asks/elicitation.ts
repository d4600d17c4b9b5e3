// What an MCP server asks (`mcpServer/elicitation/request`): a form becomes questions with ids, and the answers become the
// form's content again, each in the type that the server wants. A url is only shown; accepting it says that it was opened.

import { list, object, type Params, string } from "../kinds.ts"
import type { Question } from "./questions.ts"

export interface Form {
  mode: string
  message: string
  url: string | null
  fields: Field[]
}

interface Field extends Question {
  type: "string" | "number" | "integer" | "boolean" | "choice" | "choices"
  required: boolean
  default: unknown
  /** Words of the options and what the server calls them. */
  values: { label: string; value: string }[]
}

export function formOf(params: Params): Form {
  const { mode, message, title, description, url, requestedSchema } = params
  const { properties, required } = object(requestedSchema)
  const must = new Set(list(required))
  return {
    mode: string(mode) ?? "form",
    message: string(message) ?? string(title) ?? string(description) ?? "asks for something",
    url: string(url) ?? null,
    fields: Object.entries(object(properties)).map(([id, schema]) =>
      fieldOf(id, object(schema), must.has(id)),
    ),
  }
}

function fieldOf(id: string, schema: Record<string, unknown>, required: boolean): Field {
  const { title, description, type } = schema
  const values = valuesOf(type === "array" ? object(schema.items) : schema)
  const options = type === "boolean" ? ["true", "false"].map((value) => ({ label: value, value })) : values
  return {
    id,
    header: string(title) ?? id,
    question: string(description) ?? string(title) ?? id,
    options: options.length > 0 ? options.map(({ label }) => ({ label, description: "" })) : null,
    isOther: false,
    isSecret: schema.format === "password",
    type: typeOf(type, values.length > 0),
    required,
    default: schema.default ?? null,
    values: options,
  }
}

const typeOf = (type: unknown, hasValues: boolean): Field["type"] => {
  if (type === "array") return "choices"
  if (type === "number" || type === "integer" || type === "boolean") return type
  return hasValues ? "choice" : "string"
}

/** `enum` with or without `enumNames`, or `oneOf`/`anyOf` of `{const, title}`. */
function valuesOf(schema: Record<string, unknown>): Field["values"] {
  const names = list(schema.enumNames)
  const plain = list(schema.enum).map((value, i) => ({
    label: string(names[i]) ?? String(value),
    value: String(value),
  }))
  const titled = [...list(schema.oneOf), ...list(schema.anyOf)].map((one) => {
    const value = String(object(one).const)
    return { label: string(object(one).title) ?? value, value }
  })
  return [...plain, ...titled]
}

/** The form's content from answers by field; `misfits` names fields whose answer is of another type, in words. */
export function contentOf(fields: Field[], answers: Record<string, { answers: string[] }>) {
  const content: Record<string, unknown> = {}
  const misfits: Record<string, string> = {}
  for (const field of fields) {
    const given = (answers[field.id]?.answers ?? []).filter((text) => text.trim() !== "")
    if (given.length === 0) continue
    const value = typed(field, given)
    if (value === undefined) misfits[field.id] = wanted(field)
    else content[field.id] = value
  }
  return { content, misfits }
}

function typed({ type, values }: Field, given: string[]): unknown {
  const [first = ""] = given
  const known = (text: string) => values.find(({ label, value }) => label === text || value === text)?.value
  switch (type) {
    case "boolean":
      return first === "true" ? true : first === "false" ? false : undefined
    case "number":
    case "integer": {
      const n = Number(first)
      return Number.isFinite(n) && (type === "number" || Number.isInteger(n)) ? n : undefined
    }
    case "choice":
      return known(first)
    case "choices": {
      const chosen = values.length === 0 ? given : given.map(known)
      return chosen.includes(undefined) ? undefined : chosen
    }
    case "string":
      return first
  }
}

function wanted({ type, values }: Field): string {
  if (type === "choice" || type === "choices" || type === "boolean")
    return `one of ${values.map(({ label }) => label).join(", ")}`
  return type === "integer" ? "a whole number" : `a ${type}`
}

/** How long a yes may hold: what the asking side offers beside this once. */
export function persistsOf({ _meta }: Params): string[] {
  const { persist } = object(_meta)
  return (Array.isArray(persist) ? persist : [persist]).filter((one) => typeof one === "string")
}
