// How the events of one row become one text and come back exactly as they were told. Raw lines stay as they are; what the
// previous event of the row had too (type, context, time, the beginning of the body) is left out. Every text is preceded
// by its length, so nothing is escaped or searched: encoding 200 deltas costs a few concatenations each.

import type { LoggedEvent, Scope } from "../event.ts"

/** What a row says of all its events. */
export interface RowHead {
  first: number
  at: number
  thread: string
  scope: Scope
}

/** A beginning shared by bodies is only worth saying when it is longer than the saying. */
const WORTH = 32

/**
 * Per event: `LENGTH:REST` when it has the next number and all else like the previous one, otherwise
 * `STEP,MS,TYPE,CONTEXT,SHARED,LENGTH:` (number step, milliseconds later, lengths of type and context or "" when alike,
 * length of the beginning that its body shares with the previous one, left out when it is 0), then type, context and the
 * rest of the body. A body that says nothing else begins as the one before did. Lengths are UTF-16 units. Texts must be
 * well-formed Unicode.
 */
export function encodeBody(head: RowHead, events: readonly LoggedEvent[]): string {
  let out = ""
  let n = head.first - 1
  let at = head.at
  let type = ""
  let context = ""
  let previous = ""
  let shared = ""
  // Counted once for neighbours that begin anew and once more for the next; from then on a run of alike bodies is only checked.
  let counts = true
  for (const event of events) {
    const { body } = event
    const begins = body.startsWith(shared)
    let next = begins ? shared.length : 0
    if (counts || !begins) {
      const common = commonLength(previous, body)
      if (common >= next + WORTH) next = common
    }
    const same = begins && next === shared.length
    counts = !same || next === 0
    const rest = body.length - next
    if (same && event.n === n + 1 && event.at === at && event.type === type && event.context === context) {
      out += `${rest}:`
    } else {
      const typed = event.type === type ? "" : event.type.length
      const contexted = event.context === context ? "" : event.context.length
      out += `${event.n - n},${event.at - at},${typed},${contexted},${next === 0 ? "" : `${next},`}${rest}:`
      if (typed !== "") out += event.type
      if (contexted !== "") out += event.context
      if (!same) shared = body.slice(0, next)
      ;({ at, type, context } = event)
    }
    out += next === 0 ? body : body.slice(next)
    n = event.n
    previous = body
  }
  return out
}

/** How many units two texts have in common at their beginning, without half of a character. */
function commonLength(left: string, right: string): number {
  const limit = Math.min(left.length, right.length)
  let i = 0
  while (i < limit && left.charCodeAt(i) === right.charCodeAt(i)) i++
  const last = left.charCodeAt(i - 1)
  return last >= 0xd800 && last <= 0xdbff ? i - 1 : i
}

/** The reverse. Throws on a text that this file did not write. */
export function decodeBody(head: RowHead, text: string): LoggedEvent[] {
  const thread = head.thread === "" ? null : head.thread
  const events: LoggedEvent[] = []
  let n = head.first - 1
  let at = head.at
  let type = ""
  let context = ""
  let shared = ""
  let body = ""
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
      const length = fields.length === 6 ? Number(fields[4]) : 0
      if (!(length >= 0 && length <= body.length)) throw damaged(head)
      shared = body.slice(0, length)
    }
    body = shared + take(Number(fields.at(-1)))
    events.push({ n, at, type, scope: head.scope, thread, context, body, stored: true })
  }
  return events
}

const damaged = (head: RowHead): Error => new Error(`log row ${head.first} is damaged`)
