import { expect, test } from "bun:test"
import type { LoggedEvent } from "../../../src/base/events/event.ts"
import { keepWithin } from "../../../src/base/events/upkeep.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createSignal } from "../../../src/base/kit/signal.ts"
import { TIMERS } from "../../../src/base/kit/timers.ts"
import { createLogger, createMasks } from "../../../src/base/observe/logger.ts"
import { commit, fact, makePlace } from "./place.ts"

const clock = createManualClock()
const logger = createLogger({ clock, level: "silent", write() {}, mask: createMasks() })

test("a log that outgrows its limit is shortened at once, not at the next round", async () => {
  using place = makePlace()
  const house = place.open()
  const { db, log } = house
  const limits = { maxAgeMs: 1e12, maxBytes: 50_000 }
  using _kept = keepWithin({ log, clock: place.clock, limits, logger })
  let highest = 0
  for (let i = 0; i < 200; i++) {
    commit(house, fact("T", { body: JSON.stringify("x".repeat(2_000)) }))
    highest = Math.max(highest, log.bytes())
    await db.act(() => undefined)
  }
  expect(log.head()).toBe(200)
  expect(highest).toBeLessThan(2 * limits.maxBytes)
})

/** A log that is always too large, whose retention ends as told. */
function openStubborn() {
  const told = createSignal<LoggedEvent[]>(() => {})
  const runs: number[] = []
  const ends: PromiseWithResolvers<{ droppedRows: number }>[] = []
  const log = {
    bytes: () => 1_000,
    onTold: (hear: (events: LoggedEvent[]) => void) => told.on(hear),
    retain({ maxBytes }: { maxBytes: number }) {
      runs.push(maxBytes)
      const end = Promise.withResolvers<{ droppedRows: number }>()
      ends.push(end)
      return end.promise
    },
  }
  const settle = async (failure?: Error) => {
    const end = ends.pop()
    if (failure) end?.reject(failure)
    else end?.resolve({ droppedRows: 0 })
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { log, runs, settle, tell: () => told.emit([]) }
}

test("one run at a time; after a failure only the cadence tries again; disposed is over", async () => {
  const { log, runs, settle, tell } = openStubborn()
  const kept = keepWithin({ log, clock, limits: { maxAgeMs: 1, maxBytes: 800 }, logger })
  tell()
  expect(runs).toEqual([800])
  await settle()
  tell()
  tell()
  expect(runs).toEqual([800, 700])
  await settle(new Error("full"))
  tell()
  expect(runs.length).toBe(2)
  clock.turn(TIMERS.retentionMs)
  expect(runs).toEqual([800, 700, 800])
  await settle()
  tell()
  expect(runs.length).toBe(4)
  await settle()
  kept[Symbol.dispose]()
  tell()
  clock.turn(TIMERS.retentionMs)
  expect(runs.length).toBe(4)
})
