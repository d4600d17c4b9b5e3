import { describe, expect, test } from "bun:test"
import type { Clock } from "../../../src/base/kit/clock.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createScriptedModel } from "../../../src/engine/model/model.ts"
import { providerConfig } from "../../../src/engine/model/provider.ts"

interface SseEvent {
  type: string
  delta?: string
  item?: { type: string; content?: { text: string }[] }
  response?: { error?: { code: string }; usage?: Record<string, unknown> }
}

/** A clock whose timers fall due at once, and that tells what was waited for. */
function quickClock() {
  const waits: number[] = []
  const clock: Clock = {
    ...createManualClock(),
    after(ms, fn) {
      waits.push(ms)
      let on = true
      queueMicrotask(() => on && fn())
      return {
        [Symbol.dispose]: () => {
          on = false
        },
      }
    },
  }
  return { clock, waits }
}

const ask = (text: string, init: RequestInit = {}) =>
  new Request("http://model/v1/responses", {
    method: "POST",
    body: JSON.stringify({
      model: "any",
      prompt_cache_key: "thread",
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text }] }],
      tools: [{ type: "function", name: "exec_command" }],
    }),
    ...init,
  })

const eventsOf = (sse: string): SseEvent[] =>
  sse
    .split("\n\n")
    .filter(Boolean)
    .map((block) => JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? ""))

async function answer(text: string, model = createScriptedModel(quickClock())) {
  const response = await model.fetch(ask(text))
  return { response, events: eventsOf(await response.text()) }
}

describe("the stream", () => {
  test("a message is announced, streamed word by word, and finished with its whole text", async () => {
    const { response, events } = await answer("echo: one two  three")
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    expect(events.map((one) => one.type.replace("response.", ""))).toEqual([
      "created",
      "output_item.added",
      "output_text.delta",
      "output_text.delta",
      "output_text.delta",
      "output_text.done",
      "output_item.done",
      "completed",
    ])
    expect(events.flatMap((one) => one.delta ?? []).join("")).toBe("one two  three")
    expect(events.at(-2)?.item?.content?.[0]?.text).toBe("one two  three")
    expect(events.at(-1)?.response?.usage).toMatchObject({ output_tokens: 4, input_tokens_details: {} })
  })

  test("many words arrive whole and in order", async () => {
    const { events } = await answer("words: 20000")
    const deltas = events.flatMap((one) => one.delta ?? [])
    expect(deltas.length).toBe(20_000)
    expect(deltas.at(-1)).toBe("w20000")
  })

  test("a pace waits between the words, slow before them", async () => {
    const quick = quickClock()
    const { events } = await answer("slow: 700\nwords: 4 25", createScriptedModel(quick))
    expect(quick.waits).toEqual([700, 25, 25, 25])
    expect(events.at(-1)?.type).toBe("response.completed")
  })

  test("a cut stream ends without response.completed", async () => {
    const { events } = await answer("words: 2\ncut")
    expect(events.at(-1)?.type).toBe("response.output_item.done")
  })

  test("a failure after words is a response.failed event", async () => {
    const { response, events } = await answer("words: 2\nfail: 500 late")
    expect(response.status).toBe(200)
    expect(events.at(-1)).toMatchObject({ type: "response.failed", response: { error: { message: "late" } } })
  })

  test("ids differ from response to response: codex makes item ids of them", async () => {
    const ids = async () => JSON.stringify((await answer("run: ls")).events).match(/call_[0-9a-f-]+/)?.[0]
    expect(await ids()).not.toBe(await ids())
  })
})

describe("a client that leaves", () => {
  function countingClock() {
    const manual = createManualClock()
    let pending = 0
    const asked = Promise.withResolvers<void>()
    const clock: Clock = {
      ...manual,
      after(ms, fn) {
        pending++
        asked.resolve()
        const timer = manual.after(ms, fn)
        return {
          [Symbol.dispose]: () => {
            pending--
            timer[Symbol.dispose]()
          },
        }
      },
    }
    return { clock, pending: () => pending, asked: asked.promise }
  }

  test("by cancelling the body leaves no timer", async () => {
    const { clock, pending, asked } = countingClock()
    const response = await createScriptedModel({ clock }).fetch(ask("words: 5 60000"))
    const reader = response.body?.getReader()
    await reader?.read()
    await asked
    expect(pending()).toBe(1)
    await reader?.cancel()
    expect(pending()).toBe(0)
  })

  test("by aborting the request ends the body and leaves no timer", async () => {
    const { clock, pending, asked } = countingClock()
    const gone = new AbortController()
    const response = await createScriptedModel({ clock }).fetch(ask("slow: 60000", { signal: gone.signal }))
    const body = response.text()
    await asked
    gone.abort()
    expect(eventsOf(await body).map((one) => one.type)).toEqual(["response.created"])
    expect(pending()).toBe(0)
  })

  test("while the model hangs ends it", async () => {
    const gone = new AbortController()
    const model = createScriptedModel(quickClock())
    const response = await model.fetch(ask("hang", { signal: gone.signal }))
    const body = response.text()
    gone.abort()
    expect(eventsOf(await body).map((one) => one.type)).toEqual(["response.created"])
  })
})

describe("HTTP", () => {
  test("failures are real statuses, in the order of the script", async () => {
    const { response } = await (async () => {
      const quick = quickClock()
      const got = await createScriptedModel(quick).fetch(ask("slow: 10\nfail: 503 busy"))
      expect(quick.waits).toEqual([10])
      return { response: got }
    })()
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ error: { message: "busy" } })
  })

  test("a rate limit says when to come back", async () => {
    const response = await createScriptedModel(quickClock()).fetch(ask("ratelimit: 7"))
    expect(response.status).toBe(429)
    expect(response.headers.get("retry-after")).toBe("7")
    expect(await response.json()).toMatchObject({
      error: { type: "usage_limit_reached", resets_in_seconds: 7 },
    })
  })

  test("once fails the first request of a turn, though its repetition holds what was said", async () => {
    const model = createScriptedModel(quickClock())
    const user = { type: "message", role: "user", content: "fail: once 500" }
    const said = { type: "message", role: "assistant", content: "w1" }
    const post = async (input: object[], prompt_cache_key = "a") => {
      const body = JSON.stringify({ input, prompt_cache_key })
      return (await model.fetch(new Request("http://model/v1/responses", { method: "POST", body }))).status
    }
    expect(await post([user])).toBe(500)
    expect(await post([user, said])).toBe(200)
    expect(await post([user, said, user])).toBe(500)
    expect(await post([user], "b")).toBe(500)
  })

  test("bad bodies are 400, other paths 404, and models are listed", async () => {
    const model = createScriptedModel(quickClock())
    for (const body of ["{", "[]", '{"input":7}', ""]) {
      const bad = await model.fetch(new Request("http://model/v1/responses", { method: "POST", body }))
      expect(bad.status).toBe(400)
      expect(await bad.json()).toMatchObject({ error: { type: "invalid_request_error" } })
    }
    expect((await model.fetch(new Request("http://model/v1/responses"))).status).toBe(404)
    const list = await model.fetch(new Request("http://model/v1/models?client_version=1"))
    expect(await list.json()).toMatchObject({ object: "list", models: [] })
  })
})

test("the provider's text is TOML, whatever the names hold", () => {
  const toml = Bun.TOML.parse(providerConfig({ baseUrl: "http://127.0.0.1:1/", model: 'a"b\\c' }))
  expect(toml).toMatchObject({
    model: 'a"b\\c',
    model_provider: "scripted",
    model_providers: { scripted: { base_url: "http://127.0.0.1:1/v1", wire_api: "responses" } },
  })
})
