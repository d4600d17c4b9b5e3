// What it costs to be let in: a route behind the guard beside the same route without it, in one process, with named tokens;
// and GET /api/health with auth on, beside a bare Hono route. doors.ts [--rounds 5] [--ms 2000] [--tokens 50] [--compiled]

import { readFileSync } from "node:fs"
import { Hono, type MiddlewareHandler } from "hono"
import { systemClock } from "../../src/base/kit/clock.ts"
import { createAdmission } from "../../src/edge/http/doors/admit.ts"
import type { HttpEnv } from "../../src/edge/http/env.ts"
import { COMMANDS } from "../../tests/support/daemon.ts"
import { openDoor } from "../../tests/support/doors.ts"
import { openMemory } from "../../tests/support/memory.ts"
import { compiled } from "./parts/contenders.ts"
import { flag, median, option, out, ratios, table, thousands } from "./parts/figures.ts"
import { type Loaded, loadOf } from "./parts/loads.ts"
import { BARE, serveBy, startServed } from "./parts/served.ts"

const rounds = option("rounds", 5)
const ms = option("ms", 2000)
const TOKEN = "the-token-of-the-bench"

/** What a core could do follows from it, however busy the machine is. Linux counts in steps of 10 ms. */
const cpuMsOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}

await passing()
await asking()

/** In microseconds a request, without sockets. */
async function passing(): Promise<void> {
  const db = openMemory(systemClock)
  const door = openDoor({ db, clock: systemClock, token: TOKEN, hide: () => undefined })
  const secrets: string[] = []
  for (let i = 0; i < option("tokens", 50); i++) {
    const made = await door.tokens.make({ name: `token ${i}`, scopes: ["read"], expiresAt: null })
    secrets.push(made.secret)
  }
  const { guard } = createAdmission({
    tokens: door.asked,
    slowing: door.slowing,
    cookie: door.cookie,
    scopeOf: () => "read",
  })
  const answer = () => new Response("{}")
  const route = { method: "GET", path: "/api/one" }
  const found: MiddlewareHandler<HttpEnv> = (c, next) => {
    c.set("route", route)
    return next()
  }
  const open = new Hono<HttpEnv>().use("/api/*", found).get("/api/one", answer)
  const guarded = new Hono<HttpEnv>().use("/api/*", found, guard).get("/api/one", answer)
  const env = { peer: { address: "127.0.0.1" } } as never

  async function each(app: typeof open): Promise<number> {
    const requests = Array.from({ length: 20_000 }, (_, i) => {
      const authorization = `Bearer ${secrets[i % secrets.length]}`
      return new Request("http://127.0.0.1/api/one", { headers: { authorization } })
    })
    const began = performance.now()
    for (const request of requests) {
      const { status } = await app.fetch(request, env)
      if (status !== 200) throw new Error(`it was answered ${status}`)
    }
    return ((performance.now() - began) * 1_000) / requests.length
  }

  const figures = { open: [] as number[], guarded: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    const without = await each(open)
    const withGuard = await each(guarded)
    // The first is for the compiler.
    if (round === 0) continue
    figures.open.push(without)
    figures.guarded.push(withGuard)
  }
  const costs = figures.guarded.map((value, i) => value - (figures.open[i] ?? Number.NaN))
  out(`authentication costs ${median(costs).toFixed(1)} µs a request (target: at most 20)`)
  out(
    `in ${median(figures.guarded).toFixed(1)} µs, ${median(figures.open).toFixed(1)} µs of them without it\n`,
  )
  door[Symbol.dispose]()
  await db.close()
}

/** Over sockets: 20 connections, the token in each request. */
async function asking(): Promise<void> {
  await using bare = await startServed(BARE)
  const command = serveBy(flag("compiled") ? [compiled] : COMMANDS.bun)
  await using daemon = await startServed(command, { API_AUTH: "token" })
  await daemon.said("codex is ready")
  const header = `Authorization: Bearer ${daemon.token()}`
  async function measured({ server, ...route }: Loaded & { server: number }) {
    const before = cpuMsOf(server)
    const figures = await loadOf(route, ms)
    const cpuUs = ((cpuMsOf(server) - before) * 1_000) / ((figures.perSecond * ms) / 1_000)
    return { ...figures, cpuUs }
  }
  const routes = [
    { name: "bare Hono route", port: bare.port, server: bare.pid, path: "/api" },
    { name: "/api/health, stranger", port: daemon.port, server: daemon.pid, path: "/api/health" },
    { name: "/api/health, known", port: daemon.port, server: daemon.pid, path: "/api/health", header },
  ].map((route) => ({ ...route, figures: [] as Awaited<ReturnType<typeof measured>>[] }))
  for (const route of routes) await loadOf(route, 500)
  for (let round = 0; round < rounds; round++)
    for (const route of round % 2 === 0 ? routes : routes.toReversed())
      route.figures.push(await measured(route))
  const base = routes[0]?.figures.map((each) => each.perSecond) ?? []
  const rows = routes.map(({ name, figures }) => {
    const own = figures.map((each) => each.perSecond)
    const p50 = median(figures.map((each) => each.p50)).toFixed(2)
    const p99 = median(figures.map((each) => each.p99)).toFixed(2)
    const cpu = median(figures.map((each) => each.cpuUs)).toFixed(0)
    return [name, thousands(median(own)), median(ratios(own, base)).toFixed(2), p50, p99, cpu]
  })
  out(table([["20 connections", "requests/s", "of bare", "p50 ms", "p99 ms", "CPU µs a request"], ...rows]))
}
