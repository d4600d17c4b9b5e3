// The bodies of faults as schemas, made from the catalogue itself: what a fault's row always says is a constant, what it
// says about the case is open.

import { FAULTS, type FaultCode } from "../../../base/fault.ts"

type Json = Record<string, unknown>

const MESSAGE = "\u0000message"

/** The component's name: `session_deleted` is `SessionDeletedFault`. */
export const faultName = (code: FaultCode): string =>
  `${code
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")}Fault`

export const faultStatus = (code: FaultCode): number => FAULTS[code].status

export function faultSchema(code: FaultCode): Json {
  const body: Json = FAULTS[code].body(MESSAGE, {}, code)
  const properties = Object.fromEntries(Object.entries(body).map(([key, value]) => [key, fieldOf(value)]))
  return { type: "object", properties, required: Object.keys(body), additionalProperties: {} }
}

function fieldOf(value: unknown): Json {
  if (value === MESSAGE) return { type: "string" }
  if (Array.isArray(value)) return { type: "array" }
  if (typeof value === "object") return { type: "object" }
  return { const: value }
}
