// What was accepted and can't be carried over now is carried over as soon as it can be: nobody has to ask for it again.

import { expect, test } from "bun:test"
import { Fault } from "../../src/base/fault.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import type { StartTurn } from "../../src/domain/turns/child.ts"
import { fullDisk } from "../support/full-disk.ts"
import { API, asked, type OpenRooms, openRooms, said } from "../support/rooms.ts"

const accept = { kind: "approval", decision: "accept", scope: "turn" } as const

/** An orphan of session `t`. */
function orphaned() {
  const house = openRooms()
  const params = { threadId: "t", turnId: "u", itemId: "i", command: "ls -l", cwd: "/w" }
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
      asked(0, "item/commandExecution/requestApproval", params),
    ],
    "run",
  )
  const id = String(house.rooms.requests.list("t", "approval")[0]?.approvalId)
  house.now((tx) => house.acts.endRun(tx, { runId: "run", reason: "killed" }, () => {}))
  return { ...house, id }
}
const rest = async (house: OpenRooms) => {
  for (let i = 0; i < 50; i++) await house.settle(Promise.resolve())
}
const later = async (house: OpenRooms) => {
  house.clock.turn(TIMERS.returnRetryMs)
  await rest(house)
}
const stateOf = ({ rooms, id }: OpenRooms & { id: string }) => rooms.requests.find(id)?.state
const starts = ({ child }: OpenRooms) =>
  child.calls.flatMap(([what, start]) => (what === "start" ? [(start as StartTurn).text] : []))

for (const code of ["codex_overloaded", "codex_timeout"] as const)
  test(`an app-server that says ${code} is asked again`, async () => {
    const house = orphaned()
    const { loadThread } = house.child
    house.child.loadThread = async () => {
      throw new Fault(code, "not now")
    }
    await house.settle(house.rooms.requests.decide(house.id, accept, API))
    await rest(house)
    await later(house)
    expect([stateOf(house), starts(house)]).toEqual(["accepted-for-carry", []])
    house.child.loadThread = loadThread
    await later(house)
    expect([stateOf(house), starts(house).length]).toEqual(["carrying", 1])
  })

test("where its turn can't be reserved for want of room it waits for room", async () => {
  const house = orphaned()
  let disk: ReturnType<typeof fullDisk> | undefined
  const { loadThread } = house.child
  house.child.loadThread = async (...args) => {
    disk ??= fullDisk(house)
    return loadThread(...args)
  }
  await house.settle(house.rooms.requests.decide(house.id, accept, API))
  await rest(house)
  await later(house)
  expect([stateOf(house), starts(house)]).toEqual(["accepted-for-carry", []])
  disk?.makeRoom()
  await later(house)
  expect([stateOf(house), starts(house).length]).toEqual(["carrying", 1])
})

test("that its turn could not be started is stored as soon as there is room, and never tried again", async () => {
  const house = orphaned()
  let disk: ReturnType<typeof fullDisk> | undefined
  house.child.startTurn = async () => {
    disk = fullDisk(house)
    throw new Fault("codex_error", "no")
  }
  await house.settle(house.rooms.requests.decide(house.id, accept, API))
  await rest(house)
  expect(stateOf(house)).toBe("carrying")
  await later(house)
  disk?.makeRoom()
  await later(house)
  expect(house.rooms.requests.find(house.id)).toMatchObject({ state: "void", reason: "no" })
  await later(house)
  expect(stateOf(house)).toBe("void")
})
