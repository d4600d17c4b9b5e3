// The stream as it is built in the house: a real log on a real database, the hub, both doors, and listeners of the runtime
// that runs the test.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { LoggedEvent, NewEvent } from "../../../src/base/events/event.ts"
import { createLog } from "../../../src/base/events/log.ts"
import { systemClock } from "../../../src/base/kit/clock.ts"
import { openBlock } from "../../../src/base/platform/files.ts"
import type { Platform } from "../../../src/base/platform/port.ts"
import { openDb } from "../../../src/base/storage/database.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import { createHub } from "../../../src/edge/stream/hub.ts"
import { createSockets } from "../../../src/edge/stream/socket.ts"
import { createEvents } from "../../../src/edge/stream/sse.ts"
import { openRawSocket, type RawSocket } from "../../support/raw-socket.ts"

async function openPlatform(): Promise<Platform> {
  if (process.versions.bun) return (await import("../../../src/base/platform/bun.ts")).createBunPlatform()
  return (await import("../../../src/base/platform/node.ts")).createNodePlatform()
}

export async function openRig({ maxLagBytes = 4 << 20 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "stream-"))
  const platform = await openPlatform()
  const clock = systemClock
  const driver = platform.openDatabase(join(folder, "codexd.db"))
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock })
  const mark = openBlock(join(folder, "log.mark"))
  const log = createLog({ db, clock, mark })
  const errors: unknown[] = []
  const hub = createHub({ log, platform, clock, onError: (error) => errors.push(error) })
  const sockets = createSockets(hub)
  const events = createEvents({ hub, clock, logId: log.id, maxLagBytes })
  /** Everything that was told, in order. */
  const told: LoggedEvent[] = []
  log.onTold((batch) => void told.push(...batch))

  const open: RawSocket[] = []
  const listenAt = (at: { host: string; port: number } | { path: string }) =>
    platform.listen({
      at,
      socket: sockets.handlers,
      maxLagBytes,
      maxBodyBytes: 1 << 20,
      fetch: (request, peer) =>
        new URL(request.url).pathname === "/api/events"
          ? events.openEvents(request, peer)
          : sockets.openStream(request, peer),
    })
  const listener = await listenAt({ host: "127.0.0.1", port: 0 })
  const path = join(folder, "s.sock")
  const unix = await listenAt({ path })

  return {
    hub,
    log,
    db,
    told,
    errors,
    url: listener.url,
    /** Appends events in one act. */
    tell: (...list: NewEvent[]) =>
      db.act((tx) => {
        for (const event of list) log.append(tx, event)
      }),
    /** A websocket of ours whose `ready` frame has come. */
    async connect(query = "", where: "tcp" | "unix" = "tcp") {
      const at = where === "tcp" ? listener : { path }
      const socket = await openRawSocket({ at, target: `/api/stream${query}` })
      open.push(socket)
      await socket.untilCount(1)
      return socket
    },
    /** Server-sent events, collected until the stream ends. */
    listen: (query = "", headers: Record<string, string> = {}) =>
      openEventSource(`${listener.url}/api/events${query}`, headers),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      hub.close()
      await Promise.all([listener.stop(1_000), unix.stop(1_000)])
      await db.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export type Rig = Awaited<ReturnType<typeof openRig>>

export interface Sent {
  id: string | undefined
  data: string
}

/** Opens server-sent events and resolves when the first one (`ready`) is there. */
async function openEventSource(url: string, headers: Record<string, string>) {
  const abort = new AbortController()
  const reply = await fetch(url, { headers, signal: abort.signal })
  const sent: Sent[] = []
  let lastId: string | undefined
  const hearers = new Set<() => void>()
  const take = (block: string) => {
    const fields = block.split("\n").map((line) => /^(\w+): (.*)$/s.exec(line))
    const id = fields.find((field) => field?.[1] === "id")?.[2]
    const data = fields.find((field) => field?.[1] === "data")?.[2]
    lastId = id ?? lastId
    if (data !== undefined) sent.push({ id, data })
  }
  let isOver = false
  const read = async () => {
    const decoder = new TextDecoder()
    let rest = ""
    try {
      for await (const chunk of reply.body ?? []) {
        const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n")
        rest = blocks.pop() ?? ""
        blocks.forEach(take)
        for (const hear of [...hearers]) hear()
      }
    } finally {
      isOver = true
      for (const hear of [...hearers]) hear()
    }
  }
  const over = read().then(
    () => "ended",
    () => "cut",
  )
  const untilCount = (count: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (sent.length < count && !isOver) return
        clearTimeout(net)
        hearers.delete(look)
        if (sent.length >= count) resolve()
        else reject(new Error(`over after ${sent.length} of ${count}`))
      }
      const net = setTimeout(() => reject(new Error(`deadline at ${sent.length} of ${count}`)), 60_000)
      hearers.add(look)
      look()
    })
  await untilCount(1)
  return { reply, sent, over, untilCount, lastId: () => lastId, close: () => abort.abort() }
}

/** Frames received until the pong: everything that was told before the ping. */
export async function settled(socket: RawSocket): Promise<string[]> {
  const before = socket.texts.filter(isPong).length
  socket.send('{"type":"ping"}')
  let seen = 0
  await socket.until((text) => isPong(text) && ++seen > before, "a pong")
  return socket.texts.filter((text) => !isPong(text)).slice(1)
}
const isPong = (text: string) => text === '{"type":"pong"}'

export const seqOf = (text: string): number => (JSON.parse(text) as { seq: number }).seq
