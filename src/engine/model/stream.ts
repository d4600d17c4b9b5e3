// From steps to server-sent events. Written as beats, text or pauses, so that pace, backpressure and the client's leaving
// are handled in one place. No timer outlives its client.

import type { Clock } from "../../base/kit/clock.ts"
import { never } from "../../base/kit/never.ts"
import type { Script, Step } from "./script.ts"

export type Beat = { text: string } | { waitMs: number } | "hang"

export interface PlayNeeds {
  script: Script
  /** Unique over restarts: codex uses call ids as item ids. */
  newId: () => string
}

const event = (type: string, fields: object): Beat => ({
  text: `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`,
})

/** The beats of one response. A failure or a cut ends it without `response.completed`. */
export function* beatsOf({ script, newId }: PlayNeeds): Generator<Beat> {
  const id = `resp_${newId()}`
  let outputChars = 0
  yield event("response.created", { response: { id, object: "response", status: "in_progress" } })
  for (const [index, step] of script.steps.entries()) {
    if (step.do === "cut") return
    if (step.do === "fail" || step.do === "ratelimit") {
      yield event("response.failed", { response: { id, status: "failed", error: errorOf(step) } })
      return
    }
    outputChars += charsOf(step)
    yield* stepBeats(step, index, newId)
  }
  const outputTokens = Math.ceil(outputChars / 4)
  const usage = {
    input_tokens: script.inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: script.inputTokens + outputTokens,
  }
  yield event("response.completed", { response: { id, object: "response", status: "completed", usage } })
}

type Failure = Extract<Step, { do: "fail" | "ratelimit" }>

/** A failure as the API words it. */
export function errorOf(step: Failure): { type: string; code: string; message: string } {
  if (step.do === "fail") return { type: "server_error", code: "server_error", message: step.message }
  const message = `Rate limit reached for the scripted model. Please try again in ${step.seconds}s.`
  return { type: "rate_limit_exceeded", code: "rate_limit_exceeded", message }
}

function charsOf(step: Step): number {
  if (step.do === "say" || step.do === "reason") return step.text.length
  return step.do === "function" ? step.args.length : step.do === "custom" ? step.input.length : 0
}

function* stepBeats(
  step: Exclude<Step, Failure | { do: "cut" }>,
  index: number,
  newId: () => string,
): Generator<Beat> {
  const place = { output_index: index }
  const done = (item: object) => event("response.output_item.done", { ...place, item })
  switch (step.do) {
    case "wait":
      yield { waitMs: step.ms }
      return
    case "hang":
      yield "hang"
      return
    case "say":
      yield* messageBeats(step, { id: `msg_${newId()}`, place })
      return
    case "reason":
      yield* reasoningBeats(step.text, { id: `rs_${newId()}`, place })
      return
    case "function": {
      const { name, namespace, args } = step
      const where = namespace === undefined ? {} : { namespace }
      yield done({ type: "function_call", ...ids(newId, "fc"), ...where, name, arguments: args })
      return
    }
    case "custom": {
      const { name, namespace, input } = step
      const where = namespace === undefined ? {} : { namespace }
      yield done({ type: "custom_tool_call", ...ids(newId, "ctc"), ...where, name, input })
      return
    }
    case "local_shell": {
      const action = { type: "exec", command: step.command }
      yield done({ type: "local_shell_call", ...ids(newId, "lsh"), status: "completed", action })
      return
    }
    default:
      never(step)
  }
}

const ids = (newId: () => string, prefix: string) => ({
  id: `${prefix}_${newId()}`,
  call_id: `call_${newId()}`,
})

interface Place {
  id: string
  place: { output_index: number }
}

function* messageBeats(step: { text: string; paceMs: number }, { id, place }: Place): Generator<Beat> {
  const at = { ...place, item_id: id, content_index: 0 }
  const message = { type: "message", id, role: "assistant" }
  yield event("response.output_item.added", {
    ...place,
    item: { ...message, status: "in_progress", content: [] },
  })
  for (const [index, delta] of wordsOf(step.text).entries()) {
    if (step.paceMs > 0 && index > 0) yield { waitMs: step.paceMs }
    yield event("response.output_text.delta", { ...at, delta })
  }
  yield event("response.output_text.done", { ...at, text: step.text })
  const content = [{ type: "output_text", text: step.text, annotations: [] }]
  yield event("response.output_item.done", { ...place, item: { ...message, status: "completed", content } })
}

function* reasoningBeats(text: string, { id, place }: Place): Generator<Beat> {
  const at = { ...place, item_id: id, summary_index: 0 }
  yield event("response.output_item.added", { ...place, item: { type: "reasoning", id, summary: [] } })
  yield event("response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } })
  for (const delta of wordsOf(text)) yield event("response.reasoning_summary_text.delta", { ...at, delta })
  yield event("response.reasoning_summary_text.done", { ...at, text })
  const summary = [{ type: "summary_text", text }]
  yield event("response.output_item.done", { ...place, item: { type: "reasoning", id, summary } })
}

/** Cut behind the spaces, so that the pieces join to the text. */
const wordsOf = (text: string): string[] => text.match(/\S*\s+|\S+$/g) ?? []

export interface StreamNeeds {
  beats: Iterator<Beat>
  clock: Clock
  /** The client's leaving. */
  signal: AbortSignal
}

/** Beats without a pause between them travel in pieces of about this size. */
const PIECE_CHARS = 16_384

/** The body of a streamed response. It ends quietly when the signal aborts or the reader cancels. */
export function streamOf({ beats, clock, signal }: StreamNeeds): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const gone = new AbortController()
  const leave = () => gone.abort()
  if (signal.aborted) leave()
  else signal.addEventListener("abort", leave, { once: true })
  const finish = () => signal.removeEventListener("abort", leave)
  let pausing: Beat | undefined

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (pausing) await pause(pausing, clock, gone.signal)
      pausing = undefined
      let text = ""
      let over = gone.signal.aborted
      while (!over && text.length < PIECE_CHARS) {
        const next = beats.next()
        if (next.done) over = true
        else if (next.value !== "hang" && "text" in next.value) text += next.value.text
        else if (text) {
          pausing = next.value
          break
        } else {
          await pause(next.value, clock, gone.signal)
          over = gone.signal.aborted
        }
      }
      if (text) controller.enqueue(encoder.encode(text))
      if (!over) return
      finish()
      // A reader that cancelled has closed it already.
      if (!gone.signal.aborted || signal.aborted) controller.close()
    },
    cancel() {
      leave()
      finish()
    },
  })
}

/** Resolves when the pause is over or the client has gone, whichever comes first. */
export function pause(beat: Beat, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = beat !== "hang" && "waitMs" in beat ? clock.after(beat.waitMs, () => over()) : undefined
    const over = () => {
      timer?.[Symbol.dispose]()
      signal.removeEventListener("abort", over)
      resolve()
    }
    signal.addEventListener("abort", over, { once: true })
  })
}
