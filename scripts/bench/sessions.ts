// The first page of sessions, 20 rows on 20 connections: with 100 sessions and with 10,000, beside a bare Hono route that
// answers as many bytes, in the same rounds. sessions.ts [--compiled] [--rounds 5] [--ms 2000] [--many 10000]

import { ask } from "../../tests/support/client.ts"
import { COMMANDS } from "../../tests/support/daemon.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, median, option, out, ratios, table, thousands } from "./parts/figures.ts"
import type { LoadFigures } from "./parts/load.ts"
import { BARE, type Served, serveBy, startServed } from "./parts/served.ts"
import { startProgram } from "./parts/workers.ts"

const rounds = option("rounds", 5)
const ms = option("ms", 2000)
const many = option("many", 10_000)
const FEW = 100
const PAGE = "/api/sessions?limit=20"

async function load({ port }: Served, path: string, forMs = ms): Promise<LoadFigures> {
  await using loader = startProgram("load", [String(port), path, "20", String(forMs)])
  return await loader.said("figures")
}
const urlOf = ({ port }: Served): string => `http://127.0.0.1:${port}`

async function fill(served: Served, count: number) {
  const one = async () => {
    const { status, text } = await ask(urlOf(served), "/api/sessions", { json: {} })
    if (status !== 200) throw new Error(text)
  }
  for (let made = 0; made < count; made += 20) await Promise.all(Array.from({ length: 20 }, one))
}

const command = serveBy(flag("compiled") ? [compiled] : COMMANDS.bun)
await using few = await startServed(command)
await using crowded = await startServed(command)
for (const daemon of [few, crowded]) await daemon.said("codex is ready")
await fill(few, FEW)
await fill(crowded, many)
const { text } = await ask(urlOf(few), PAGE)
await using bare = await startServed([...BARE, String(text.length)])
out(`a page is ${(text.length / 1024).toFixed(1)} KiB`)

const routes = [
  { name: "bare Hono route", served: bare, path: "/api" },
  { name: `${FEW} sessions`, served: few, path: PAGE },
  { name: `${many} sessions`, served: crowded, path: PAGE },
].map((route) => ({ ...route, figures: [] as LoadFigures[] }))

for (const { served, path } of routes) await load(served, path, 500)
for (let round = 0; round < rounds; round++)
  for (const { served, path, figures } of round % 2 === 0 ? routes : routes.toReversed())
    figures.push(await load(served, path))

const base = routes[0]?.figures.map((each) => each.perSecond) ?? []
const rows = routes.map(({ name, figures }) => {
  const own = figures.map((each) => each.perSecond)
  const p50 = median(figures.map((each) => each.p50)).toFixed(2)
  const p99 = median(figures.map((each) => each.p99)).toFixed(2)
  return [name, thousands(median(own)), median(ratios(own, base)).toFixed(2), p50, p99]
})
out(table([["20 rows, 20 connections", "requests/s", "of bare", "p50 ms", "p99 ms"], ...rows]))
