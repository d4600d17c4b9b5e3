// What codexd adds to a request: from the child's line to the listener's frame, and from the decision's HTTP call to the child's
// stdin, beside a relay that stores nothing, in the same rounds; and a page of the inbox among 100 and among 10,000.
// Asks come --every 5 ms after the answer before: how long one takes is measured, not how many go at once.
// requests.ts [latency|list …] [--compiled] [--rounds 3] [--asks 500] [--every 5] [--many 10000]

import { mkdtempSync, rmSync } from "node:fs"
import { loadavg } from "node:os"
import { join } from "node:path"
import { systemClock } from "../../src/base/kit/clock.ts"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import { readInbox } from "../../src/domain/requests/inbox/inbox.ts"
import { insertRequest } from "../../src/domain/requests/store.ts"
import { ask } from "../../tests/support/client.ts"
import { COMMANDS, FAKE_CODEX, openPlace } from "../../tests/support/daemon.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, median, option, out, percentile, table } from "./parts/figures.ts"
import { now } from "./parts/meter.ts"
import { startProgram } from "./parts/workers.ts"

const rounds = option("rounds", 3)
const asks = option("asks", 500)
const every = option("every", 5)
const many = option("many", 10_000)
const WARM = 50
const turn = `asks: ${asks} ${every}`

interface Measured {
  /** Milliseconds from the child's line to the frame, and from the call to the child. */
  toListener: number[]
  toChild: number[]
}
interface Ask {
  type: string
  payload: { approvalId: string; details?: { reason: string; startedAtMs: number } }
}

/** Answers every approval as it comes, until the last one. */
async function drive(url: string, begin: () => Promise<unknown>): Promise<Measured> {
  const measured: Measured = { toListener: [], toChild: [] }
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/stream?families=request`)
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  let decidedAt = 0
  let seen = 0
  const heard = ({ type, payload }: Ask, at: number) => {
    if (type !== "approval" || !payload.details) return
    const { startedAtMs, reason } = payload.details
    if (seen > WARM) {
      measured.toListener.push(at - startedAtMs)
      measured.toChild.push(Number(reason) - decidedAt)
    }
    if (++seen > asks) resolve()
    decidedAt = now()
    fetch(`${url}/api/approvals/${payload.approvalId}/decision`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"decision":"accept"}',
    })
      .then((reply) => (reply.ok ? reply.text() : Promise.reject(new Error(`answered ${reply.status}`))))
      .catch(reject)
  }
  socket.onmessage = ({ data }) => heard(JSON.parse(String(data)) as Ask, now())
  await new Promise((open) => {
    socket.onopen = open
  })
  await begin()
  await done
  socket.close()
  return measured
}

async function relay(): Promise<Measured> {
  await using place = openPlace("bench-requests")
  await using program = startProgram("ask-relay", [place.path])
  const port = await program.said<number>("its port")
  return await drive(`http://127.0.0.1:${port}`, async () => program.tell(turn))
}

async function daemon(): Promise<Measured> {
  await using place = openPlace("bench-requests")
  const command = flag("compiled") ? [compiled] : COMMANDS.bun
  const profile = process.env.BENCH_BUN_OPTIONS
  const env = profile === undefined ? {} : { BUN_OPTIONS: profile }
  const { url, work } = await place.start({ command, codexBin: FAKE_CODEX, env })
  for (;;) {
    const made = await ask<{ session: { sessionId: string } }>(url, "/api/sessions", { json: { cwd: work } })
    // Until the child is there.
    if (made.status === 503) continue
    const path = `/api/sessions/${made.body.session.sessionId}/messages`
    return await drive(url, () => ask(url, path, { json: { text: turn } }))
  }
}

const sorted = (values: number[]) => values.toSorted((a, b) => a - b)
const figures = (each: Measured[], way: keyof Measured, share: number) =>
  each.map((one) => percentile(sorted(one[way]), share))

async function latency() {
  const contenders = { relay, daemon }
  const names = ["relay", "daemon"] as const
  const all: Record<(typeof names)[number], Measured[]> = { relay: [], daemon: [] }
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) all[name].push(await contenders[name]())
  const rows = [
    ["child's line → listener's frame", "toListener"],
    ["decision's call → child's stdin", "toChild"],
  ] as const
  const cells = rows.flatMap(([title, way]) =>
    [0.5, 0.99].map((share) => {
      const base = figures(all.relay, way, share)
      const own = figures(all.daemon, way, share)
      const added = own.map((value, i) => value - (base[i] ?? Number.NaN))
      return [`${title}, p${share * 100}`, ...[base, own, added].map((each) => median(each).toFixed(2))]
    }),
  )
  out(`\n${asks} approvals, ms\n${table([["", "relay", "codexd", "added"], ...cells])}`)
}

async function pages(count: number) {
  const folder = mkdtempSync(join(process.env.HOME ?? ".", ".cache/codexd-tests/bench-"))
  const driver = createBunPlatform().openDatabase(join(folder, "codexd.db"))
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock: systemClock })
  const filled = db.actNow((tx) => {
    for (let i = 0; i < count; i++) insertRequest(tx, madeUp(i, count / 100))
  })
  if (!filled.ok) throw filled.error
  const read = (more: object = {}) => readInbox(db, { states: ["open", "orphaned"], limit: 50, ...more })
  let middle = read().nextCursor
  for (let at = 50; at < count / 2; at += 50) middle = read({ cursor: middle }).nextCursor
  const time = (more: object) => {
    for (let i = 0; i < 20; i++) read(more)
    const each = Array.from({ length: 200 }, () => {
      const from = performance.now()
      read(more)
      return performance.now() - from
    })
    return median(each)
  }
  const took = {
    first: time({}),
    middle: time({ cursor: middle }),
    session: time({ sessionId: "s-0" }),
    kind: time({ kind: "tool_call" }),
  }
  await db.close()
  rmSync(folder, { recursive: true, force: true })
  return took
}

/** A hundred in each session. */
const madeUp = (i: number, sessions: number) => ({
  id: `request-${String(i).padStart(6, "0")}`,
  kind: "approval" as const,
  method: "item/commandExecution/requestApproval",
  sessionId: `s-${i % sessions}`,
  turnId: `t-${i}`,
  itemId: `i-${i}`,
  runId: "run",
  rpcId: String(i),
  summary: `make ${i}`,
  params: JSON.stringify({
    threadId: `s-${i % sessions}`,
    command: `make ${i}`,
    cwd: "/w",
    commandActions: [],
  }),
  createdAt: 1_700_000_000_000 + Math.floor(i / 10),
  dueAt: undefined,
})

async function list() {
  const few = await pages(100)
  const crowd = await pages(many)
  const rows = (["first", "middle", "session", "kind"] as const).map((name) => [
    name === "kind" ? "kind of none" : name,
    few[name].toFixed(3),
    crowd[name].toFixed(3),
    (crowd[name] / few[name]).toFixed(2),
  ])
  out(`\na page of 50, ms\n${table([["", "of 100", `of ${many}`, "ratio"], ...rows])}`)
}

const parts: Record<string, () => Promise<void>> = { latency, list }
const chosen = process.argv.slice(2).filter((arg) => Object.hasOwn(parts, arg))
out(
  `load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds, medians; ${flag("compiled") ? "compiled" : "source"}`,
)
for (const name of chosen.length > 0 ? chosen : Object.keys(parts)) await parts[name]?.()
