// How answers leave: JSON with the contract's content type, and faults as the catalogue says.

import { type Fault, replyOf } from "../../base/fault.ts"

const JSON_HEADERS = { "content-type": "application/json; charset=utf-8" }

/** A JSON answer from a value or, with `text`, from JSON that is text already. */
export const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: JSON_HEADERS })
export const jsonText = (text: string, status = 200): Response =>
  new Response(text, { status, headers: JSON_HEADERS })

export function faultReply(fault: Fault, extra: Record<string, string> = {}): Response {
  const { status, body, retryAfterS } = replyOf(fault)
  const headers = {
    ...JSON_HEADERS,
    ...extra,
    ...(retryAfterS !== undefined && { "retry-after": String(retryAfterS) }),
  }
  return new Response(JSON.stringify(body), { status, headers })
}
