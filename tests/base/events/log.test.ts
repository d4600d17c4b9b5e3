import { expect, test } from "bun:test"
import type { LoggedEvent } from "../../../src/base/events/event.ts"
import { eventOf, seqOf } from "../../../src/base/events/replay.ts"
import { renewLogId } from "../../../src/base/events/rows/store.ts"
import type { Tx } from "../../../src/base/storage/port.ts"
import { commit, delta, fact, makePlace, type Opened, readAll, storedEvents } from "./place.ts"

const all = { thread: null }
const at = ({ log }: Opened, n: number, index = 15): string => `${log.id}.${seqOf(n, index)}`
const keepNothing = { maxAgeMs: 1e12, maxBytes: 0 }

test("events are told after the commit, once a tick, in the order of their numbers, before the act resolves", async () => {
  using place = makePlace()
  const house = place.open()
  const { db, log } = house
  const heard: string[] = []
  log.onTold((events) => heard.push(`told ${events.map(({ n }) => n)} of ${storedEvents(house).length}`))
  const first = db.act((tx) => log.append(tx, fact("T")))
  const failed = db.act((tx) => {
    log.append(tx, fact("T"))
    throw new Error("not this one")
  })
  const second = db.act((tx) => log.append(tx, delta("U")))
  first.then(() => heard.push("resolved"))
  await Promise.allSettled([first, failed, second])
  expect(heard).toEqual(["told 1,3 of 2", "resolved"])
  expect(log.head()).toBe(3)
})

test("a replayed event is the told event, merged over rows by number", () => {
  using place = makePlace()
  const house = place.open()
  commit(
    house,
    delta("T"),
    fact("U"),
    delta("T", '{"ü":"\u2028"}'),
    fact("T"),
    delta("U"),
    fact(null),
    delta("T"),
  )
  place.clock.turn(5)
  commit(house, fact("T", { context: "" }), fact("X", { scope: "hidden" }), fact("U", { scope: "global" }))
  const seen = (thread: string | null) => house.told.filter((e) => visible(e, thread))
  expect(readAll(house.log, 0, null)).toEqual(seen(null))
  expect(readAll(house.log, 0, "T")).toEqual(seen("T"))
  expect(readAll(house.log, 0, "X").map(({ n }) => n)).toEqual([9, 10])
  expect(readAll(house.log, 3, "T", 1).map(({ n }) => n)).toEqual([4, 7, 8, 10])
})

const visible = ({ scope, thread }: LoggedEvent, filter: string | null): boolean =>
  scope === "global" || (filter === null ? scope !== "hidden" : scope !== "none" && thread === filter)

test("a page ends with a tick and says done exactly when the store is exhausted", () => {
  using place = makePlace()
  const house = place.open()
  for (let i = 0; i < 3; i++) commit(house, delta("T"), fact("U"), delta("T"))
  const limits = { maxEvents: 1, maxBytes: 1e6 }
  const pages = [0, 3, 6, 9].map((after) => house.log.page(after, all, limits))
  expect(pages.map(({ events }) => events.map(({ n }) => n))).toEqual([[1, 2, 3], [4, 5, 6], [7, 8, 9], []])
  expect(pages.map(({ done }) => done)).toEqual([false, false, true, true])
  expect(house.log.page(1, all, { maxEvents: 100, maxBytes: 1 }).events.map(({ n }) => n)).toEqual([2, 3])
})

test("since must be of this log, well formed, and not beyond what was told", () => {
  using place = makePlace()
  const house = place.open()
  const { log } = house
  commit(house, fact("T"), fact("T"))
  const head = at(house, 2)
  expect(log.resume(undefined, all)).toEqual({ resume: "ok", from: null, log: log.id, head })
  expect(log.resume(head, all)).toEqual({ resume: "ok", from: 2, log: log.id, head })
  const bad = [
    "",
    "17",
    `${log.id}.`,
    `${log.id}.x`,
    `other.17`,
    `${log.id}.-1`,
    `${log.id}.1e3`,
    at(house, 3, 0),
    `${log.id}.9007199254740993`,
  ]
  for (const since of bad) expect([since, log.resume(since, all).resume]).toEqual([since, "gap"])
})

test("a since between the frames of an event replays that event", () => {
  using place = makePlace()
  const house = place.open()
  commit(house, fact("T"), fact("T"))
  expect(house.log.resume(at(house, 2, 1), all).from).toBe(1)
  expect(house.log.resume(at(house, 2, 15), all).from).toBe(2)
  expect(house.log.resume(`${house.log.id}.0`, all).from).toBe(0)
  expect(eventOf(seqOf(7, 3))).toBe(7)
})

test("raw items are told and never stored; whoever was away hears that they are missing", () => {
  using place = makePlace()
  const house = place.open()
  const [raw] = commit(house, fact("T", { stored: false }), fact("T"))
  expect(raw?.stored).toBe(false)
  expect(house.told.map(({ stored }) => stored)).toEqual([false, true])
  house.kill()
  for (const again of [house, place.open()]) {
    expect(again.log.resume(`${again.log.id}.0`, all)).toMatchObject({
      resume: "ok",
      from: 0,
      missing: ["raw"],
    })
    expect(again.log.resume(`${again.log.id}.0`, { thread: "U" }).missing).toBeUndefined()
    expect(again.log.resume(at(again, 1), all).missing).toBeUndefined()
  }
})

test("finished deltas go first and leave no gap; the finishing fact does", async () => {
  using place = makePlace()
  const house = place.open()
  const { log } = house
  commit(house, delta("U"), delta("T"))
  commit(house, fact("T", { settles: true }))
  await log.retain({ maxAgeMs: 1e12, maxBytes: log.sizes().bytes - 1 })
  expect(storedEvents(house).map(({ n }) => n)).toEqual([1, 3])
  expect(log.resume(at(house, 0), all).resume).toBe("ok")
  await log.retain(keepNothing)
  expect(log.resume(at(house, 0), { thread: "T" }).resume).toBe("gap")
  expect(log.resume(at(house, 3), { thread: "T" }).resume).toBe("ok")
  expect(log.sizes()).toEqual({ rows: 0, bytes: 0, oldestAt: null })
})

test("unfinished deltas that had to go are a gap until their thread settles, over a restart too", async () => {
  using place = makePlace()
  let house = place.open()
  commit(house, delta("T"), delta("H", "{}", { scope: "hidden" }))
  await house.log.retain(keepNothing)
  house.kill()
  house = place.open()
  const resume = (thread: string | null) => house.log.resume(at(house, 0), { thread }).resume
  expect([resume(null), resume("T"), resume("H"), resume("U")]).toEqual(["gap", "gap", "gap", "ok"])
  commit(house, fact("T", { settles: true }))
  expect([resume(null), resume("T"), resume("H")]).toEqual(["ok", "ok", "gap"])
  house.kill()
  house = place.open()
  expect([resume(null), resume("T"), resume("H")]).toEqual(["ok", "ok", "gap"])
})

test("what is too old goes, whatever its class", async () => {
  using place = makePlace()
  const house = place.open()
  commit(house, fact("T"), delta("T"))
  place.clock.turn(1000)
  commit(house, fact("U"))
  expect(await house.log.retain({ maxAgeMs: 500, maxBytes: 1e9 })).toEqual({ droppedRows: 2 })
  expect(storedEvents(house).map(({ n }) => n)).toEqual([3])
  expect(house.log.sizes()).toMatchObject({ rows: 1, oldestAt: place.clock.now() })
  expect(house.log.resume(at(house, 0), { thread: "U" }).resume).toBe("ok")
  expect(house.log.resume(at(house, 0), all).resume).toBe("gap")
})

test("forgetting a thread drops its rows and those of this very tick, but no global event", () => {
  using place = makePlace()
  const house = place.open()
  const { db, log } = house
  commit(house, fact("T"), delta("T"), fact("U"), fact("T", { scope: "global" }))
  const done = db.actNow((tx) => {
    log.append(tx, fact("T"))
    log.forget(tx, "T")
    log.append(tx, fact("T", { type: "session.deleted", scope: "global" }))
  })
  expect(done.ok).toBe(true)
  expect(storedEvents(house).map(({ n }) => n)).toEqual([3, 4, 6])
  expect(house.told.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
  expect(log.resume(at(house, 4), { thread: "T" }).resume).toBe("gap")
  expect(log.resume(at(house, 5), { thread: "T" }).resume).toBe("ok")
  expect(log.resume(at(house, 0), { thread: "U" }).resume).toBe("ok")
})

test("a forgetting that is rolled back forgets nothing", () => {
  using place = makePlace()
  const house = place.open()
  commit(house, fact("T"))
  house.db.actNow((tx) => {
    house.log.forget(tx, "T")
    throw new Error("no")
  })
  expect(storedEvents(house).length).toBe(1)
  expect(house.log.sizes().rows).toBe(1)
  expect(house.log.resume(at(house, 0), all).resume).toBe("ok")
})

test("while an item streams under pressure its deltas go and no fact does, also those that come between two steps", async () => {
  using place = makePlace()
  const house = place.open()
  const { db, log } = house
  const since = at(house, log.head())
  for (let i = 0; i < 5; i++) commit(house, fact("T"))
  const flood = () => commit(house, delta("T", JSON.stringify("x".repeat(3_000))))
  while (log.bytes() < 40_000) flood()
  // What the child says goes into the commit of a step that drops, behind it.
  const { act } = db
  let left = 10
  db.act = <T>(step: (tx: Tx) => T): Promise<T> => {
    let drops = false
    const done = act((tx) => {
      const outcome = step(tx)
      drops = (outcome as { rows?: number }).rows !== 0
      return outcome
    })
    void act(
      (tx) => void (drops && left-- > 0 && log.append(tx, delta("T", JSON.stringify("x".repeat(3_000))))),
    )
    return done
  }
  await log.retain({ maxAgeMs: 1e12, maxBytes: 20_000 })
  expect(
    storedEvents(house).filter(({ type, body }) => type === "app.notification" && body === '{"f":1}'),
  ).toHaveLength(5)
  commit(house, fact("T", { settles: true }))
  expect(log.resume(since, { thread: "T" }).resume).toBe("ok")
})

test("sizes are those of the store, over a restart too", async () => {
  using place = makePlace()
  let house = place.open()
  for (let i = 0; i < 20; i++)
    commit(house, delta("T", "ü".repeat(i * 100)), fact("T", { settles: true }), fact("U"))
  await house.log.retain({ maxAgeMs: 1e12, maxBytes: 10_000 })
  for (let i = 0; i < 2; i++) {
    const { rows, bytes } =
      house.driver.prepare("SELECT count(*) AS rows, sum(bytes) AS bytes FROM log_rows").get() ?? {}
    expect(house.log.sizes()).toMatchObject({ rows, bytes } as object)
    expect(Number(bytes)).toBeLessThanOrEqual(10_000)
    house.kill()
    house = place.open()
  }
})

test("a listener that makes events while it is told does not change the order for others", () => {
  using place = makePlace()
  const house = place.open()
  const { db, log } = house
  const order: number[] = []
  log.onTold((events) => {
    if (events[0]?.n === 1) db.actNow((tx) => log.append(tx, fact("T")))
  })
  log.onTold((events) => order.push(...events.map(({ n }) => n)))
  commit(house, fact("T"), fact("T"))
  expect(order).toEqual([1, 2, 3])
})

test("a new id makes every since of the old one a gap", () => {
  using place = makePlace()
  let house = place.open()
  commit(house, fact("T"))
  const since = at(house, 1)
  const id = house.db.actNow(renewLogId)
  house.kill()
  house = place.open()
  expect(id).toEqual({ ok: true, value: house.log.id })
  expect(house.log.resume(since, all).resume).toBe("gap")
  expect(house.log.id).toMatch(/^[\w-]{8,12}$/)
})
