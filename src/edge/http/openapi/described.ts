// Middleware that says what it checks: the document is made from the very objects that decide at run time, found again in
// the list of routes.

import type { ZodType } from "zod"

export interface Said {
  /** What a body or a query is held against. */
  target?: "json" | "query"
  schema?: () => ZodType
  /** Letters of wire-contract §0.4, in their order. */
  gates?: string
  /** A path parameter that is checked by itself. */
  param?: string
}

const SAID = Symbol("said")

/** The same handler, with its description. */
export const described = <T extends object>(handler: T, said: Said): T =>
  Object.assign(handler, { [SAID]: said })

/** What a handler of a route says of itself; undefined for one that says nothing. */
export const saidOf = (handler: object): Said | undefined => (handler as { [SAID]?: Said })[SAID]
