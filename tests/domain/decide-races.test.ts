// Decisions that meet something else in the very commit: another decision, the end of a failed delivery, a turn's end, a full disk.

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { Fault, isFault } from "../../src/base/fault.ts"
import { TIMERS } from "../../src/base/kit/timers.ts"
import { fullDisk } from "../support/full-disk.ts"
import { API, asked, type OpenRooms, openRooms, said } from "../support/rooms.ts"

const COMMAND = "item/commandExecution/requestApproval"
const accept = { kind: "approval", decision: "accept", scope: "turn" } as const
const decline = { kind: "approval", decision: "decline", scope: "turn" } as const

function withApproval(limits: { approval?: number } = {}) {
  const house = openRooms(undefined, { limits })
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
      asked(0, COMMAND, { threadId: "t", turnId: "u", itemId: "i", command: "ls -l", cwd: "/w" }),
    ],
    "run",
  )
  return { ...house, id: String(house.rooms.requests.list("t", "approval")[0]?.approvalId) }
}

/** Answers to the child; each waits until the test says how it ends. */
function heldPipe({ child }: Pick<OpenRooms, "child">) {
  const writes: { result: unknown; end: PromiseWithResolvers<undefined> }[] = []
  child.answer = (_run, _rpcId, result) => {
    const end = Promise.withResolvers<undefined>()
    writes.push({ result, end })
    return end.promise
  }
  return writes
}

const stateOf = ({ rooms, id }: { rooms: OpenRooms["rooms"]; id: string }) => rooms.requests.find(id)?.state
const ends = (house: Pick<OpenRooms, "told">) =>
  house.told
    .filter(({ type }) => type === "request.closed")
    .map(({ body }) => JSON.parse(body).payload as Record<string, unknown>)
const gone = () => new Fault("runtime_unavailable", "nothing was written")
/** What is queued is committed, and who waits for it goes on. */
const rounds = async ({ clock }: Pick<OpenRooms, "clock">) => {
  for (let i = 0; i < 10; i++) {
    clock.turn(0)
    await new Promise((next) => setImmediate(next))
  }
}
/** Who waits goes on; nothing is committed. */
const moment = () => new Promise((next) => setImmediate(next))

describe("a decision", () => {
  test("in the commit in which the answer before it came back is delivered", async () => {
    const house = withApproval()
    const writes = heldPipe(house)
    const first = house.rooms.requests.decide(house.id, accept, API).catch((error: unknown) => error)
    await rounds(house)
    writes[0]?.end.reject(gone())
    await moment()
    const second = house.rooms.requests.decide(house.id, decline, API).catch((error: unknown) => error)
    await moment()
    await rounds(house)
    expect(await first).toMatchObject({ code: "request_undelivered" })
    expect(writes.map(({ result }) => result)).toEqual([{ decision: "accept" }, { decision: "decline" }])
    writes[1]?.end.resolve(undefined)
    await rounds(house)
    expect(await second).toMatchObject({ state: "claimed", decided: { decision: "decline" } })
    expect(ends(house)).toMatchObject([{ status: "resolved", decision: "decline" }])
  })

  test("that came back after its deadline is answered by the deadline", async () => {
    const house = withApproval({ approval: 1_000 })
    const writes = heldPipe(house)
    const person = house.rooms.requests.decide(house.id, accept, API).catch((error: unknown) => error)
    await rounds(house)
    house.clock.turn(2_000)
    await rounds(house)
    writes[0]?.end.reject(gone())
    await rounds(house)
    expect(await person).toMatchObject({ code: "request_undelivered" })
    house.clock.turn(5_000)
    await rounds(house)
    expect(writes.map(({ result }) => result)).toEqual([{ decision: "accept" }, { decision: "decline" }])
  })

  test("that nothing was written of when its turn ended is no answer", async () => {
    for (const [method, params] of [
      ["turn/completed", { threadId: "t", turn: { id: "u", status: "interrupted" } }],
      ["serverRequest/resolved", { threadId: "t", requestId: 0 }],
      ["thread/archived", { threadId: "t" }],
    ] as const) {
      const house = withApproval()
      const writes = heldPipe(house)
      const person = house.rooms.requests.decide(house.id, accept, API).catch((error: unknown) => error)
      await moment()
      // The claim is queued: both are in one commit.
      house.ingest.take([said(method, params)], "run")
      await rounds(house)
      expect(writes).toEqual([])
      expect(stateOf(house)).toBe("expired")
      expect(ends(house)).toMatchObject([{ approvalId: house.id, status: "expired" }])
      expect(await person).toMatchObject({ code: "request_not_found" })
    }
  })

  test("on a full disk after one that could not be written is not taken for it", async () => {
    const house = withApproval()
    const writes = heldPipe(house)
    const first = house.rooms.requests.decide(house.id, accept, API).catch((error: unknown) => error)
    await rounds(house)
    const disk = fullDisk(house)
    writes[0]?.end.reject(gone())
    await rounds(house)
    expect(await first).toMatchObject({ code: "storage_full" })
    for (let i = 0; i < 2; i++) {
      const again = house.rooms.requests.decide(house.id, accept, API).catch((error: unknown) => error)
      await rounds(house)
      expect(await again).toMatchObject({ code: "storage_full" })
    }
    disk.makeRoom()
    const last = house.rooms.requests.decide(house.id, accept, API)
    await rounds(house)
    expect(writes).toHaveLength(2)
    writes[1]?.end.resolve(undefined)
    await rounds(house)
    expect(await last).toMatchObject({ state: "claimed" })
  })

  test("behind words for the model on a disk that filled up meanwhile waits again as soon as there is room", async () => {
    const house = withApproval()
    const writes = heldPipe(house)
    const words = Promise.withResolvers<void>()
    const first = house.rooms.requests.decide(house.id, decline, API, () => words.promise)
    const failed = first.catch((error: unknown) => error)
    await rounds(house)
    const disk = fullDisk(house)
    words.resolve()
    await rounds(house)
    expect(await failed).toMatchObject({ code: "storage_full" })
    disk.makeRoom()
    house.clock.turn(TIMERS.returnRetryMs)
    await rounds(house)
    expect([stateOf(house), writes]).toEqual(["open", []])
  })

  test("that came back on a full disk waits again as soon as there is room, unasked", async () => {
    const house = withApproval()
    const writes = heldPipe(house)
    const first = house.rooms.requests.decide(house.id, accept, API).catch((error: unknown) => error)
    await rounds(house)
    const disk = fullDisk(house)
    writes[0]?.end.reject(gone())
    await rounds(house)
    expect(await first).toMatchObject({ code: "storage_full" })
    house.clock.turn(TIMERS.returnRetryMs)
    await rounds(house)
    expect(stateOf(house)).toBe("claimed")
    disk.makeRoom()
    house.clock.turn(TIMERS.returnRetryMs)
    await rounds(house)
    expect(house.rooms.requests.list("t", "approval")).toMatchObject([
      { approvalId: house.id, state: "open" },
    ])
  })
})

const step = fc.constantFrom(
  "accept",
  "decline",
  "feedback",
  "commit",
  "moment",
  "written",
  "unwritten",
  "unknown",
  "time",
  "ends",
  "resolved",
  "archived",
  "dies",
)

test("whatever meets in a commit: written at most once, told once, and what is said of it is what the child has", () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const house = withApproval({ approval: 1_000 })
      const writes = heldPipe(house)
      const decisions: Promise<unknown>[] = []
      const steering: PromiseWithResolvers<void>[] = []
      let seen = 0
      const arrived: unknown[] = []
      let doubt = false
      let dead = false
      house.child.lives = () => !dead
      const decide = (asked: typeof accept | typeof decline, before?: () => Promise<void>) =>
        decisions.push(house.rooms.requests.decide(house.id, asked, API, before).catch(() => {}))
      const write = (how: "written" | "unwritten" | "unknown") => {
        const one = writes[seen]
        if (!one) return
        seen++
        const outcome = dead ? "unwritten" : how
        if (outcome === "unwritten") return one.end.reject(gone())
        arrived.push(one.result)
        if (outcome === "written") return one.end.resolve(undefined)
        doubt = true
        one.end.reject(new Fault("request_undelivered", "half a line"))
      }
      const say = (method: string, params: object) =>
        dead || house.ingest.take([said(method, { threadId: "t", ...params })], "run")
      for (const what of steps) {
        if (what === "accept") decide(accept)
        if (what === "decline") decide(decline)
        if (what === "feedback")
          decide(decline, () => {
            const end = Promise.withResolvers<void>()
            steering.push(end)
            return end.promise
          })
        if (what === "commit") house.clock.turn(0)
        if (what === "moment") await moment()
        if (what === "written" || what === "unwritten" || what === "unknown") {
          for (const end of steering) end.resolve()
          write(what)
        }
        if (what === "time") house.clock.turn(1_000)
        if (what === "ends") say("turn/completed", { turn: { id: "u", status: "interrupted" } })
        if (what === "resolved") say("serverRequest/resolved", { requestId: 0 })
        if (what === "archived") say("thread/archived", {})
        if (what === "dies" && !dead) {
          dead = true
          house.now((tx) => house.acts.endRun(tx, { runId: "run", reason: "dead" }, () => {}))
        }
      }
      const over = steps.some((one) => ["ends", "resolved", "archived", "dies"].includes(one))
      for (let i = 0; i < 6; i++) {
        await rounds(house)
        for (const end of steering) end.resolve()
        write("written")
      }
      await rounds(house)
      await Promise.all(decisions)
      expect(seen).toBe(writes.length)
      expect(arrived.length).toBeLessThanOrEqual(1)
      const { state = "", decision = "null", handedAt } = house.rooms.requests.find(house.id) ?? {}
      const has = arrived[0] as { decision: string } | undefined
      // What is said to be with the child is with it, and as it was decided.
      if (state === "answered" || state === "claimed") {
        expect(JSON.parse(decision).decision).toBe(has?.decision)
        expect(state === "answered" || handedAt !== undefined).toBe(true)
      }
      if (over) expect(["open", "claimed"]).not.toContain(state)
      if (state === "open" || state === "orphaned" || state === "accepted-for-carry")
        expect(has).toBeUndefined()
      if (state === "indeterminate") expect(has !== undefined || doubt).toBe(true)
      expect(ends(house).length).toBeLessThanOrEqual(1)
      const end = ends(house)[0]
      const isOfOrphan = ["declined", "accepted-for-carry", "carrying", "void"].includes(state)
      if (end?.status === "resolved" && !isOfOrphan) expect(has?.decision).toBe(String(end.decision))
      // The deadline's own failure is one for the log.
      expect(house.faults.filter((fault) => !isFault(fault, "request_undelivered"))).toEqual([])
    }),
    { numRuns: 60 },
  ))
