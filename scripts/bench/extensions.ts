// Extensions: what a dispatch costs beside a bare thread's round trip, how soon a hang is over and its extension is back, and
// how long the daemon's loop is held up by any of it. extensions.ts [--rounds 2000]

import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { openHost } from "../../tests/support/extensions.ts"
import { median, option, out, table } from "./parts/figures.ts"

const rounds = option("rounds", 2_000)
const LIMIT_MS = 200
const platform = createBunPlatform()

const ECHO = `export function registerAgentEvents(r) {
  r.on("echo", (event) => ({ kind: "handler_result", details: event.payload }))
}`
const HANGS = `import { execSync } from "node:child_process"
export function registerAgentEvents(r) {
  r.on("script", (event) => { if (event.payload.hang) for (;;); }, { timeoutMs: ${LIMIT_MS} })
  r.on("native", (event) => { if (event.payload.hang) execSync("sleep 5") }, { timeoutMs: ${LIMIT_MS} })
}`
const FLOODS = `import { parentPort } from "node:worker_threads"
export function registerAgentEvents(r) {
  r.on("lines", (e, tools) => { for (let n = 0; n < 1e6; n++) tools.logger.info({ n }, "flood") })
  r.on("messages", async () => { for (;;) { parentPort.postMessage({ t: "log", level: "info", text: "x" }); await null } }, { timeoutMs: 5000 })
}`
const GROWS = `export function registerAgentEvents(r) {
  r.on("grow", async () => { const all = []; for (;;) { all.push(new Uint8Array(8 << 20).fill(1)); await new Promise((go) => setImmediate(go)) } }, { timeoutMs: 30000 })
}`

const sources = {
  echo: { events: ECHO },
  hangs: { events: HANGS },
  floods: { events: FLOODS },
  grows: { events: GROWS },
}

await using rig = await openHost({ platform, sources, memoryMib: 700 })

/** The longest that this loop was held up while `run` ran, and what it took. */
async function watched<T>(run: () => Promise<T>): Promise<{ value: T; ms: number; lagMs: number }> {
  let last = performance.now()
  let lagMs = 0
  const timer = setInterval(() => {
    const now = performance.now()
    lagMs = Math.max(lagMs, now - last - 1)
    last = now
  }, 1)
  const from = performance.now()
  const value = await run()
  const ms = performance.now() - from
  clearInterval(timer)
  return { value, ms, lagMs }
}

async function each(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const from = performance.now()
    await run()
    times.push((performance.now() - from) * 1_000)
  }
  return times
}

const at = (times: number[], part: number): string =>
  (times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN).toFixed(0)

const worker = platform.worker(new URL("../../tests/fakes/echo-worker.ts", import.meta.url))
let answered = () => {}
worker.onMessage(() => answered())
const trip = () =>
  new Promise<void>((resolve) => {
    answered = resolve
    worker.post({ say: 1 })
  })

const payload = {
  context: { projectId: "p", sourceSessionId: "s", threadId: "s", turnId: "t" },
  text: "x".repeat(500),
}
const dispatch = () => rig.emit("echo", payload)
await each(300, trip)
await each(300, dispatch)
const bare: number[] = []
const own: number[] = []
for (let n = 0; n < 4; n++) {
  bare.push(...(await each(rounds / 4, trip)))
  own.push(...(await each(rounds / 4, dispatch)))
}
await worker.terminate()
out(
  table([
    ["one after the other", "p50 µs", "p99 µs"],
    ["a bare thread", at(bare, 0.5), at(bare, 0.99)],
    ["a dispatch", at(own, 0.5), at(own, 0.99)],
  ]),
)

const rows: string[][] = []
const limits = { script: LIMIT_MS, native: LIMIT_MS, lines: 0, messages: 0, grow: 0 }
for (const [name, limit] of Object.entries(limits)) {
  const over: number[] = []
  const back: number[] = []
  let lag = 0
  for (let n = 0; n < (limit > 0 ? 2 : 1); n++) {
    const hung = await watched(() => rig.emit(name, { hang: true }))
    const next = await watched(() => rig.emit("echo", payload))
    const again = limit > 0 ? await watched(() => rig.emit(name, {})) : next
    over.push(hung.ms - limit)
    back.push(next.ms + again.ms)
    lag = Math.max(lag, hung.lagMs, next.lagMs, again.lagMs)
  }
  await rig.host.reload()
  rows.push([name, String(limit), median(over).toFixed(0), median(back).toFixed(0), lag.toFixed(1)])
}
out(table([["trouble", "limit ms", "over, ms behind it", "back after, ms", "daemon's lag ms"], ...rows]))
