// How many frames a second go from the log's commit to websocket clients in a process of their own.
// bun scripts/bench/fanout.ts [events] [clients,clients,…]

import { mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import type { NewEvent } from "../../src/base/events/event.ts"
import { createLog } from "../../src/base/events/log.ts"
import { systemClock } from "../../src/base/kit/clock.ts"
import { createBunPlatform } from "../../src/base/platform/bun.ts"
import { openBlock } from "../../src/base/platform/files.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import { createHub } from "../../src/edge/stream/hub.ts"
import { createSockets } from "../../src/edge/stream/socket.ts"

const PER_TICK = 200
const THREAD = "0193b2f0-0000-7000-8000-000000000002"
const END = "the-end"
const out = (line: string): void => void process.stdout.write(`${line}\n`)

/** A 300-byte delta as 0.169 writes it. */
const delta = (i: number): NewEvent => ({
  type: "app.notification",
  scope: "thread",
  thread: THREAD,
  class: "delta",
  context: `{"turnId":"0193b2f0-0000-7000-8000-000000000001","session":{"id":"${THREAD}","title":"a","projectId":null}}`,
  body: `{"method":"item/agentMessage/delta","params":{"threadId":"${THREAD}","turnId":"0193b2f0-0000-7000-8000-000000000001","itemId":"item-1","delta":"word ${i} ${"x".repeat(70)}"},"emittedAtMs":${Date.now()}}`,
})

/** The client process: counts, and says so when every one of its sockets has seen the end. */
async function beClients(url: string, clients: number) {
  let frames = 0
  let open = clients
  const { promise, resolve } = Promise.withResolvers<void>()
  for (let i = 0; i < clients; i++) {
    const socket = new WebSocket(url)
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      frames++
      if (data.includes(END) && --open === 0) resolve()
    }
    await new Promise((ready) => {
      socket.onopen = ready
    })
  }
  process.send?.("ready")
  await promise
  process.send?.(String(frames))
}

async function measure(events: number, clients: number, families: string) {
  const folder = mkdtempSync(join(homedir(), ".cache", "codexd-bench-"))
  const platform = createBunPlatform()
  const driver = platform.openDatabase(join(folder, "codexd.db"))
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock: systemClock })
  const log = createLog({ db, clock: systemClock, mark: openBlock(join(folder, "log.mark")) })
  const hub = createHub({ log, platform, clock: systemClock, onError: (error) => out(String(error)) })
  const sockets = createSockets(hub)
  const listener = await platform.listen({
    at: { host: "127.0.0.1", port: 0 },
    socket: sockets.handlers,
    maxLagBytes: 256 << 20,
    maxBodyBytes: 1 << 20,
    fetch: sockets.openStream,
  })
  const url = `${listener.url.replace("http", "ws")}/api/stream?families=${families}`
  const said: ((text: string) => void)[] = []
  const next = () => new Promise<string>((resolve) => said.push(resolve))
  const ready = next()
  const counted = next()
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", import.meta.path, "clients", url, String(clients)],
    {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (text) => said.shift()?.(String(text)),
    },
  )
  await ready
  const made = Array.from({ length: PER_TICK }, (_, i) => delta(i))
  const start = performance.now()
  for (let done = 0; done < events; done += PER_TICK) {
    await db.act((tx) => {
      for (const event of made) log.append(tx, event)
    })
    // As after a read of the child's pipe.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const told = performance.now() - start
  await db.act((tx) => log.append(tx, { ...delta(0), body: `{"method":"${END}","params":{}}` }))
  const frames = Number(await counted)
  const seconds = (performance.now() - start) / 1000
  out(
    `${clients} clients, ${families || "all families"}: ${Math.round(frames / seconds)} frames/s, ${Math.round(events / seconds)} events/s (told at ${Math.round((events / told) * 1000)}/s)`,
  )
  await child.exited
  hub.close()
  await listener.stop(100)
  await db.close()
  rmSync(folder, { recursive: true, force: true })
}

const [first, second, third] = process.argv.slice(2)
if (first === "clients") {
  await beClients(second ?? "", Number(third))
  process.exit(0)
}
const events = Number(first ?? 100_000)
for (const clients of (second ?? "1,50").split(",").map(Number))
  for (const families of ["notification", ""])
    await measure(clients > 10 ? events / 5 : events, clients, families)
