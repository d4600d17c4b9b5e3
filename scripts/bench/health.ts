// Requests a second on 20 connections: /api and /api/health of the daemon beside a bare Hono route, in the same rounds.
// health.ts [--compiled] [--rounds 5] [--ms 2000]

import { COMMANDS } from "../../tests/support/daemon.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, median, option, out, ratios, table, thousands } from "./parts/figures.ts"
import type { LoadFigures } from "./parts/load.ts"
import { BARE, type Served, serveBy, startServed } from "./parts/served.ts"
import { startProgram } from "./parts/workers.ts"

const rounds = option("rounds", 5)
const ms = option("ms", 2000)

async function load({ port }: Served, path: string, forMs: number): Promise<LoadFigures> {
  await using loader = startProgram("load", [String(port), path, "20", String(forMs)])
  return await loader.said("figures")
}

await using bare = await startServed(BARE)
await using daemon = await startServed(serveBy(flag("compiled") ? [compiled] : COMMANDS.bun))
await daemon.said("codex is ready")
const routes = [
  { name: "bare Hono route", served: bare, path: "/api" },
  { name: "/api", served: daemon, path: "/api" },
  { name: "/api/health", served: daemon, path: "/api/health" },
].map((route) => ({ ...route, figures: [] as LoadFigures[] }))

for (const { served, path } of routes) await load(served, path, 500)
for (let round = 0; round < rounds; round++)
  for (const { served, path, figures } of round % 2 === 0 ? routes : routes.toReversed())
    figures.push(await load(served, path, ms))

const base = routes[0]?.figures.map((each) => each.perSecond) ?? []
const rows = routes.map(({ name, figures }) => {
  const own = figures.map((each) => each.perSecond)
  const p50 = median(figures.map((each) => each.p50)).toFixed(2)
  const p99 = median(figures.map((each) => each.p99)).toFixed(2)
  return [name, thousands(median(own)), median(ratios(own, base)).toFixed(2), p50, p99]
})
out(table([["20 connections", "requests/s", "of bare", "p50 ms", "p99 ms"], ...rows]))
