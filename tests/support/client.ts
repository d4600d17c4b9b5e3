// A client of the API as the contract has it: HTTP with any header, the websocket, server-sent events. Speaks through
// node:http and node:net, so that Host, Origin and what is on the wire are the test's own. Runs on Bun and on Node.

import { strict as assert } from "node:assert"
import { request } from "node:http"
import { within } from "./daemon.ts"
import { frameMustBeDescribed, mustBeDescribed } from "./described.ts"
import { openRawSocket } from "./raw-socket.ts"

export interface Reply<T = Body> {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  body: T
}
export type Body = Record<string, unknown> & { status?: string; code?: string; message?: string }

export interface Frame {
  type: string
  threadId: string | null
  seq: number
  at: string
  payload: Payload
  /** The frame as it came. */
  text: string
}
export interface Ready {
  type: "ready"
  threadId: string | null
  log: string
  head: string
  resume: "ok" | "gap"
  seq?: number
}
/** What the tests look at in payloads, notifications' own params included. */
export interface Payload {
  method?: string
  origin?: string
  id?: number
  params?: Params
  approvalId?: string
  requestId?: string | number
  status?: string
  decision?: string
  name?: string
  tool?: string
  questions?: { id: string }[]
  session?: { id?: string; sessionId?: string; title: string | null; projectId: string | null } | null
  context?: { threadId: string | null; turnId: string | null }
  [key: string]: unknown
}
export interface Params {
  threadId?: string
  turnId?: string
  itemId?: string
  delta?: string
  command?: string
  turn?: { id: string; status: string; error: { message: string } | null }
  item?: { id: string; type: string; text?: string; status?: string; [key: string]: unknown }
  [key: string]: unknown
}

export interface Ask {
  method?: string
  /** Sent as JSON; `raw` goes as it is. */
  json?: unknown
  raw?: string
  /** Sent piece by piece, its length unsaid. */
  stream?: string[]
  headers?: Record<string, string>
}

export function ask<T = Body>(
  url: string,
  path: string,
  { method, json, raw, stream = [], headers = {} }: Ask = {},
) {
  const text = json === undefined ? raw : JSON.stringify(json)
  const { promise, resolve, reject } = Promise.withResolvers<Reply<T>>()
  const outgoing = request(
    `${url}${path}`,
    {
      method: method ?? (text === undefined && stream.length === 0 ? "GET" : "POST"),
      agent: false,
      headers: {
        ...(text !== undefined && {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(text),
        }),
        ...headers,
      },
    },
    (incoming) => {
      const chunks: Buffer[] = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("error", reject)
      incoming.on("end", () => {
        const said = Buffer.concat(chunks).toString()
        const isJson = String(incoming.headers["content-type"]).startsWith("application/json")
        const body = (isJson && said !== "" ? JSON.parse(said) : {}) as T
        const reply = { status: incoming.statusCode ?? 0, headers: incoming.headers, text: said, body }
        try {
          if (isJson && said !== "") mustBeDescribed(outgoing.method, path, reply)
          resolve(reply)
        } catch (error) {
          reject(error)
        }
      })
    },
  )
  outgoing.on("error", reject)
  for (const piece of stream) outgoing.write(piece)
  outgoing.end(text)
  return within(promise, () => `${method ?? "a request"} to ${path}`)
}

export interface Listener {
  ready: Ready
  /** Frames with a seq, in the order they came. */
  frames: Frame[]
  /** Every text as it came, `ready` included. */
  texts: readonly string[]
  /** The first frame at or after index `from` that matches; waits for it. */
  until(match: (frame: Frame) => boolean, what: string, from?: number): Promise<Frame>
  send(text: string): void
  /** The next text without a seq: `pong`, `error`. */
  answer(count: number): Promise<Record<string, unknown>>
  closed: Promise<number>
  close(): void
}

/** Opens the websocket with that query (`threadId=…&since=…`). Rejects when the answer is no upgrade. */
export async function listen(
  at: { port: number },
  query = "",
  headers: Record<string, string> = {},
): Promise<Listener> {
  const host = { host: `127.0.0.1:${at.port}` }
  const target = `/api/stream${query && `?${query}`}`
  const socket = await openRawSocket({ at, target, headers: { ...host, ...headers } })
  const frames: Frame[] = []
  const answers: Record<string, unknown>[] = []
  let parsed = 0
  const take = () => {
    for (; parsed < socket.texts.length; parsed++) {
      const text = socket.texts[parsed] ?? ""
      const message = JSON.parse(text) as Frame & Record<string, unknown>
      frameMustBeDescribed(text)
      if (message.type === "ready") continue
      if (typeof message.seq === "number") frames.push({ ...message, text })
      else answers.push(message)
    }
  }
  const ready = JSON.parse(await socket.until((_, i) => i === 0, "ready")) as Ready
  assert.equal(ready.type, "ready")
  return {
    ready,
    get frames() {
      take()
      return frames
    },
    texts: socket.texts,
    async until(match, what, from = 0) {
      let found: Frame | undefined
      let at = from
      await socket.until(() => {
        take()
        for (; at < frames.length && found === undefined; at++) {
          const frame = frames[at]
          if (frame && match(frame)) found = frame
        }
        return found !== undefined
      }, what)
      assert.ok(found)
      return found
    },
    send: (text) => socket.send(text),
    async answer(count) {
      await socket.until(() => {
        take()
        return answers.length >= count
      }, `answer ${count}`)
      return answers[count - 1] ?? {}
    },
    closed: socket.closed,
    close: () => socket.close(),
  }
}

export interface SseEvent {
  id: string | undefined
  data: string
}
export interface Events {
  headers: Reply["headers"]
  events: SseEvent[]
  until(match: (event: SseEvent) => boolean, what: string): Promise<SseEvent>
  close(): void
}

/** Opens `GET /api/events`. Rejects when the status isn't 200. */
export async function openEvents(
  { url }: { url: string },
  query = "",
  headers: Record<string, string> = {},
): Promise<Events> {
  const events: SseEvent[] = []
  const hearers = new Set<() => void>()
  const opened = Promise.withResolvers<Reply["headers"]>()
  const outgoing = request(
    `${url}/api/events${query && `?${query}`}`,
    { agent: false, headers },
    (incoming) => {
      if (incoming.statusCode !== 200) opened.reject(new Error(`status ${incoming.statusCode}`))
      let rest = ""
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        const parts = (rest + chunk).split("\n\n")
        rest = parts.pop() ?? ""
        events.push(...parts.flatMap(eventOf))
        for (const hear of [...hearers]) hear()
      })
      incoming.on("error", () => {})
      opened.resolve(incoming.headers)
    },
  )
  outgoing.on("error", opened.reject)
  outgoing.end()
  const answered = await within(opened.promise, () => "/api/events does not answer")
  return {
    headers: answered,
    events,
    until(match, what) {
      let at = 0
      const { promise, resolve } = Promise.withResolvers<SseEvent>()
      const look = () => {
        for (; at < events.length; at++) {
          const event = events[at]
          if (event && match(event)) return resolve(event)
        }
      }
      hearers.add(look)
      look()
      const last = () => `${what}; got ${events.length} events, last: ${events.at(-1)?.data.slice(0, 200)}`
      return within(promise, last).finally(() => hearers.delete(look))
    },
    close: () => void outgoing.destroy(),
  }
}

/** Comments, `retry:` and ids without data are no events. */
function eventOf(block: string): SseEvent[] {
  const field = (name: string) =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  const data = field("data")
  return data === undefined ? [] : [{ id: field("id"), data }]
}
