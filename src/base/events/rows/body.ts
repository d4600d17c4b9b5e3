// How the events of one row become one text and come back exactly as they were told. Raw lines stay as they are; what the
// previous event of the row had too (type, context, time) is left out. Every text is preceded by its length, so nothing is
// escaped or searched: encoding 200 deltas costs a few concatenations each.

import type { LoggedEvent, Scope } from "../event.ts"

/** What a row says of all its events. */
export interface RowHead {
  first: number
  at: number
  thread: string
  scope: Scope
}

/**
 * Per event: `LENGTH:BODY` when it has the next number and all else like the previous one, otherwise
 * `STEP,MS,TYPE,CONTEXT,LENGTH:` (number step, milliseconds later, lengths of type and context or "" when alike), then
 * type, context and body. Lengths are UTF-16 units. Texts must be well-formed Unicode.
 */
export function encodeBody(head: RowHead, events: readonly LoggedEvent[]): string {
  let out = ""
  let n = head.first - 1
  let at = head.at
  let type = ""
  let context = ""
  for (const event of events) {
    const { body } = event
    if (event.n === n + 1 && event.at === at && event.type === type && event.context === context) {
      out += `${body.length}:${body}`
    } else {
      const typed = event.type === type ? "" : event.type.length
      const contexted = event.context === context ? "" : event.context.length
      out += `${event.n - n},${event.at - at},${typed},${contexted},${body.length}:`
      if (typed !== "") out += event.type
      if (contexted !== "") out += event.context
      out += body
      ;({ at, type, context } = event)
    }
    n = event.n
  }
  return out
}

/** The reverse. Throws on a text that this file did not write. */
export function decodeBody(head: RowHead, text: string): LoggedEvent[] {
  const thread = head.thread === "" ? null : head.thread
  const events: LoggedEvent[] = []
  let n = head.first - 1
  let at = head.at
  let type = ""
  let context = ""
  let from = 0
  const take = (length: number): string => {
    const until = from + length
    if (!(length >= 0) || until > text.length) throw damaged(head)
    const taken = text.slice(from, until)
    from = until
    return taken
  }
  while (from < text.length) {
    const colon = text.indexOf(":", from)
    if (colon < 0) throw damaged(head)
    const fields = text.slice(from, colon).split(",")
    from = colon + 1
    if (fields.length === 1) {
      n += 1
    } else {
      const [step, later, typed, contexted] = fields
      n += Number(step)
      at += Number(later)
      if (typed !== "") type = take(Number(typed))
      if (contexted !== "") context = take(Number(contexted))
    }
    const body = take(Number(fields.at(-1)))
    events.push({ n, at, type, scope: head.scope, thread, context, body, stored: true })
  }
  return events
}

const damaged = (head: RowHead): Error => new Error(`log row ${head.first} is damaged`)
