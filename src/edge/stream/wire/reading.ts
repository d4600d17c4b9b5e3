// What frames need out of an event, read at most once however many of them want it. Neighbours are mostly alike (one
// thread, one turn, one method, one millisecond), so what was made for the last one is kept: a delta costs little more
// than putting its text together.

import type { LoggedEvent } from "../../../base/events/event.ts"
import { iso } from "../../../base/kit/clock.ts"
import { signalName } from "../../../base/kit/signal-name.ts"
import { type RawLine, readRawLine, usualHead } from "./raw-line.ts"

/** What follows from the name of a method. */
export interface MethodNames {
  method: string
  /** How lines of it usually begin. */
  head: string
  notification: SignalNames
  request: SignalNames
}
interface SignalNames {
  /** The frame's type, as JSON text. */
  type: string
  /** The envelope of wire-contract §4.1 up to the time. */
  head: string
}

/** The parts of an event's context, as JSON text. */
export interface ContextText {
  turnId: string
  session: string
  requestId: string
}

export interface Memory {
  names: MethodNames
  nameOf(method: string): MethodNames
  context: { text: string; parts: ContextText }
  moment: { at: number; text: string }
  thread: { id: string | null; text: string }
}

/** Names of methods come from the child: a sane one has a few hundred. */
const MAX_NAMES = 2_000

export function createMemory(): Memory {
  const known = new Map<string, MethodNames>()
  return {
    names: namesOf(""),
    context: { text: "", parts: contextText("") },
    moment: { at: 0, text: iso(0) },
    thread: { id: null, text: "null" },
    nameOf(method) {
      const found = known.get(method)
      if (found !== undefined) return found
      if (known.size >= MAX_NAMES) known.clear()
      // A copy: a text cut out of a longer one would keep all of that in memory.
      const made = namesOf(Array.from(method).join(""))
      known.set(made.method, made)
      return made
    },
  }
}

/** A class: one is made for every event. */
export class Reading {
  readonly #event: LoggedEvent
  readonly #memory: Memory
  #line: RawLine | undefined

  constructor(event: LoggedEvent, memory: Memory) {
    this.#event = event
    this.#memory = memory
  }
  line(): RawLine {
    this.#line ??= readRawLine(this.#event.body, this.#memory.names)
    return this.#line
  }
  names(): MethodNames {
    const { method } = this.line()
    if (this.#memory.names.method !== method) this.#memory.names = this.#memory.nameOf(method)
    return this.#memory.names
  }
  context(): ContextText {
    const { context } = this.#event
    if (this.#memory.context.text !== context)
      this.#memory.context = { text: context, parts: contextText(context) }
    return this.#memory.context.parts
  }
  /** The time in ISO-8601. */
  at(): string {
    const { at } = this.#event
    if (this.#memory.moment.at !== at) this.#memory.moment = { at, text: iso(at) }
    return this.#memory.moment.text
  }
  /** The thread's id as JSON text. */
  thread(): string {
    const { thread } = this.#event
    if (this.#memory.thread.id !== thread) this.#memory.thread = { id: thread, text: JSON.stringify(thread) }
    return this.#memory.thread.text
  }
}

function namesOf(method: string): MethodNames {
  const signal = (kind: string, prefix: string): SignalNames => {
    const type = JSON.stringify(`${prefix}${signalName(method)}`)
    const head = `{"source":"app_server","signalType":"${kind}","eventType":${type},"method":${JSON.stringify(method)},"receivedAt":"`
    return { type, head }
  }
  return {
    method,
    head: usualHead(method),
    notification: signal("notification", "app_server."),
    request: signal("request", "app_server.request."),
  }
}

function contextText(text: string): ContextText {
  const context = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)
  const part = (name: string) => JSON.stringify(context[name] ?? null)
  return { turnId: part("turnId"), session: part("session"), requestId: part("requestId") }
}
