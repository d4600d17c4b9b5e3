// A session's life against a plain model: whatever two clients do in whatever order, with a child that dies in between.

import { expect, test } from "bun:test"
import fc from "fast-check"
import { Fault, isFault } from "../../src/base/fault.ts"
import { createToldChild, listed, type OpenRooms, openRooms, said } from "../support/rooms.ts"

/** Many lives, each with a database of its own, on a machine that may be busy. */
const NET_MS = 30_000
const DAY = 24 * 60 * 60 * 1000
const ask = { archived: false, includeSystemOwned: false, limit: 100 }

/** A child with threads of its own; it can be dead, and it can die in the middle of an act, which then counted or not. */
function createLivingChild() {
  const threads = new Map<string, { name: string | undefined; archived: boolean }>()
  const told = createToldChild()
  let alive = true
  let dies: "before" | "after" | undefined
  let deaths = 0
  const gone = () => new Fault("runtime_unavailable", "the child is gone")
  const act = (id: string, effect: (thread: { name: string | undefined; archived: boolean }) => void) => {
    const how = dies
    dies = undefined
    if (how === "before") {
      alive = false
      throw gone()
    }
    const thread = threads.get(id)
    if (!thread) throw new Fault("not_found", "no rollout found for thread id")
    effect(thread)
    if (how === "after") {
      alive = false
      throw gone()
    }
  }
  return {
    ...told,
    threads,
    isReady: () => alive,
    revive: () => {
      alive = true
    },
    die: () => {
      alive = false
    },
    /** At most four times, so that no act is given up. */
    dieInNextAct: (how: "before" | "after") => {
      if (deaths++ < 4) dies = how
    },
    calm: () => {
      alive = true
      dies = undefined
    },
    nameThread: async (id: string, name: string) => {
      if (threads.get(id)?.archived) throw new Fault("not_found", "no rollout found for thread id")
      act(id, (thread) => {
        thread.name = name
      })
    },
    archiveThread: async (id: string) => {
      if (threads.get(id)?.archived) throw new Fault("not_found", "no rollout found for thread id")
      act(id, (thread) => {
        thread.archived = true
      })
    },
    unarchiveThread: async (id: string) => {
      if (threads.get(id)?.archived === false) throw new Fault("not_found", "no archived rollout found")
      act(id, (thread) => {
        thread.archived = false
      })
    },
    deleteThread: async (id: string) => {
      try {
        act(id, () => void threads.delete(id))
      } catch (error) {
        if (!isFault(error, "not_found")) throw error
      }
      return "deleted" as const
    },
  }
}

function start() {
  const child = createLivingChild()
  const house = openRooms(child as never)
  return { child, house }
}

/** Sessions that had a turn. */
async function sessionsIn({ child, house }: ReturnType<typeof start>, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const { session } = await house.settle(house.rooms.sessions.create({}))
    const id = session.sessionId
    child.threads.set(id, { name: undefined, archived: false })
    house.now((tx) => house.rooms.sessions.spoke(tx, id, "hello"))
    ids.push(id)
  }
  return ids
}

const rowsLeft = ({ db }: OpenRooms, id: string): number =>
  [
    ["sessions", "id"],
    ["controls", "scope"],
    ["turns", "session_id"],
    ["entries", "session_id"],
    ["requests", "session_id"],
  ].reduce(
    (sum, [table, column]) =>
      sum + Number(db.get(`SELECT count(*) AS n FROM ${table} WHERE ${column} = ?`, id)?.n),
    0,
  )

const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("rename" as const),
      who: fc.nat(2),
      to: fc.constantFrom("a", "b", "c"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("archive" as const, "unarchive" as const), who: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("die" as const, "revive" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("dieInNextAct" as const),
      how: fc.constantFrom("before" as const, "after" as const),
    }),
  },
)

test(
  "after any life and a last settling the child holds exactly what was decided here",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(command, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
        async (waves) => {
          const world = start()
          const { child, house } = world
          const { life, rooms } = house
          const ids = await sessionsIn(world, 3)
          const model = ids.map(() => ({ title: "New chat", archived: false, deleted: false }))
          for (const wave of waves) {
            // What is asked in one breath is decided in the order in which it was asked.
            const answers = wave.map(async (step) => {
              if (step.do === "die") child.die()
              else if (step.do === "revive") {
                child.revive()
                await rooms.outbox.settleAll()
              } else if (step.do === "dieInNextAct") child.dieInNextAct(step.how)
              else if ("who" in step) {
                const id = ids[step.who] ?? ""
                const expected = model[step.who]
                if (!expected) return
                const was = expected.deleted
                if (!was && step.do === "rename") expected.title = step.to
                if (!was && step.do === "archive") expected.archived = true
                if (!was && step.do === "unarchive") expected.archived = false
                if (step.do === "remove") expected.deleted = true
                const done =
                  step.do === "rename"
                    ? life.rename(id, step.to)
                    : step.do === "archive"
                      ? life.archive(id)
                      : step.do === "unarchive"
                        ? life.unarchive(id)
                        : life.remove(id)
                const outcome = await done.then(
                  () => "ok",
                  (error: unknown) => (error instanceof Fault ? error.code : String(error)),
                )
                expect(outcome).toBe(was ? "session_deleted" : "ok")
              }
            })
            await house.settle(Promise.all(answers))
          }
          child.calm()
          await house.settle(rooms.outbox.settleAll())
          for (const [i, id] of ids.entries()) {
            const { title, archived, deleted } = model[i] ?? { title: "", archived: false, deleted: true }
            const session = rooms.sessions.find(id)
            const thread = child.threads.get(id)
            if (deleted) {
              expect(session).toBeUndefined()
              expect(thread).toBeUndefined()
              expect(rowsLeft(house, id)).toBe(0)
              continue
            }
            expect(session && rooms.sessions.summary(session).title).toBe(title)
            expect([session?.archived, thread?.archived]).toEqual([archived, archived])
            if (title !== "New chat" && !archived) expect(thread?.name).toBe(title)
          }
          expect(
            listed(house, ask)
              .data.map((s) => s.sessionId)
              .sort(),
          ).toEqual(ids.filter((_, i) => !model[i]?.deleted && !model[i]?.archived).sort())
        },
      ),
      { numRuns: 150 },
    )
  },
  NET_MS,
)

test("an act that kills every child is given up after some deaths", async () => {
  const world = start()
  const { child, house } = world
  const [id = ""] = await sessionsIn(world, 1)
  const archives = child.archiveThread
  child.archiveThread = async () => {
    child.die()
    throw new Fault("runtime_unavailable", "the child is gone")
  }
  for (let i = 0; i < 8; i++) {
    child.revive()
    await house.settle(i === 0 ? house.life.archive(id) : house.rooms.outbox.settleAll())
  }
  child.archiveThread = archives
  child.revive()
  await house.settle(house.rooms.outbox.settleAll())
  expect(house.lines.some((line) => line.includes("given up"))).toBe(true)
  expect(child.threads.get(id)?.archived).toBe(false)
  expect(house.db.all("SELECT * FROM outbox")).toEqual([])
})

test("an archive that the child refuses is taken back, and says that there is nothing to archive", async () => {
  const world = start()
  const { child, house } = world
  const [id = ""] = await sessionsIn(world, 1)
  child.threads.delete(id)
  const refused = house.settle(house.life.archive(id))
  expect(await refused.catch((e) => e.code)).toBe("not_materialized")
  expect(house.rooms.sessions.find(id)?.archived).toBe(false)
})

test("a session without a turn is renamed, archived, brought back and deleted without the child's having it", async () => {
  const { child, house } = start()
  const { session } = await house.settle(house.rooms.sessions.create({}))
  const id = session.sessionId
  await house.settle(house.life.rename(id, "Early"))
  await house.settle(house.life.archive(id))
  expect(listed(house, { ...ask, archived: true }).data.map((s) => s.title)).toEqual(["Early"])
  await house.settle(house.life.unarchive(id))
  expect(listed(house, ask).data.map((s) => s.title)).toEqual(["Early"])
  // Its first turn makes it a thread of the child's: now it can be named there.
  child.threads.set(id, { name: undefined, archived: false })
  house.ingest.take([said("turn/started", { threadId: id, turn: { id: "u" } })], "run")
  house.ingest.take([said("turn/completed", { threadId: id, turn: { id: "u", status: "completed" } })], "run")
  await house.settle(house.rooms.outbox.settleAll())
  expect(child.threads.get(id)?.name).toBe("Early")
  expect(await house.settle(house.life.remove(id))).toEqual({ title: "Early", deletedFileCount: 0 })
})

test("of a deleted session nothing is left, nothing is told, and nobody who still works on it can write", async () => {
  const world = start()
  const { house } = world
  const [id = "", other = ""] = await sessionsIn(world, 2)
  house.ingest.take([said("turn/started", { threadId: id, turn: { id: "u" } })], "run")
  house.ingest.take(
    [
      {
        kind: "request",
        method: "item/commandExecution/requestApproval",
        rpcId: 7,
        params: { threadId: id, turnId: "u", command: "ls" },
        raw: '{"method":"x","id":7,"params":{}}',
      },
    ],
    "run",
  )
  house.told.length = 0
  await house.settle(house.life.remove(id))
  expect(house.told.map((e) => e.type)).toEqual(["request.closed", "session.deleted"])
  expect(house.told[1]).toMatchObject({ scope: "global", thread: id })
  expect(JSON.parse(house.told[1]?.body ?? "")).toMatchObject({
    status: "deleted",
    sessionId: id,
    title: "New chat",
  })
  expect(rowsLeft(house, id)).toBe(0)
  // The log keeps nothing of it but its end.
  const { events } = house.log.page(0, { thread: id }, { maxEvents: 100, maxBytes: 1 << 20 })
  expect(events.filter((e) => e.thread === id).map((e) => e.type)).toEqual(["session.deleted"])
  house.told.length = 0
  house.ingest.take([said("turn/completed", { threadId: id, turn: { id: "u", status: "completed" } })], "run")
  house.ingest.take(
    [{ kind: "request", method: "item/tool/call", rpcId: 8, params: { threadId: id, tool: "x" }, raw: "{}" }],
    "run",
  )
  expect(house.told).toEqual([])
  expect(house.child.calls.at(-1)).toEqual(["refuse", "run", 8, -32600, "this session was deleted"])
  house.now((tx) => {
    house.rooms.turns.open(tx, { sessionId: id, id: "late" })
    house.rooms.sessions.learn(tx, { id })
    house.rooms.transcript.put(tx, id, {
      messageId: "m",
      turnId: "late",
      role: "user",
      type: "userMessage",
      content: "",
      status: "complete",
    } as never)
    house.rooms.controls.keep(tx, id, house.rooms.controls.defaults(tx))
  })
  expect(rowsLeft(house, id)).toBe(0)
  expect(listed(house, ask).data.map((s) => s.sessionId)).toEqual([other])
})

test("agents go with whom they worked for", async () => {
  const world = start()
  const { house } = world
  const [owner = "", worker = "", another = ""] = await sessionsIn(world, 3)
  house.now((tx) => {
    for (const id of [worker, another]) house.rooms.sessions.change(tx, id, { systemOwned: true })
    house.rooms.projects.keepAgent(tx, { owner: `session:${owner}`, agent: "supervisor", sessionId: worker })
    house.rooms.projects.keepAgent(tx, { owner: `session:${worker}`, agent: "helper", sessionId: another })
  })
  house.told.length = 0
  await house.settle(house.life.remove(owner))
  expect([owner, worker, another].map((id) => house.rooms.sessions.find(id))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(house.told.map((e) => [e.thread, e.scope])).toEqual([
    [owner, "global"],
    [worker, "hidden"],
    [another, "hidden"],
  ])
  expect(house.rooms.projects.agents(`session:${owner}`)).toEqual([])
})

test("a tombstone stays for as long as the child lists the thread, and thirty days beyond", async () => {
  const world = start()
  const { child, house } = world
  const [id = ""] = await sessionsIn(world, 1)
  let there = [{ id }]
  Object.assign(child, {
    listThreads: async ({ archived }: { archived: boolean }) => ({
      data: archived ? [] : there,
      nextCursor: null,
    }),
    readThread: async () => {
      throw new Fault("not_found", "thread not loaded")
    },
  })
  await house.settle(house.life.remove(id))
  const refresh = () => house.settle(house.reconcile.refresh())
  await refresh()
  house.clock.turn(60 * DAY)
  await refresh()
  expect(house.rooms.tombstones.has(id)).toBe(true)
  expect(listed(house, ask).data).toEqual([])
  there = []
  await refresh()
  house.clock.turn(29 * DAY)
  await refresh()
  expect(house.rooms.tombstones.fault(id)?.code).toBe("session_deleted")
  house.clock.turn(2 * DAY)
  await refresh()
  expect(house.rooms.tombstones.has(id)).toBe(false)
  expect(house.rooms.tombstones.fault(id)).toBeUndefined()
})

test("the child's lists are taken over: new ones are told, moved ones follow, gone ones leave the list and can be read", async () => {
  const world = start()
  const { child, house } = world
  const [kept = "", gone = "", unlisted = ""] = await sessionsIn(world, 3)
  let active: { id: string; name?: string }[] = [{ id: kept }, { id: gone }, { id: unlisted }]
  let shelved: { id: string }[] = []
  Object.assign(child, {
    listThreads: async ({ archived }: { archived: boolean }) => ({
      data: archived ? shelved : active,
      nextCursor: null,
    }),
    readThread: async (id: string) => {
      if (id === gone) throw new Fault("not_found", "thread not loaded")
      return { id }
    },
  })
  const refresh = () => house.settle(house.reconcile.refresh())
  await refresh()
  house.told.length = 0
  active = [{ id: "elsewhere" }]
  shelved = [{ id: kept }]
  await refresh()
  const told = () => house.told.map((e) => [e.type, e.thread, JSON.parse(e.body).changed])
  expect(told()).toEqual([
    ["session.created", "elsewhere", undefined],
    ["session.updated", kept, ["archived"]],
    ["session.updated", gone, ["vanished"]],
  ])
  expect(
    listed(house, ask)
      .data.map((s) => s.sessionId)
      .sort(),
  ).toEqual(["elsewhere", unlisted].sort())
  expect(house.rooms.sessions.find(gone)?.vanished).toBe(true)
  house.told.length = 0
  active.push({ id: gone, name: "Back" })
  await refresh()
  expect(told()).toEqual([["session.updated", gone, ["title", "vanished"]]])
})

test("a glance reads the newest page of each list and draws no conclusion from what is not on it", async () => {
  const world = start()
  const { child, house } = world
  const [id = ""] = await sessionsIn(world, 1)
  const asked: unknown[] = []
  Object.assign(child, {
    listThreads: async (ask: { archived: boolean }) => {
      asked.push(ask)
      return { data: ask.archived ? [] : [{ id: "elsewhere" }], nextCursor: "more" }
    },
  })
  await house.settle(house.reconcile.glance())
  expect(asked).toEqual([
    { archived: false, cursor: null },
    { archived: true, cursor: null },
  ])
  expect(
    listed(house, ask)
      .data.map((s) => s.sessionId)
      .sort(),
  ).toEqual(["elsewhere", id].sort())
})

test("a thread that the child deletes of its own accord leaves the list", async () => {
  const world = start()
  const { house } = world
  const [id = ""] = await sessionsIn(world, 1)
  house.ingest.take([said("thread/deleted", { threadId: id })], "run")
  expect(listed(house, ask).data).toEqual([])
  expect(house.rooms.sessions.find(id)?.vanished).toBe(true)
})

test("a page that is older than a decision here does not undo it", async () => {
  const world = start()
  const { child, house } = world
  const [id = ""] = await sessionsIn(world, 1)
  const read = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  Object.assign(child, {
    listThreads: async ({ archived }: { archived: boolean }) => {
      const data = archived ? [] : [{ id }]
      read.resolve()
      await go.promise
      return { data, nextCursor: null }
    },
    readThread: async () => ({ id }),
  })
  const refreshing = house.reconcile.refresh()
  await house.settle(read.promise)
  await house.settle(house.life.archive(id))
  go.resolve()
  await house.settle(refreshing)
  expect(house.rooms.sessions.find(id)?.archived).toBe(true)
})
