// Two clients and one session: whatever they do at once happens one after the other, in our tables and in the child.

import { expect, test } from "bun:test"
import type { Fault } from "../../src/base/fault.ts"
import { createToldChild, type OpenRooms, openRooms } from "../support/rooms.ts"

async function start() {
  const child = createToldChild()
  const house = openRooms(child)
  const { session } = await house.settle(house.rooms.sessions.create({}))
  const id = session.sessionId
  house.now((tx) => house.rooms.sessions.spoke(tx, id, "hello"))
  return { child, house, id }
}
const codeOf = (fault: Fault) => fault.code

/** Everything that can happen has happened. */
const calm = ({ settle }: OpenRooms): Promise<void> =>
  settle(new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve))))

/** A call of the child that is under way until it is let go. */
function gate() {
  const entered = Promise.withResolvers<void>()
  const open = Promise.withResolvers<void>()
  return { entered: entered.promise, enter: entered.resolve, open: open.promise, letGo: open.resolve }
}

test("an archiving waits for a message that is on its way", async () => {
  const { child, house, id } = await start()
  const starting = gate()
  child.startTurn = async () => {
    starting.enter()
    await starting.open
    child.calls.push(["start"])
    return { turnId: "turn-1", runId: "run" }
  }
  const sent = house.rooms.turns.send(id, { text: "one" })
  await house.settle(starting.entered)
  const archived = house.life.archive(id)
  await calm(house)
  // By now the archiving is decided; the child is not told into the middle of the start.
  expect(house.rooms.sessions.find(id)?.archived).toBe(true)
  starting.letGo()
  await house.settle(Promise.all([sent, archived]))
  expect(child.calls.map(([what]) => what)).toEqual(["load", "start", "archive"])
})

test("a delete waits for a message that is on its way; the message and those behind it hear 410, and no start follows the delete", async () => {
  const { child, house, id } = await start()
  const loading = gate()
  child.loadThread = async () => {
    loading.enter()
    await loading.open
    child.calls.push(["load"])
  }
  const first = house.rooms.turns.send(id, { text: "one" }).catch(codeOf)
  await house.settle(loading.entered)
  const removed = house.life.remove(id)
  const second = house.rooms.turns.send(id, { text: "two" }).catch(codeOf)
  await calm(house)
  loading.letGo()
  const [one, , two] = await house.settle(Promise.all([first, removed, second]))
  expect([one, two] as unknown[]).toEqual(["session_deleted", "session_deleted"])
  const calls = child.calls.map(([what]) => what).filter((what) => what !== "interrupt")
  expect(calls.at(-1)).toBe("delete")
  expect(calls.filter((what) => what === "start").length).toBeLessThanOrEqual(1)
})

test("a prompt for a session that is deleted in the same moment is refused, not lost", async () => {
  const { house, id } = await start()
  const { prompts } = house.rooms.turns
  const { promptId } = await house.settle(prompts.create({ sessionId: id, text: "kept", overrides: {} }))
  const removed = house.life.remove(id)
  const late = [
    prompts.create({ sessionId: id, text: "late", overrides: {} }),
    prompts.edit(id, promptId, { text: "later" }),
    prompts.cancel(id, promptId),
  ].map((one) => one.catch(codeOf))
  await house.settle(removed)
  expect((await house.settle(Promise.all(late))) as unknown[]).toEqual(Array(3).fill("session_deleted"))
})

test("a message that would be queued in a session that is deleted in the same moment is refused, not lost", async () => {
  const { child, house, id } = await start()
  await house.settle(house.rooms.turns.send(id, { text: "one" }))
  const steering = gate()
  child.steerTurn = async () => {
    steering.enter()
    await steering.open
  }
  const joins = house.rooms.turns.send(id, { text: "two" }).catch(codeOf)
  await house.settle(steering.entered)
  const removed = house.life.remove(id)
  await calm(house)
  steering.letGo()
  await house.settle(removed)
  expect((await house.settle(joins)) as unknown).toBe("session_deleted")
})
