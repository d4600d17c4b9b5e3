// Turns that are taken back while the child or the daemon dies: our ledger follows what the child has, and nothing else.

import { expect, test } from "bun:test"
import { Fault } from "../../src/base/fault.ts"
import { createToldChild, openRooms, said } from "../support/rooms.ts"

const LOST = () => new Fault("runtime_unavailable", "the app-server ended", { delivered: "unknown" })

function start() {
  const child = createToldChild()
  const house = openRooms(child)
  const say = (method: string, params: object) =>
    house.ingest.take([said(method, { threadId: "t", ...params })], "run")
  house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
  for (const id of ["one", "two"]) {
    say("turn/started", { turn: { id, status: "inProgress" } })
    say("turn/completed", { turn: { id, status: "completed" } })
  }
  const turns = () => house.rooms.turns.list("t").map(({ id }) => id)
  const told = () => house.rooms.transcript.ofType(house.db, "t", "thread.rolledBack")
  const rows = () => told().length
  const left = () => house.db.all("SELECT * FROM rollbacks").length
  child.takeBack = async ({ begin }) => {
    await begin({ via: "thread/revert" })
    throw LOST()
  }
  return { child, house, turns, rows, told, left }
}
const codeOf = (fault: Fault) => fault.code as unknown

test.each([
  [true, ["one"], 1],
  [false, ["one", "two"], 0],
])("whose answer never came are settled by the next child's history (gone: %p)", async (gone, then, told) => {
  const { child, house, turns, rows, told: entries, left } = start()
  const answer = await house.settle(house.rooms.turns.rollback("t", 1, "client:ann").catch(codeOf))
  expect([answer, turns(), left()] as unknown[]).toEqual(["runtime_unavailable", ["one", "two"], 1])
  child.hasTakenBack = async () => gone
  const heard = house.told.length
  await house.settle(house.reconcile.catchUp())
  expect([turns(), rows(), left()]).toEqual([then, told, 0])
  const changes = house.told.slice(heard).filter(({ type }) => type === "session.updated")
  expect(changes.length).toBe(told)
  for (const { author } of entries()) expect(author).toBe("client:ann")
  // Once is enough.
  await house.settle(house.reconcile.catchUp())
  expect(rows()).toBe(told)
})

test("nothing else is asked of the thread before that is found out", async () => {
  const { child, house, turns } = start()
  await house.settle(house.rooms.turns.rollback("t", 1).catch(codeOf))
  child.hasTakenBack = async () => {
    throw new Fault("codex_timeout", "no answer")
  }
  const asked = child.calls.length
  for (const one of [
    () => house.rooms.turns.send("t", { text: "go" }),
    () => house.rooms.turns.compact("t"),
    () => house.rooms.turns.fork("t"),
    () => house.rooms.turns.rollback("t", 1),
  ]) {
    const answer = await house.settle((one as () => Promise<unknown>)().catch(codeOf))
    expect(answer).toBe("codex_timeout")
  }
  expect(child.calls.length).toBe(asked)
  child.hasTakenBack = async () => true
  await house.settle(house.rooms.turns.send("t", { text: "go" }))
  expect(turns()).toEqual(["one", "turn-1"])
})

test("a refusal leaves everything as it was", async () => {
  const { child, house, turns, rows, left } = start()
  child.hasTakenBack = async () => false
  child.takeBack = async ({ begin }) => {
    await begin({ via: "thread/revert" })
    throw new Fault("invalid_state", "-32600: no")
  }
  expect(await house.settle(house.rooms.turns.rollback("t", 1).catch(codeOf))).toBe("invalid_state" as never)
  expect([turns(), rows(), left()]).toEqual([["one", "two"], 0, 0])
})
