// Reading a session: 300 turns whole, unchanged (304), and the last page of a session of 100,000 entries beside that of a small
// one; with a bare Hono route of as many bytes in the same rounds. transcript.ts [--compiled] [--rounds 5] [--ms 2000]

import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { createTranscript } from "../../src/domain/transcript/transcript.ts"
import { ask } from "../../tests/support/client.ts"
import { COMMANDS } from "../../tests/support/daemon.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, median, option, out, ratios, table, thousands } from "./parts/figures.ts"
import type { LoadFigures } from "./parts/load.ts"
import { BARE, type Served, serveBy, startServed } from "./parts/served.ts"
import { startProgram } from "./parts/workers.ts"

const rounds = option("rounds", 5)
const ms = option("ms", 2000)
const TURNS = 300
const MANY = 100_000

const urlOf = ({ port }: Served): string => `http://127.0.0.1:${port}`
async function newSession(served: Served): Promise<string> {
  const { body, text } = await ask<{ session: { sessionId: string } }>(urlOf(served), "/api/sessions", {
    json: {},
  })
  if (!body.session) throw new Error(text)
  return body.session.sessionId
}

/** Writes turns straight into the data folder, as the daemon would have. */
function fill(database: string, sessionId: string, { turns, items }: { turns: number; items: number }): void {
  const clock = createManualClock()
  const driver = openBunDriver(database)
  const db = openDb({ driver, clock })
  // Rows are written beside the daemon's own log: nothing is told of them.
  const log = {
    id: "",
    next: () => 1,
    head: () => 0,
    append: () => {
      throw new Error("nothing is told here")
    },
  }
  const transcript = createTranscript({ db, clock, log, audienceOf: (thread) => ({ thread }) })
  const TURN = `INSERT INTO turns (session_id, id, place, status, started_at, completed_at) VALUES (?, ?, ?, 'completed', 1, 2)`
  const text = "All tests pass; the parser now keeps the position of every token. ".repeat(8)
  for (let turn = 0; turn < turns; turn++) {
    const done = db.actNow((tx) => {
      const turnId = `0193b2f0-0000-7000-8000-${String(turn).padStart(12, "0")}`
      tx.run(TURN, sessionId, turnId, turn + 1)
      for (let i = 0; i < items; i++) {
        const id = `msg_${turn}_${i}`
        const content = [{ type: "text", text: `${turn}: what next?` }]
        const item = i === 0 ? { type: "userMessage", id, content } : { type: "agentMessage", id, text }
        transcript.record(tx, sessionId, { item, turnId, status: "complete" })
      }
    })
    if (!done.ok) throw done.error
  }
  driver.close()
}

async function load(port: number, path: string, { forMs = ms, headers = "", status = "200" } = {}) {
  await using loader = startProgram("load", [String(port), path, "20", String(forMs), headers, status])
  return await loader.said<LoadFigures>("figures")
}

const command = serveBy(flag("compiled") ? [compiled] : COMMANDS.bun)
await using daemon = await startServed(command)
await daemon.said("codex is ready")
const [whole, small, large] = [await newSession(daemon), await newSession(daemon), await newSession(daemon)]
fill(daemon.database, whole, { turns: TURNS, items: 2 })
fill(daemon.database, small, { turns: 100, items: 2 })
fill(daemon.database, large, { turns: MANY / 100, items: 100 })
const read = `/api/sessions/${whole}`
const { text, headers } = await ask(urlOf(daemon), read)
/** The page before the last: the last one is kept while nothing changes. */
async function page(id: string): Promise<string> {
  const path = `/api/sessions/${id}/transcript?limit=100`
  const { body } = await ask<{ before: string }>(urlOf(daemon), path)
  return `${path}&before=${body.before}`
}
const [ofSmall, ofLarge] = [await page(small), await page(large)]
const { text: pageText } = await ask(urlOf(daemon), ofLarge)
await using bare = await startServed([...BARE, String(text.length)])
await using barePage = await startServed([...BARE, String(pageText.length)])
out(
  `${TURNS} turns are ${(text.length / 1024).toFixed(0)} KiB, a page ${(pageText.length / 1024).toFixed(0)} KiB`,
)

const known = { headers: `if-none-match: ${headers.etag}`, status: "304" }
const routes = [
  { name: `bare Hono, ${TURNS} turns' bytes`, port: bare.port, path: "/api", base: 0 },
  { name: `${TURNS} turns`, port: daemon.port, path: read, base: 0 },
  { name: "the same, 304", port: daemon.port, path: read, with: known, base: 0 },
  { name: "bare Hono, a page's bytes", port: barePage.port, path: "/api", base: 3 },
  { name: "a page of 200", port: daemon.port, path: ofSmall, base: 3 },
  { name: `a page of ${MANY}`, port: daemon.port, path: ofLarge, base: 3 },
].map((route) => ({ ...route, figures: [] as LoadFigures[] }))

for (const route of routes) await load(route.port, route.path, { ...route.with, forMs: 500 })
for (let round = 0; round < rounds; round++)
  for (const route of round % 2 === 0 ? routes : routes.toReversed())
    route.figures.push(await load(route.port, route.path, route.with))

const perSecond = (at: number): number[] => routes[at]?.figures.map((each) => each.perSecond) ?? []
const rows = routes.map(({ name, figures, base }, at) => {
  const p50 = median(figures.map((each) => each.p50)).toFixed(2)
  const p99 = median(figures.map((each) => each.p99)).toFixed(2)
  return [
    name,
    thousands(median(perSecond(at))),
    median(ratios(perSecond(at), perSecond(base))).toFixed(2),
    p50,
    p99,
  ]
})
out(table([["20 connections", "requests/s", "of bare", "p50 ms", "p99 ms"], ...rows]))
