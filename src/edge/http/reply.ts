// How answers leave: JSON with the contract's content type, and faults as the catalogue says.

import type { Context, TypedResponse } from "hono"
import type { StatusCode } from "hono/utils/http-status"
import { type Fault, replyOf } from "../../base/fault.ts"

const JSON_HEADERS = { "content-type": "application/json; charset=utf-8" }
/** The text of an answer, for whoever counts bytes when it goes out. */
const texts = new WeakMap<Response, string>()

/** An answer whose type the client sees. */
type Answer<T, S extends StatusCode> = Response & TypedResponse<T, S, "json">

/** A JSON answer from a value or, with `jsonText`, from JSON that is text already. */
export const json = <T, S extends StatusCode = 200>(value: T, status: S = 200 as S): Answer<T, S> =>
  answer(JSON.stringify(value), status)
export const jsonText = <T = unknown, S extends StatusCode = 200>(text: string, status: S = 200 as S) =>
  answer<T, S>(text, status)

const answer = <T, S extends StatusCode>(text: string, status: S) =>
  noted(text, { status, headers: JSON_HEADERS }) as Answer<T, S>

export function faultReply(fault: Fault, extra: Record<string, string> = {}): Response {
  const { status, body, retryAfterS } = replyOf(fault)
  const headers = {
    ...JSON_HEADERS,
    ...extra,
    ...(retryAfterS !== undefined && { "retry-after": String(retryAfterS) }),
  }
  return noted(JSON.stringify(body), { status, headers })
}

/** In the answer as it is: hono's own `header` makes a new one of a finished answer, whose body is a stream then. */
export function mark(c: Context, name: string, value: string): void {
  try {
    c.res.headers.set(name, value)
  } catch {
    c.header(name, value)
  }
}

/** Undefined for an answer without end, and for one that was not made here. */
export function bytesOf(response: Response): number | undefined {
  const text = texts.get(response)
  if (text !== undefined) return Buffer.byteLength(text)
  return response.body === null ? 0 : undefined
}

function noted(text: string, init: ResponseInit): Response {
  const response = new Response(text, init)
  texts.set(response, text)
  return response
}
