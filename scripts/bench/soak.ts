// A day's traffic of so many sessions in fast motion against the fake codex: turns of many deltas, approvals, listeners that
// come and go, retention with small limits. Memory and disk are looked at all the while; the slope of the second half tells
// whether they are flat. soak.ts [--seconds 60] [--sessions 20] [--deltas 40] [--compiled]

import { COMMANDS } from "../../tests/support/daemon.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, median, option, out, table } from "./parts/figures.ts"
import { type Served, serveBy, startServed } from "./parts/served.ts"

const seconds = option("seconds", 60)
const sessions = option("sessions", 20)
const LOOKS = 24
const MIB = 1024 * 1024
/** Beyond it, it grows: a day of 20 sessions is some 2,000 turns, which may then take no more than 8 MiB. */
const FLAT_KIB_A_TURN = 4

interface Message {
  type: string
  payload?: { method?: string; approvalId?: string }
}
interface Look {
  atS: number
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
async function look(daemon: Served, began: number): Promise<Look> {
  const { storage } = await call<Health>(daemon, "/api/health")
  const status = await Bun.file(`/proc/${daemon.pid}/status`).text()
  return {
    atS: (performance.now() - began) / 1_000,
    rss: (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / MIB,
    disk: (storage.disk.databaseBytes + storage.disk.walBytes) / MIB,
    logged: storage.bytes / MIB,
    turns: count.turns,
  }
}

/** KiB a turn. Theil–Sen: the median of the slopes of all pairs, which a single collection of garbage does not sway. */
function slopeOf(looks: readonly Look[], of: "rss" | "disk"): number {
  const slopes = looks.flatMap((a, i) =>
    looks.slice(i + 1).map((b) => ((b[of] - a[of]) * 1024) / (b.turns - a.turns)),
  )
  return median(slopes.filter(Number.isFinite))
}

const env = {
  EVENTS_MAX_MIB: "1",
  EVENTS_MAX_AGE_HOURS: "1",
  FAKE_CODEX: `flood=${option("deltas", 40)},per-write=4`,
}
await using daemon = await startServed(serveBy(flag("compiled") ? [compiled] : COMMANDS.bun), env)
await daemon.said("codex is ready")
const began = performance.now()
const until = began + seconds * 1_000
const all = Promise.all(Array.from({ length: sessions }, () => work(daemon, until)))
all.catch(() => undefined)
const looks: Look[] = []
while (performance.now() < until) {
  await Promise.race([pause((seconds * 1_000) / LOOKS), all])
  looks.push(await look(daemon, began))
}
await all

const later = looks.slice(looks.length >> 1)
out(
  `${count.turns} turns, ${count.frames} frames, ${count.approvals} approvals, ${count.listeners} listeners\n`,
)
const rows = looks
  .filter((_, i) => i % 3 === 2)
  .map(({ atS, rss, disk, logged, turns }) =>
    [atS, rss, disk, logged, turns].map((value) => value.toFixed(0)),
  )
out(table([["at s", "memory MiB", "database MiB", "log MiB", "turns"], ...rows]))
for (const [name, of] of [
  ["memory", "rss"],
  ["disk", "disk"],
] as const) {
  const slope = slopeOf(later, of)
  const verdict = slope <= FLAT_KIB_A_TURN ? "flat" : "it grows, or has not settled: run it longer"
  out(`${name}: ${slope.toFixed(2)} KiB a turn over the second half: ${verdict}`)
}
