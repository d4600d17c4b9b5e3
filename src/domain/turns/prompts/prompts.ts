// Prompts as rows: kept, listed, edited, reordered, cancelled, and moved along by whoever sends them. Every change is told
// in the same act.

import type { Log } from "../../../base/events/log.ts"
import { Fault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import { newId } from "../../../base/kit/ids.ts"
import type { Db, Reader, Tx } from "../../../base/storage/port.ts"
import { type Audience, promptUpdated } from "../../events.ts"
import { moved, type Prompt, type PromptMove, type PromptView, promptView } from "./prompt.ts"
import {
  dispatchedAnywhere,
  firstQueued,
  forgetPrompts,
  lastPromptPlace,
  promptById,
  promptsOf,
  prunePrompts,
  queuedOf,
  readPrompt,
  waitingSessions,
  writePrompt,
} from "./store.ts"

export interface PromptsNeeds {
  db: Db
  log: Log
  clock: Clock
  audienceOf(sessionId: string): Audience
}

export interface NewPrompt {
  sessionId: string
  text: string
  overrides: Prompt["overrides"]
}
export interface EditPrompt {
  text?: string | undefined
  overrides?: Prompt["overrides"] | undefined
  /** Among the queued ones, from 0. */
  position?: number | undefined
  /** A person sends an indeterminate or failed one anew. */
  again?: boolean | undefined
}

export function createPrompts({ db, log, clock, audienceOf }: PromptsNeeds) {
  const view = (prompt: Prompt, reader: Reader): PromptView => {
    const at = queuedOf(reader, prompt.sessionId).findIndex(({ id }) => id === prompt.id)
    return promptView(prompt, at < 0 ? undefined : at)
  }
  function write(tx: Tx, prompt: Prompt): Prompt {
    const next = { ...prompt, updatedAt: clock.now() }
    writePrompt(tx, next)
    log.append(tx, promptUpdated(audienceOf(next.sessionId), view(next, tx)))
    return next
  }
  function known(reader: Reader, sessionId: string, id: string): Prompt {
    const prompt = readPrompt(reader, sessionId, id)
    if (!prompt) throw new Fault("prompt_not_found", "no such prompt", { sessionId, promptId: id })
    return prompt
  }
  const settled = (prompt: Prompt, tx: Tx): Fault =>
    new Fault("prompt_settled", `the prompt is ${prompt.state}`, { prompt: view(prompt, tx) })

  /** Behind all others of its session. */
  function add(tx: Tx, { sessionId, text, overrides }: NewPrompt): Prompt {
    const at = clock.now()
    return write(tx, {
      id: newId(),
      sessionId,
      place: lastPromptPlace(tx, sessionId) + 1,
      text,
      overrides,
      state: "queued",
      tracked: false,
      turnId: undefined,
      reason: undefined,
      createdAt: at,
      updatedAt: at,
    })
  }

  /** Moves it, if it can be moved so; the prompt as it is then, undefined if not. */
  function move(tx: Tx, id: string, step: PromptMove, more: Partial<Prompt> = {}): Prompt | undefined {
    const prompt = promptById(tx, id)
    const state = prompt && moved(prompt.state, step)
    if (!prompt || !state) return undefined
    const next = write(tx, { ...prompt, reason: undefined, ...more, state })
    if (state === "accepted" || state === "canceled") prunePrompts(tx, next.sessionId)
    return next
  }

  /** Throws `prompt_not_found`, `prompt_settled`. */
  function edit(tx: Tx, sessionId: string, id: string, change: EditPrompt): PromptView {
    let prompt = known(tx, sessionId, id)
    if (change.again) prompt = move(tx, id, "again", { place: lastPromptPlace(tx, sessionId) + 1 }) ?? prompt
    if (prompt.state !== "queued") throw settled(prompt, tx)
    const { text, overrides, position } = change
    if (text !== undefined || overrides !== undefined) {
      prompt = write(tx, {
        ...prompt,
        text: text ?? prompt.text,
        overrides: { ...prompt.overrides, ...overrides },
      })
    }
    if (position !== undefined) reorder(tx, prompt, position)
    return view(known(tx, sessionId, id), tx)
  }

  /** The places of the queued ones are dealt out anew; those whose place is another are told. */
  function reorder(tx: Tx, prompt: Prompt, position: number): void {
    const queued = queuedOf(tx, prompt.sessionId)
    const places = queued.map(({ place }) => place)
    const others = queued.filter(({ id }) => id !== prompt.id)
    const order = others.toSpliced(position, 0, prompt)
    const changed = order.flatMap((one, at) => {
      const place = places[at] ?? one.place
      return place === one.place ? [] : [{ ...one, place }]
    })
    for (const one of changed) writePrompt(tx, one)
    for (const one of changed) write(tx, one)
  }

  /** Throws `prompt_not_found`, `prompt_settled`. */
  function cancel(tx: Tx, sessionId: string, id: string): PromptView {
    const prompt = known(tx, sessionId, id)
    const done = move(tx, id, "cancel", { reason: prompt.reason })
    if (!done) throw settled(prompt, tx)
    return view(done, tx)
  }

  return {
    add,
    move,
    edit,
    cancel,
    view: (prompt: Prompt, reader: Reader = db): PromptView => view(prompt, reader),
    /** The next one to be sent. */
    next: (sessionId: string, reader: Reader = db): Prompt | undefined => firstQueued(reader, sessionId),
    find: (id: string, reader: Reader = db): Prompt | undefined => promptById(reader, id),
    /** All that is not over; with `all`, what is over too, as long as it is kept. */
    list(sessionId: string, { all }: { all: boolean }): PromptView[] {
      const shown = promptsOf(db, sessionId).filter((p) => all || !["accepted", "canceled"].includes(p.state))
      const queued = shown.filter((p) => p.state === "queued")
      return shown.map((p) => promptView(p, p.state === "queued" ? queued.indexOf(p) : undefined))
    },
    /** Those that were sent and whose answer never came. */
    dispatched: (reader: Reader = db): Prompt[] => dispatchedAnywhere(reader),
    /** Sessions in which something waits. */
    sessions: (reader: Reader = db): string[] => waitingSessions(reader),
    /** Its session is gone. */
    forget: (tx: Tx, sessionId: string): void => forgetPrompts(tx, sessionId),
  }
}
export type Prompts = ReturnType<typeof createPrompts>
