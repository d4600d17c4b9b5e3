import { expect, test } from "bun:test"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { TIMERS } from "../../../src/base/kit/timers.ts"
import { createQuietCopies } from "../../../src/base/storage/commits/quiet.ts"

function open() {
  const clock = createManualClock()
  const ran: string[] = []
  const driver = { exec: (sql: string) => void ran.push(sql), inTransaction: false }
  const copies = createQuietCopies({ driver, clock })
  const commit = (times: number) => {
    for (let i = 0; i < times; i++) copies.committed()
  }
  return { clock, ran, driver, copies, commit }
}

test("the journal is copied once nothing was stored for a while, and not for a few commits", () => {
  const { clock, ran, commit } = open()
  commit(99)
  clock.turn(TIMERS.quietMs * 10)
  expect(ran).toEqual([])
  commit(1)
  clock.turn(TIMERS.quietMs - 1)
  commit(1)
  clock.turn(TIMERS.quietMs - 1)
  expect(ran).toEqual([])
  clock.turn(TIMERS.quietMs)
  expect(ran).toEqual(["PRAGMA wal_checkpoint(PASSIVE)"])
  clock.turn(TIMERS.quietMs * 10)
  expect(ran).toHaveLength(1)
})

test("a copy that fails is left to the next commits", () => {
  const { clock, driver, commit } = open()
  let tries = 0
  driver.exec = () => {
    tries++
    throw new Error("database is locked")
  }
  commit(100)
  clock.turn(TIMERS.quietMs)
  commit(100)
  clock.turn(TIMERS.quietMs)
  expect(tries).toBe(2)
})

test("nothing is copied after the end", () => {
  const { clock, ran, copies, commit } = open()
  commit(100)
  copies[Symbol.dispose]()
  clock.turn(TIMERS.quietMs * 2)
  expect(ran).toEqual([])
})
