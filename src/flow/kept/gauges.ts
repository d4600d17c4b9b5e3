// What is read when somebody asks for the meters: the rooms' own numbers, under their names.

import type { Config } from "../../base/config/config.ts"
import type { Places } from "../../base/config/places.ts"
import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { createDisk } from "../../base/observe/disk.ts"
import type { Meters, Reading } from "../../base/observe/meters.ts"
import { residentBytesOf } from "../../base/platform/memory.ts"
import type { Db } from "../../base/storage/port.ts"
import type { Supervisor } from "../../engine/runtime/supervisor.ts"
import type { Extensions } from "../extensions/extensions.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Rooms } from "../rooms.ts"

export interface GaugeNeeds {
  meters: Meters
  config: Config
  places: Places
  clock: Clock
  db: Db
  log: Log
  rooms: Pick<Rooms, "requests" | "turns" | "usage" | "outbox">
  supervisor: Pick<Supervisor, "state">
  extensions: Pick<Extensions, "inventory">
  jobs: Jobs
  hub: { stats(): StreamStats; lag(): { total: number; most: number } }
  /** Our own. */
  pid: number
}
interface StreamStats {
  listeners: { socket: number; events: number }
  replaying: number
  frames: number
  bytes: number
  cuts: number
  lost: number
}

const one = (value: number | null | undefined): Reading[] => [[[], value]]

export function readGauges(needs: GaugeNeeds): void {
  streamGauges(needs)
  childGauges(needs)
  workGauges(needs)
  storageGauges(needs)
  tokenGauges(needs)
}

function streamGauges({ meters, hub }: GaugeNeeds): void {
  const total = (name: string, help: string, read: (stats: StreamStats) => number) =>
    meters.read({ name: `codexd_stream_${name}_total`, help, type: "counter" }, () => one(read(hub.stats())))
  meters.read(
    { name: "codexd_stream_listeners", help: "Listeners of the live stream.", labels: ["door"] },
    () => {
      const { socket, events } = hub.stats().listeners
      return [
        [["websocket"], socket],
        [["events"], events],
      ]
    },
  )
  meters.read(
    { name: "codexd_stream_replaying", help: "Listeners that are still being shown the past." },
    () => one(hub.stats().replaying),
  )
  meters.read(
    { name: "codexd_stream_lag_bytes", help: "Bytes that wait for listeners to take them.", labels: ["of"] },
    () => {
      const { total, most } = hub.lag()
      return [
        [["all"], total],
        [["slowest"], most],
      ]
    },
  )
  total("frames", "Frames handed out, one per listener and frame.", ({ frames }) => frames)
  total("bytes", "Length of those frames.", ({ bytes }) => bytes)
  total("cuts", "Listeners that were cut for being too slow, or overtaken.", ({ cuts }) => cuts)
  total("lost", "Websockets that ended without a goodbye.", ({ lost }) => lost)
}

function childGauges({ meters, supervisor, pid }: GaugeNeeds): void {
  meters.read({ name: "codexd_child_up", help: "1 while the codex app-server is ready." }, () =>
    one(supervisor.state().name === "ready" ? 1 : 0),
  )
  meters.read(
    {
      name: "codexd_child_restarts_total",
      help: "Starts of the codex app-server after the first.",
      type: "counter",
    },
    () => one(supervisor.state().restarts),
  )
  meters.read(
    {
      name: "codexd_child_unknown_notifications_total",
      help: "Notifications that no table of ours knows.",
      labels: ["method"],
      type: "counter",
    },
    () => Object.entries(supervisor.state().unknownNotifications).map(([method, count]) => [[method], count]),
  )
  meters.read(
    {
      name: "codexd_child_unreadable_lines_total",
      help: "Lines of the codex app-server that are no JSON-RPC.",
      type: "counter",
    },
    () => one(supervisor.state().unreadableLines),
  )
  meters.read({ name: "codexd_resident_bytes", help: "Memory of a process.", labels: ["process"] }, () => {
    const child = supervisor.state().pid
    return [
      [["daemon"], residentBytesOf(pid)],
      [["child"], child === undefined ? null : residentBytesOf(child)],
    ]
  })
}

function workGauges({ meters, rooms, jobs, extensions, clock }: GaugeNeeds): void {
  meters.read({ name: "codexd_turns_running", help: "Turns under way." }, () =>
    one(rooms.turns.running().length),
  )
  meters.read(
    { name: "codexd_requests_open", help: "Requests that wait for an answer.", labels: ["kind"] },
    () => Object.entries(rooms.requests.waitingByKind()).map(([kind, count]) => [[kind], count]),
  )
  meters.read(
    { name: "codexd_requests_oldest_seconds", help: "How long the oldest open request has waited." },
    () => {
      const { oldestAt } = rooms.requests.waiting()
      return one(oldestAt === undefined ? 0 : (clock.now() - oldestAt) / 1_000)
    },
  )
  meters.read({ name: "codexd_outbox_length", help: "What Codex has still to be told." }, () =>
    one(rooms.outbox.size().length),
  )
  meters.read({ name: "codexd_queue_jobs", help: "Jobs that are kept, by state.", labels: ["state"] }, () =>
    Object.entries(jobs.counts()).map(([state, count]) => [[state], count]),
  )
  meters.read(
    {
      name: "codexd_extension_events_total",
      help: "Events handed to an extension's handlers, by how that ended.",
      labels: ["extension", "outcome"],
      type: "counter",
    },
    () =>
      extensions.inventory().modules.flatMap(({ moduleName, health }): Reading[] => [
        [[moduleName, "handled"], health.handled],
        [[moduleName, "failed"], health.failed],
        [[moduleName, "timed_out"], health.timedOut],
        [[moduleName, "dropped"], health.droppedEvents],
      ]),
  )
  meters.read(
    {
      name: "codexd_extension_handler_p99_seconds",
      help: "99 of 100 of an extension's last handlers took no longer.",
      labels: ["extension"],
    },
    () =>
      extensions
        .inventory()
        .modules.map(({ moduleName, health }) => [
          [moduleName],
          health.p99Ms === null ? null : health.p99Ms / 1_000,
        ]),
  )
}

function storageGauges({ meters, db, log, clock, config, places }: GaugeNeeds): void {
  const disk = createDisk({ db, clock, dataDir: config.dataDir, places })
  meters.read({ name: "codexd_storage_bytes", help: "What is taken on the disk.", labels: ["of"] }, () => {
    const { databaseBytes, walBytes, logsBytes, dataDirBytes } = disk.report()
    return [
      [["database"], databaseBytes],
      [["wal"], walBytes],
      [["logs"], logsBytes],
      [["data_dir"], dataDirBytes],
      [["event_log"], log.bytes()],
    ]
  })
  meters.read(
    { name: "codexd_storage_free_bytes", help: "What is left on the disk of the data folder." },
    () => one(disk.report().freeBytes),
  )
  meters.read({ name: "codexd_storage_full", help: "1 while nothing can be stored." }, () =>
    one(db.full ? 1 : 0),
  )
}

/** The ledger's sums go over all sessions: read once a minute at most. */
const TOKENS_GOOD_MS = 60_000
const MOST_MODELS = 50

function tokenGauges({ meters, rooms, clock }: GaugeNeeds): void {
  let last: { at: number; readings: Reading[] } | undefined
  const look = (): Reading[] =>
    rooms.usage
      .sums({ groupBy: ["model"], includeImported: false, limit: MOST_MODELS, offset: 0 })
      .rows.flatMap(({ of, input, cached, output, reasoning }): Reading[] => {
        const model = of.model ?? "unknown"
        return [
          [[model, "input"], input],
          [[model, "cached_input"], cached],
          [[model, "output"], output],
          [[model, "reasoning"], reasoning],
        ]
      })
  meters.read(
    {
      name: "codexd_tokens_total",
      help: "Tokens used as the ledger has them, over all time; cached ones are among the input, reasoning among the output.",
      labels: ["model", "kind"],
      type: "counter",
    },
    () => {
      const at = clock.mono()
      if (!last || at - last.at > TOKENS_GOOD_MS) last = { at, readings: look() }
      return last.readings
    },
  )
}
