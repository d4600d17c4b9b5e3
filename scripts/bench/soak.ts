// A day's traffic of so many sessions in fast motion against the fake codex: turns of many deltas, approvals, listeners that
// come and go, retention with small limits. After each stretch it stops, rests, and lets all garbage be collected: what is
// left then may not grow from stretch to stretch. What is resident while it runs says more of the collector than of us.
// soak.ts [--seconds 60] [--stretches 4] [--sessions 20] [--deltas 40] [--compiled]

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { COMMANDS } from "../../tests/support/daemon.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, option, out, table } from "./parts/figures.ts"
import { type Served, serveBy, startServed } from "./parts/served.ts"

const seconds = option("seconds", 60)
const sessions = option("sessions", 20)
const stretches = option("stretches", 4)
const MIB = 1024 * 1024
/** Between the end of the traffic and the look: what is let go after a while is gone by then. */
const REST_MS = 5_000
/** Beyond it, it grows: a day of 20 sessions is some 2,000 turns, which may then take no more than 2 MiB. */
const FLAT_KIB_A_TURN = 1

interface Message {
  type: string
  payload?: { method?: string; approvalId?: string }
}
interface Settled {
  heapSize: number
  objectCount: number
  objectTypeCounts: Record<string, number>
}
interface Look extends Settled {
  /** While the traffic ran, at its most. */
  busiest: number
  rss: number
  disk: number
  logged: number
  turns: number
}

const count = { turns: 0, frames: 0, approvals: 0, listeners: 0 }
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

interface Asked {
  method?: string
  json?: unknown
}
async function call<T>({ port }: Served, path: string, { method = "GET", json }: Asked = {}): Promise<T> {
  const init = json === undefined ? { method } : { method: "POST", body: JSON.stringify(json) }
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

/** A turn with a listener of its own, which says yes to what is asked and goes when the turn is over. */
async function turn(daemon: Served, sessionId: string, text: string): Promise<void> {
  const over = Promise.withResolvers<void>()
  const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/api/stream?threadId=${sessionId}`)
  count.listeners++
  socket.onmessage = ({ data }) => {
    count.frames++
    const { type, payload } = JSON.parse(String(data)) as Message
    if (type === "ready")
      call(daemon, `/api/sessions/${sessionId}/messages`, { json: { text } }).catch(over.reject)
    if (type === "approval") {
      count.approvals++
      call(daemon, `/api/approvals/${payload?.approvalId}/decision`, { json: { decision: "accept" } }).catch(
        over.reject,
      )
    }
    if (payload?.method === "turn/completed") over.resolve()
  }
  socket.onclose = () => over.reject(new Error("the stream was closed"))
  await over.promise
  socket.onclose = null
  socket.close()
  count.turns++
}

/** A session lives for ten turns, is deleted, and another one takes its place: what is kept for ever would grow, rightly. */
async function work(daemon: Served, until: number): Promise<void> {
  while (performance.now() < until) {
    const { sessionId } = (
      await call<{ session: { sessionId: string } }>(daemon, "/api/sessions", { json: {} })
    ).session
    for (let i = 0; i < 10 && performance.now() < until; i++)
      await turn(daemon, sessionId, i % 5 === 4 ? "run: echo hello" : `turn ${i}`)
    await call(daemon, `/api/sessions/${sessionId}`, { method: "DELETE" })
  }
}

interface Health {
  storage: { bytes: number; disk: { databaseBytes: number; walBytes: number } }
}
const folder = mkdtempSync(join(tmpdir(), "codexd-soak-"))
const settledFile = join(folder, "settled.json")

async function residentMib({ pid }: Served): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text()
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / MIB
}

async function settled({ pid }: Served): Promise<Settled> {
  await pause(REST_MS)
  const before = statSync(settledFile, { throwIfNoEntry: false })?.mtimeMs
  process.kill(pid, "SIGUSR2")
  for (let tries = 0; tries < 200; tries++) {
    if (statSync(settledFile, { throwIfNoEntry: false })?.mtimeMs !== before)
      return JSON.parse(readFileSync(settledFile, "utf8")) as Settled
    await pause(50)
  }
  throw new Error("the daemon did not say what it holds")
}

async function stretch(daemon: Served): Promise<Look> {
  const until = performance.now() + (seconds / stretches) * 1_000
  let busiest = 0
  const watch = setInterval(async () => {
    busiest = Math.max(busiest, await residentMib(daemon))
  }, 500)
  await Promise.all(Array.from({ length: sessions }, () => work(daemon, until)))
  clearInterval(watch)
  const { storage } = await call<Health>(daemon, "/api/health")
  const left = await settled(daemon)
  return {
    ...left,
    busiest,
    rss: await residentMib(daemon),
    disk: (storage.disk.databaseBytes + storage.disk.walBytes) / MIB,
    logged: storage.bytes / MIB,
    turns: count.turns,
  }
}

/** KiB a turn between two looks. */
const growth = (from: Look, to: Look, of: (look: Look) => number): number =>
  (of(to) - of(from)) / 1024 / (to.turns - from.turns)

const env = {
  EVENTS_MAX_MIB: "1",
  EVENTS_MAX_AGE_HOURS: "1",
  FAKE_CODEX: `flood=${option("deltas", 40)},per-write=4`,
  BUN_OPTIONS: `--preload ${join(import.meta.dir, "parts/settle.ts")}`,
  SETTLED_FILE: settledFile,
}
try {
  await using daemon = await startServed(serveBy(flag("compiled") ? [compiled] : COMMANDS.bun), env)
  await daemon.said("codex is ready")
  const looks: Look[] = []
  while (looks.length < stretches) looks.push(await stretch(daemon))
  report(looks)
} finally {
  rmSync(folder, { recursive: true })
}

function report(looks: readonly Look[]): void {
  out(
    `${count.turns} turns, ${count.frames} frames, ${count.approvals} approvals, ${count.listeners} listeners\n`,
  )
  const rows = looks.map(({ turns, busiest, rss, heapSize, objectCount, disk, logged }) => [
    String(turns),
    busiest.toFixed(0),
    rss.toFixed(0),
    (heapSize / MIB).toFixed(2),
    String(objectCount),
    disk.toFixed(1),
    logged.toFixed(1),
  ])
  out(
    table([
      ["turns", "busy MiB", "settled MiB", "live heap MiB", "live objects", "database MiB", "log MiB"],
      ...rows,
    ]),
  )
  // The first stretch warms up: code is compiled, caches are filled to their bounds.
  const [, from] = looks
  const to = looks.at(-1)
  if (!from || !to || from === to) return
  for (const [name, of] of [
    ["live heap", (look: Look) => look.heapSize],
    ["resident", (look: Look) => look.rss * MIB],
    ["database", (look: Look) => look.disk * MIB],
  ] as const) {
    const slope = growth(from, to, of)
    const verdict = slope <= FLAT_KIB_A_TURN ? "flat" : "it grows, or has not settled: run it longer"
    out(`${name}: ${slope.toFixed(3)} KiB a turn after the first stretch: ${verdict}`)
  }
  const grown = Object.entries(to.objectTypeCounts)
    .map(([type, n]) => ({ type, more: (n - (from.objectTypeCounts[type] ?? 0)) / (to.turns - from.turns) }))
    .filter(({ more }) => more >= 0.05)
    .sort((a, b) => b.more - a.more)
  const said = grown.map(({ type, more }) => `${type} ${more.toFixed(2)}`)
  out(`objects more a turn: ${said.join(", ") || "none"}`)
}
