// The log against a plain list of what was told: whatever is appended, dropped, forgotten, lost or restarted, a listener that
// comes back sees exactly what it missed, or is told of a gap exactly when something is missing.

import { expect, test } from "bun:test"
import fc from "fast-check"
import type { LoggedEvent, NewEvent, Scope } from "../../../src/base/events/event.ts"
import { makePlace, type Opened, type Place, readAll, storedEvents } from "./place.ts"

interface Told {
  event: LoggedEvent
  class: "delta" | "fact"
  /** Never meant to be stored. */
  raw: boolean
  settles: boolean
}

interface Act {
  events: NewEvent[]
  fails?: boolean
  /** Forgets a thread after its events. */
  forgets?: string | undefined
}

type Step =
  | { do: "commit"; acts: Act[] }
  | { do: "retain"; ageMs: number; bytes: number }
  | { do: "forget"; thread: string }
  | { do: "unstored"; events: NewEvent[] }
  | { do: "turn"; ms: number }
  | { do: "restart" }
  | {
      do: "listen"
      since: number
      index: number
      thread: string | null
      pageEvents: number
      meanwhile: NewEvent[]
    }

const threads = ["A", "B", "C"]
const someEvent: fc.Arbitrary<NewEvent> = fc
  .record({
    thread: fc.constantFrom(null, ...threads),
    kind: fc.constantFrom<Scope>("thread", "thread", "thread", "hidden", "none", "global"),
    class: fc.constantFrom<"delta" | "fact">("delta", "delta", "fact"),
    settles: fc.boolean(),
    raw: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    body: fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.nat(3000).map((n) => "x".repeat(n)),
    ),
    context: fc.constantFrom("", '{"turnId":"a"}', '{"turnId":"b"}'),
    type: fc.constantFrom("app.notification", "session.updated"),
  })
  .map(({ kind, raw, settles, thread, ...rest }) => ({
    ...rest,
    thread,
    scope: thread === null && kind !== "global" ? "none" : kind,
    ...(raw ? { stored: false as const } : {}),
    ...(settles && rest.class === "fact" ? { settles: true as const } : {}),
  }))

const someEvents = fc.array(someEvent, { maxLength: 8 })
const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      acts: fc.array(
        fc.record({
          events: someEvents,
          fails: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
          forgets: fc.constantFrom(...Array<undefined>(12).fill(undefined), "A"),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("retain" as const), ageMs: fc.nat(3000), bytes: fc.nat(8000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("forget" as const), thread: fc.constantFrom(...threads) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unstored" as const), events: someEvents }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("turn" as const), ms: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("listen" as const),
      since: fc.nat(1000),
      index: fc.nat(15),
      thread: fc.constantFrom(null, ...threads),
      pageEvents: fc.integer({ min: 1, max: 20 }),
      meanwhile: someEvents,
    }),
  },
)

/** The log and the list beside it. */
interface World {
  place: Place
  house: Opened
  told: Told[]
  /** Up to here everything may be missing: told on a full disk, then killed. */
  hole: number
  /** Told unstored since the last commit. */
  unsaved: boolean
  /** What the last append made of each event. */
  made: Map<number, NewEvent>
}

/** Appends in one tick; what fails is rolled back. Then the list takes what was told. */
function append(world: World, acts: Act[]): void {
  const { db, log } = world.house
  for (const act of acts) {
    db.act((tx) => {
      for (const event of act.events) world.made.set(log.append(tx, event).n, event)
      if (act.forgets) log.forget(tx, act.forgets)
      if (act.fails) throw new Error("rolled back")
    }).catch(() => {})
  }
  db.flush()
  world.unsaved = false
  takeTold(world)
}

function takeTold({ house, told, made }: World): void {
  for (const event of house.told.splice(0)) {
    const from = made.get(event.n)
    if (!from) throw new Error(`told of ${event.n}, which nobody made`)
    told.push({
      event,
      class: from.class,
      raw: from.stored === false,
      settles: from.settles === true && from.stored !== false,
    })
  }
}

const isVisible = ({ scope, thread }: LoggedEvent, filter: string | null): boolean => {
  if (scope === "global") return true
  return filter === null ? scope !== "hidden" : thread === filter && scope !== "none"
}

/** The highest number that a listener should have seen and can't any more, and the highest raw one. */
function lastMissing({ told, hole, house }: World, filter: string | null): { gap: number; raw: number } {
  const stored = new Set(storedEvents(house).map(({ n }) => n))
  const missing = told.filter(({ event }) => isVisible(event, filter) && !stored.has(event.n))
  const settledLater = ({ event }: Told): boolean =>
    told.some((other) => other.settles && other.event.thread === event.thread && other.event.n > event.n)
  const lost = missing.filter((one) => !one.raw && !(one.class === "delta" && settledLater(one)))
  const raw = missing.filter((one) => one.raw)
  return { gap: Math.max(hole, lost.at(-1)?.event.n ?? 0), raw: raw.at(-1)?.event.n ?? 0 }
}

/** Whoever comes back, from wherever: the answer is the honest one. */
function checkResumes(world: World): void {
  const { log } = world.house
  for (const thread of [null, ...threads, "stranger"]) {
    const last = lastMissing(world, thread)
    for (const from of [0, ...world.told.map(({ event }) => event.n)]) {
      const { resume, missing } = log.resume(`${log.id}.${16 * from + 15}`, { thread })
      const honest = last.gap > from ? "gap" : "ok"
      if (resume !== honest)
        expect({ thread, from, resume, last }).toEqual({ thread, from, resume: honest, last })
      const raw = honest === "ok" && last.raw > from
      if (raw !== (missing !== undefined))
        expect({ thread, from, missing }).toEqual({ thread, from, missing: raw ? ["raw"] : undefined })
    }
  }
}

function listen(world: World, step: Step & { do: "listen" }): void {
  const { house, told } = world
  const n = told.length === 0 ? 0 : (told[step.since % told.length]?.event.n ?? 0)
  const from = step.index === 15 ? n : Math.max(0, n - 1)
  const resumed = house.log.resume(`${house.log.id}.${16 * n + step.index}`, { thread: step.thread })
  checkResumes(world)
  if (resumed.resume === "gap") return
  expect(resumed.from).toBe(from)
  const gone = told.length
  const seen = follow(world, {
    from,
    thread: step.thread,
    pageEvents: step.pageEvents,
    meanwhile: step.meanwhile,
  })
  const stored = new Set(storedEvents(house).map((event) => event.n))
  const due = told.filter(
    ({ event }, i) => event.n > from && isVisible(event, step.thread) && (i >= gone || stored.has(event.n)),
  )
  // Raw events that passed while the replay ran are not replayed: the hub says `missing` or they come live.
  expect(seen.filter((event) => event.stored)).toEqual(
    due.map(({ event }) => event).filter((event) => event.stored),
  )
}

/** Reads pages while others append, joins the live events when the store is exhausted, and hears one more commit. */
function follow(
  world: World,
  listener: { from: number; thread: string | null; pageEvents: number; meanwhile: NewEvent[] },
): LoggedEvent[] {
  const { log } = world.house
  const seen: LoggedEvent[] = []
  let after = listener.from
  for (const event of [...listener.meanwhile, undefined]) {
    const page = log.page(
      after,
      { thread: listener.thread },
      { maxEvents: listener.pageEvents, maxBytes: 1e6 },
    )
    seen.push(...page.events)
    after = page.events.at(-1)?.n ?? after
    if (page.done) break
    if (event) append(world, [{ events: [event] }])
    else {
      const rest = readAll(log, after, listener.thread)
      seen.push(...rest)
    }
  }
  using _live = log.onTold(
    (events) => void seen.push(...events.filter((event) => isVisible(event, listener.thread))),
  )
  append(world, [{ events: listener.meanwhile }])
  return seen
}

async function take(world: World, step: Step): Promise<void> {
  const { house, place } = world
  const { log, db } = house
  switch (step.do) {
    case "commit":
      return append(world, step.acts)
    case "retain": {
      const { rows } = log.sizes()
      const { droppedRows } = await log.retain({ maxAgeMs: step.ageMs, maxBytes: step.bytes })
      if (droppedRows > 0) world.unsaved = false
      expect(log.sizes().rows).toBe(rows - droppedRows)
      expect(log.sizes().bytes).toBeLessThanOrEqual(step.bytes)
      world.unsaved = false
      return
    }
    case "forget":
      db.actNow((tx) => log.forget(tx, step.thread))
      world.unsaved = false
      expect(
        storedEvents(house).some(({ thread, scope }) => thread === step.thread && scope !== "global"),
      ).toBe(false)
      return
    case "unstored": {
      if (step.events.length === 0) return
      const before = world.told.length
      log.tellUnstored(step.events)
      for (const [i, event] of step.events.entries()) world.made.set(house.told[i]?.n ?? -1, event)
      takeTold(world)
      expect(world.told.slice(before).every(({ event }) => !event.stored)).toBe(true)
      world.unsaved = true
      return
    }
    case "turn":
      return place.clock.turn(step.ms)
    case "restart":
      house.kill()
      world.house = place.open({ reserve: 64 })
      if (world.unsaved) world.hole = world.house.log.head()
      world.unsaved = false
      return
    case "listen":
      return listen(world, step)
  }
}

test("a listener that comes back sees exactly what it missed, or a gap exactly when something is missing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someStep, { minLength: 1, maxLength: 40, size: "max" }), async (steps) => {
      using place = makePlace()
      const world: World = {
        place,
        house: place.open({ reserve: 64 }),
        told: [],
        hole: 0,
        unsaved: false,
        made: new Map(),
      }
      for (const step of steps) await take(world, step)
      checkResumes(world)
      const numbers = world.told.map(({ event }) => event.n)
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      const { rows, bytes } =
        world.house.driver
          .prepare("SELECT count(*) AS rows, coalesce(sum(bytes), 0) AS bytes FROM log_rows")
          .get() ?? {}
      expect(world.house.log.sizes()).toMatchObject({ rows, bytes } as object)
    }),
    { numRuns: Number(process.env.LOG_RUNS ?? 100), endOnFailure: false },
  )
}, 120_000)
