// Whether people wait for the queue: from a message's call to the first delta of its answer, with an idle queue and with full
// ones in other sessions; real codex, scripted model. Each contender has a daemon of its own, one after the other in each round.
// turns.ts [--rounds 3] [--turns 15] [--jobs 400]

import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { loadavg } from "node:os"
import { ask } from "../../tests/support/client.ts"
import { COMMANDS, codexBin, openPlace } from "../../tests/support/daemon.ts"
import { openShelf } from "../../tests/support/extensions.ts"
import { median, option, out, percentile, ratios, table } from "./parts/figures.ts"

const rounds = option("rounds", 3)
const turns = option("turns", 15)
const jobs = option("jobs", 400)
const OWNERS = 8
const WARM = 3

/** Fills the queue: `fill: {type, owners, count, more}`; each job is about a turn that never was. */
const FILLER = `export default (registry) => {
  registry.on("app_server.item.completed", async (event, tools) => {
    const { params } = event.payload
    if (params.item.type !== "userMessage") return
    const found = /^fill: (.*)$/m.exec(params.item.content.map((part) => part.text ?? "").join("\\n"))
    if (!found) return
    const { type, owners, count, more } = JSON.parse(found[1])
    for (let i = 0; i < count; i++) {
      const id = owners[i % owners.length]
      const projectId = "session:" + id
      const ids = { projectId, sourceSessionId: id, threadId: id, turnId: "t" + i }
      await tools.enqueueJob({ type, projectId, payload: { ...ids, dedupeKey: String(i), ...more } })
    }
  })
}
`

type Load = { type: string; more: object } | "people" | undefined
type Call = <T>(path: string, json?: unknown) => Promise<T>

/** A receiver that is slow enough for the queue to stay full. */
const receiver = createServer((incoming, reply) => {
  incoming.resume().on("end", () => void setTimeout(() => reply.end("ok"), 50))
})
await new Promise<void>((open) => void receiver.listen(0, "127.0.0.1", open))
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
const instruction = (instructionText: string): Load => ({
  type: "agent_instruction",
  more: { agent: "default", jobKind: "bench", instructionText },
})

const LOADS = {
  idle: undefined,
  "cheap jobs": { type: "webhook.deliver", more: { url, event: "bench", body: {} } },
  "workers that wait": instruction("hang"),
  "workers at work": instruction("echo: done"),
  /** What the machine itself costs: as many turns of two other people, and an empty queue. */
  "two people's turns": "people",
} satisfies Record<string, Load>
type Name = keyof typeof LOADS
const NAMES = Object.keys(LOADS) as Name[]

async function contender(load: Load): Promise<number[]> {
  await using place = openPlace("bench-turns")
  using shelf = openShelf({ filler: { events: FILLER } })
  const daemon = await place.start({
    command: COMMANDS.bun,
    codexBin: codexBin("0.169.0"),
    env: { AGENT_EXTENSION_CONFIGURED_ROOTS: shelf.path, WEBHOOK_SIGNING_SECRET: "bench" },
  })
  const call: Call = async (path, json) => {
    const { status, body, text } = await ask(daemon.url, path, json === undefined ? {} : { json })
    if (status >= 400 && status !== 503) throw new Error(`${path} answered ${status}: ${text}`)
    return body as never
  }
  const session = async (): Promise<string> => {
    for (;;) {
      const made = await call<{ session?: { sessionId: string } }>("/api/sessions", { cwd: daemon.work })
      // Until the child is there.
      if (made.session) return made.session.sessionId
    }
  }
  const owners: string[] = []
  for (let i = 0; i < OWNERS; i++) owners.push(await session())
  const own = await session()
  const turn = await speaker(daemon.url, own)
  for (let i = 0; i < WARM; i++) await turn("words: 3")
  const queue = async () =>
    (await call<{ counts: { queued: number; running: number } }>("/api/orchestrator/queue")).counts
  const isQueue = typeof load === "object"
  let isOver = false
  const people = load === "people" ? owners.slice(0, 2) : []
  const busy = people.map(async (id) => {
    const say = await speaker(daemon.url, id)
    while (!isOver) await say("echo: done")
    say.close()
  })
  if (isQueue) await turn(`echo: filling\nfill: ${JSON.stringify({ ...load, owners, count: jobs })}`)
  // The first jobs have made their workers.
  while (isQueue && (await queue()).queued < 40) await call("/api/health")
  for (let i = 0; i < WARM; i++) await turn("words: 3")
  const times: number[] = []
  for (let i = 0; i < turns; i++) times.push(await turn("words: 3"))
  const left = await queue()
  if (isQueue && (left.queued < 10 || left.running === 0))
    throw new Error(`the queue ran empty: ${JSON.stringify(left)}`)
  isOver = true
  await Promise.all(busy)
  turn.close()
  return times
}

/** Says something, and resolves at the turn's end with the milliseconds to the first delta. */
async function speaker(daemonUrl: string, sessionId: string) {
  const socket = new WebSocket(`${daemonUrl.replace("http", "ws")}/api/stream?threadId=${sessionId}`)
  let first = 0
  let over = () => {}
  socket.onmessage = ({ data }) => {
    const { type, payload } = JSON.parse(String(data)) as { type: string; payload: { method?: string } }
    if (type !== "notification") return
    if (payload.method === "item/agentMessage/delta") first ||= performance.now()
    if (payload.method === "turn/completed") over()
  }
  await new Promise((open) => {
    socket.onopen = open
  })
  const turn = async (text: string): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    over = resolve
    first = 0
    const from = performance.now()
    const { status } = await ask(daemonUrl, `/api/sessions/${sessionId}/messages`, { json: { text } })
    if (status !== 202) throw new Error(`a message was answered ${status}`)
    await promise
    return first - from
  }
  return Object.assign(turn, { close: () => socket.close() })
}

const all = Object.fromEntries(NAMES.map((name) => [name, [] as number[][]])) as Record<Name, number[][]>
for (let round = 0; round < rounds; round++)
  for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed())
    all[name].push(await contender(LOADS[name]))
receiver.close()
const p90 = (each: number[]) =>
  percentile(
    each.toSorted((a, b) => a - b),
    0.9,
  )
const idle = all.idle.map(median)
const rows = NAMES.map((name) => {
  const own = all[name].map(median)
  return [
    name,
    median(own).toFixed(1),
    median(all[name].map(p90)).toFixed(1),
    median(ratios(own, idle)).toFixed(2),
  ]
})
out(
  `load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds of ${turns} turns, ${jobs} jobs, ms to the first delta`,
)
out(table([["queue", "median", "p90", "ratio"], ...rows]))
