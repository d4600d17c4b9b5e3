import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { sourceOf, titleOf } from "../../src/domain/sessions/session.ts"
import { listed, openRooms, said } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const ask = { archived: false, includeSystemOwned: false, limit: 100 }

test("a new session has the defaults overlaid by what was asked, and is told", async () => {
  const house = openRooms()
  const input = { cwd: "/elsewhere", approvalPolicy: "on-request" } as const
  const { session } = await house.settle(house.rooms.sessions.create(input))
  expect(session).toMatchObject({
    title: "New chat",
    materialized: false,
    approvalPolicy: "on-request",
    cwd: "/elsewhere",
    projectId: null,
    sessionControls: {
      model: null,
      approvalPolicy: "on-request",
      networkAccess: "restricted",
      filesystemSandbox: "read-only",
      settings: {},
    },
  })
  expect(house.told.map((e) => e.type)).toEqual(["session.created"])
  expect(listed(house, ask).data).toEqual([session])
})

test("a title is ours, else the app-server's name, else the preview; a default title gives way to a name", () => {
  const none = { title: undefined, titleIsDefault: true, name: undefined, preview: "" }
  expect(titleOf(none)).toBe("New chat")
  expect(titleOf({ ...none, preview: "  hello " })).toBe("hello")
  expect(titleOf({ ...none, preview: "hello", name: "Greeting" })).toBe("Greeting")
  expect(titleOf({ ...none, title: "New chat", preview: "hello" })).toBe("New chat")
  expect(titleOf({ ...none, title: "New chat", name: "Greeting" })).toBe("Greeting")
  expect(titleOf({ ...none, title: "Mine", titleIsDefault: false, name: "Greeting" })).toBe("Mine")
})

test("a source is a word, whatever the app-server calls it", () => {
  expect([
    sourceOf("cli"),
    sourceOf({ subAgent: "review" }),
    sourceOf({ custom: 1 }),
    sourceOf(undefined),
  ]).toEqual(["cli", "subAgent", "unknown", "unknown"])
})

test("pages tile the list: newest first, nothing twice, nothing missing, whatever ties there are", () => {
  const threads = fc.array(
    fc.record({ updatedAt: fc.nat(3), createdAt: fc.nat(3), archived: fc.boolean() }),
    {
      maxLength: 25,
    },
  )
  fc.assert(
    fc.property(threads, fc.integer({ min: 1, max: 7 }), (list, limit) => {
      const house = openRooms()
      house.now((tx) => {
        for (const [i, { archived, ...thread }] of list.entries()) {
          house.rooms.sessions.learn(tx, { id: `t-${i}`, ...thread }, { materialized: true, archived })
        }
      })
      const seen: { sessionId: string; updatedAt: number; createdAt: number }[] = []
      let cursor: string | undefined
      do {
        const page = listed(house, { ...ask, limit, cursor })
        seen.push(...page.data)
        cursor = page.nextCursor ?? undefined
        expect(page.data.length).toBeLessThanOrEqual(limit)
      } while (cursor)
      const active = list.flatMap((t, i) => (t.archived ? [] : [`t-${i}`]))
      expect(seen.map((s) => s.sessionId).sort()).toEqual(active.sort())
      const order = seen.map((s) => s.updatedAt * 10 + s.createdAt)
      expect(order).toEqual([...order].sort((a, b) => b - a))
    }),
    { numRuns: 100 },
  )
})

test("a cursor that isn't ours is refused", () => {
  const house = openRooms()
  for (const cursor of ["%", "x", btoa("1/2"), btoa("a/b/c")]) {
    expect(() => listed(house, { ...ask, cursor })).toThrow("cursor")
  }
})

test("what the app-server tells of a thread is taken over, our title is kept", async () => {
  const house = openRooms()
  const { session } = await house.settle(house.rooms.sessions.create({}))
  const id = session.sessionId
  house.ingest.take(
    [
      said("thread/name/updated", { threadId: id, threadName: "Named" }),
      said("thread/status/changed", { threadId: id, status: { type: "active", activeFlags: [] } }),
    ],
    "run",
  )
  const kept = house.rooms.sessions.find(id)
  expect(kept && house.rooms.sessions.summary(kept).title).toBe("Named")
  expect(JSON.parse(kept?.thread ?? "{}").status).toEqual({ type: "active", activeFlags: [] })
  house.ingest.take([said("thread/archived", { threadId: id })], "run")
  expect(listed(house, ask).data).toEqual([])
  expect(listed(house, { ...ask, archived: true }).data).toHaveLength(1)
})
