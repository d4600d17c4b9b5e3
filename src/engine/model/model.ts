// The scripted model: a Responses API for trying, for tests and for authors of extensions, without an account.
// What it answers is decided by the newest user message alone (docs/scripted-model.md). It needs a clock and nothing else:
// whoever serves it binds `fetch` to a port.

import * as v from "valibot"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import { SCRIPTED_MODEL } from "./provider.ts"
import type { Ask, ResponsesBody } from "./request.ts"
import { readAsk, responsesBody } from "./request.ts"
import type { Script, Step } from "./script.ts"
import { scriptOf } from "./script.ts"
import { beatsOf, errorOf, pause, streamOf } from "./stream.ts"

export interface ScriptedModelNeeds {
  clock: Clock
}
export interface ScriptedModel {
  fetch(request: Request): Response | Promise<Response>
}

const MODELS = [SCRIPTED_MODEL, "gpt-5.1-codex", "gpt-5.2", "scripted"]

/** Attempts are remembered for this many requests. */
const REMEMBERED = 512

/** A deterministic Responses API server over SSE. Failures that a script asks for are real HTTP failures. */
export function createScriptedModel({ clock }: ScriptedModelNeeds): ScriptedModel {
  const attempts = new Map<string, number>()

  /** How often this step of this turn was asked for, from 1. A retry may send what the broken stream said, too. */
  const attemptOf = (body: ResponsesBody, { text, place, done }: Ask): number => {
    const key = JSON.stringify([body.prompt_cache_key, place, done.length, text])
    const attempt = (attempts.get(key) ?? 0) + 1
    attempts.delete(key)
    attempts.set(key, attempt)
    const oldest = attempts.keys().next()
    if (attempts.size > REMEMBERED && !oldest.done) attempts.delete(oldest.value)
    return attempt
  }

  const respond = async (request: Request): Promise<Response> => {
    const parsed = v.safeParse(responsesBody, await request.json().catch(() => undefined))
    if (!parsed.success) return refusal(400, "The body is not a Responses API request in JSON.")
    const ask = readAsk(parsed.output)
    const script = scriptOf(ask, attemptOf(parsed.output, ask))
    const failure = bareFailure(script)
    if (failure) {
      for (const step of script.steps) {
        if (step.do === "wait") await pause({ waitMs: step.ms }, clock, request.signal)
      }
      return failed(failure, clock)
    }
    const beats = beatsOf({ script, newId })
    const headers = { "content-type": "text/event-stream", "cache-control": "no-store" }
    return new Response(streamOf({ beats, clock, signal: request.signal }), { headers })
  }

  return {
    fetch(request) {
      const { pathname } = new URL(request.url)
      const route = `${request.method} ${pathname.replace(/\/$/, "")}`
      if (route === "POST /v1/responses") return respond(request)
      if (route === "GET /v1/models") return modelList()
      return refusal(
        404,
        `There is no ${route} here. The scripted model has POST /v1/responses and GET /v1/models.`,
      )
    },
  }
}

type Failure = Extract<Step, { do: "fail" | "ratelimit" }>

/** The failure of a script that says nothing before it: only then can it still be an HTTP status. */
function bareFailure({ steps }: Script): Failure | undefined {
  const first = steps.find((step) => step.do !== "wait")
  return first?.do === "fail" || first?.do === "ratelimit" ? first : undefined
}

function failed(step: Failure, clock: Clock): Response {
  if (step.do === "fail") return Response.json({ error: errorOf(step) }, { status: step.status })
  const resetsAt = Math.ceil(clock.now() / 1000) + step.seconds
  const error = {
    ...errorOf(step),
    type: "usage_limit_reached",
    plan_type: "plus",
    resets_at: resetsAt,
    resets_in_seconds: step.seconds,
  }
  return Response.json({ error }, { status: 429, headers: { "retry-after": String(step.seconds) } })
}

const refusal = (status: number, message: string): Response =>
  Response.json({ error: { type: "invalid_request_error", code: null, message } }, { status })

const modelList = (): Response =>
  Response.json({
    object: "list",
    data: MODELS.map((id) => ({ id, object: "model", created: 0, owned_by: "codexd" })),
    // The field that codex reads; empty, so that it keeps to its own list.
    models: [],
  })
