// A log in a folder of its own, that can be killed and opened again.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { LoggedEvent, NewEvent } from "../../../src/base/events/event.ts"
import { createLog, type Log } from "../../../src/base/events/log.ts"
import { decodeBody } from "../../../src/base/events/rows/body.ts"
import type { Clock } from "../../../src/base/kit/clock.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { openBlock } from "../../../src/base/platform/files.ts"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { openDb } from "../../../src/base/storage/database.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import type { Db, SqlDriver } from "../../../src/base/storage/port.ts"

export interface Opened {
  db: Db
  log: Log
  driver: SqlDriver
  /** Everything this start has told, in order. */
  told: LoggedEvent[]
  /** As a kill does: nothing is said goodbye to. */
  kill(): void
}

export interface Place extends Disposable {
  /** Time that stands still until turned; `soon` is real. */
  clock: Clock & { turn(ms: number): void }
  open(options?: { reserve?: number }): Opened
  markPath: string
}

export function makePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "codexd-log-"))
  const manual = createManualClock()
  const clock = { ...manual, soon: (fn: () => void) => void setImmediate(fn) }
  const markPath = join(folder, "log.mark")
  const opened: Opened[] = []
  return {
    clock,
    markPath,
    open(options = {}) {
      const driver = openBunDriver(join(folder, "a.db"))
      migrate(driver, MIGRATIONS.slice(0, 1))
      const db = openDb({ driver, clock })
      const mark = openBlock(markPath)
      const log = createLog({ db, clock, mark, ...options })
      const told: LoggedEvent[] = []
      log.onTold((events) => void told.push(...events))
      let alive = true
      const kill = (): void => {
        if (alive) driver.close()
        if (alive) mark[Symbol.dispose]()
        alive = false
      }
      const made = { db, log, driver, told, kill }
      opened.push(made)
      return made
    },
    [Symbol.dispose]() {
      for (const { kill } of opened) kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const delta = (thread: string | null, body = '{"d":1}', more: Partial<NewEvent> = {}): NewEvent => ({
  type: "app.notification",
  scope: thread === null ? "none" : "thread",
  thread,
  class: "delta",
  context: '{"turnId":"t"}',
  body,
  ...more,
})

export const fact = (thread: string | null, more: Partial<NewEvent> = {}): NewEvent => ({
  ...delta(thread, '{"f":1}'),
  class: "fact",
  ...more,
})

/** Appends in one act and commits. */
export function commit({ db, log }: Opened, ...events: NewEvent[]): LoggedEvent[] {
  const done = db.actNow((tx) => events.map((event) => log.append(tx, event)))
  if (!done.ok) throw done.error
  return done.value
}

/** Every event that is in the store, whoever may see it. */
export function storedEvents({ driver }: Opened): LoggedEvent[] {
  const rows = driver.prepare("SELECT first, at, thread, scope, body FROM log_rows").all()
  return rows
    .flatMap(({ first, at, thread, scope, body }) =>
      decodeBody({ first, at, thread, scope } as Parameters<typeof decodeBody>[0], String(body)),
    )
    .sort((a, b) => a.n - b.n)
}

/** All pages after `after`. */
export function readAll(log: Log, after: number, thread: string | null, maxEvents = 100): LoggedEvent[] {
  const events: LoggedEvent[] = []
  for (let done = false; !done; ) {
    const page = log.page(events.at(-1)?.n ?? after, { thread }, { maxEvents, maxBytes: 1 << 20 })
    events.push(...page.events)
    done = page.done
  }
  return events
}
