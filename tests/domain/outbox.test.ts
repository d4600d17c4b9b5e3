// The outbox where the child fails, refuses or hangs: what is told again, what is taken back, who waits.

import { expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { Fault } from "../../src/base/fault.ts"
import { createTells } from "../../src/flow/acts/tells.ts"
import { createToldChild, openRooms } from "../support/rooms.ts"

const refusal = () => new Fault("not_found", "no rollout found for thread id")

function start() {
  const child = createToldChild()
  const house = openRooms(child)
  const session = async (): Promise<string> => {
    const { session } = await house.settle(house.rooms.sessions.create({}))
    house.now((tx) => house.rooms.sessions.spoke(tx, session.sessionId, "hello"))
    return session.sessionId
  }
  const left = () =>
    house.db.all("SELECT session_id, act FROM outbox").map((row) => [row.session_id, row.act])
  const found = (id: string) => house.rooms.sessions.find(id)
  return { child, house, session, left, found }
}

test.each([
  ["the child's own failure", () => new Fault("codex_error", "internal error")],
  ["an error that is no fault", () => new Error("a bug")],
])("%s in one session keeps its act and does not stop the later ones", async (_, failure) => {
  const { child, house, session, left } = start()
  const [bad, good] = [await session(), await session()]
  child.archiveThread = async () => {
    throw new Fault("runtime_unavailable", "the child is gone")
  }
  for (const id of [bad, good]) await house.settle(house.life.archive(id))
  child.archiveThread = async (id) => {
    if (id === bad) throw failure()
    child.calls.push(["archive", id])
  }
  await house.settle(house.rooms.outbox.settleAll())
  expect(left()).toEqual([[bad, "archive"]])
  expect(child.calls).toEqual([["archive", good]])
})

test("a deletion that always fails ends with the thread let go and its files removed", async () => {
  mkdirSync(join(homedir(), ".cache/codexd-tests"), { recursive: true })
  const home = mkdtempSync(join(homedir(), ".cache/codexd-tests/outbox-"))
  try {
    mkdirSync(join(home, "sessions"))
    const file = join(home, "sessions/rollout-gone-id.jsonl")
    writeFileSync(file, "")
    const letGo: string[] = []
    const codex = {
      ...createToldChild(),
      letGo: async (id: string) => {
        letGo.push(id)
        throw new Fault("codex_error", "again")
      },
    }
    const tells = createTells({ codex, sessionOf: () => undefined, codexHome: home })
    const row = { id: 1, sessionId: "gone-id", attempts: 5, body: '{"innerId":null,"path":null}' }
    expect(await tells.giveUp({ ...row, act: "archive" })).toEqual({})
    expect([letGo, existsSync(file)]).toEqual([[], true])
    expect(await tells.giveUp({ ...row, act: "delete" })).toEqual({ files: 1 })
    expect([letGo, existsSync(file)]).toEqual([["gone-id"], false])
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

test("an act is given up once, after as many tries as it gets, whatever giving up does", async () => {
  const { child, house, session, left } = start()
  const id = await session()
  let tries = 0
  child.deleteThread = async () => {
    tries++
    throw new Fault("codex_error", "internal error")
  }
  // Without a home nothing is on the disk; without `letGo` giving up fails itself.
  await house.settle(house.life.remove(id))
  for (let i = 1; i < 5; i++) await house.settle(house.rooms.outbox.settleAll())
  expect([tries, left()]).toEqual([5, [[id, "delete"]]])
  await house.settle(house.rooms.outbox.settleAll())
  expect([tries, left()]).toEqual([5, []])
})

test("a name for a thread that is not loaded waits until it can be given; one that vanished needs none", async () => {
  const { child, house, session, left } = start()
  const id = await session()
  child.nameThread = async () => {
    throw refusal()
  }
  await house.settle(house.life.rename(id, "Kept"))
  expect(left()).toEqual([[id, "name"]])
  house.now((tx) => house.rooms.sessions.change(tx, id, { vanished: true }))
  await house.settle(house.rooms.outbox.settleAll())
  expect(left()).toEqual([])
})

test("two clients that archive what the child refuses both hear it", async () => {
  const { child, house, session, found } = start()
  const id = await session()
  child.archiveThread = async () => {
    throw refusal()
  }
  const code = (error: Fault) => error.code as unknown
  const both = [house.life.archive(id).catch(code), house.life.archive(id).catch(code)]
  expect(await house.settle(Promise.all(both))).toEqual(["not_materialized", "not_materialized"])
  expect(found(id)?.archived).toBe(false)
})

test("what is archived in the child already is archived again without a complaint", async () => {
  const { child, house, session, found } = start()
  const id = await session()
  await house.settle(house.life.archive(id))
  child.archiveThread = async () => {
    throw refusal()
  }
  await house.settle(house.life.archive(id))
  expect(found(id)?.archived).toBe(true)
})

test("a project's session that the child will not archive stays where it was, and the answer names it", async () => {
  const { child, house, session, found } = start()
  const { projectId } = await house.settle(house.projectActs.create({ name: "zoo" } as never))
  const [lost, kept] = [await session(), await session()]
  for (const id of [lost, kept]) await house.settle(house.life.assign(id, projectId))
  child.archiveThread = async (id) => {
    if (id === lost) throw refusal()
  }
  const answer = await house
    .settle(house.projectActs.moveAll(projectId, "archive"))
    .catch((error: Fault) => [error.code, error.details])
  expect(answer).toEqual(["not_materialized_sessions", { projectId, sessionIds: [lost] }])
  expect([found(lost)?.archived, found(lost)?.projectId]).toEqual([false, projectId])
  expect([found(kept)?.archived, found(kept)?.projectId]).toEqual([true, undefined])
})

test("after the first session that has to wait nobody waits for the others", async () => {
  const { child, house, session, found } = start()
  const { projectId } = await house.settle(house.projectActs.create({ name: "zoo" } as never))
  const ids = [await session(), await session(), await session()]
  for (const id of ids) await house.settle(house.life.assign(id, projectId))
  const asked: unknown[] = []
  const never = new Promise<undefined>(() => {})
  child.archiveThread = (id) => {
    asked.push(id)
    return asked.length === 1 ? Promise.reject(new Fault("codex_timeout", "no answer")) : never
  }
  const { archivedSessionCount } = await house.settle(house.projectActs.moveAll(projectId, "archive"))
  expect(archivedSessionCount).toBe(3)
  expect(ids.map((id) => found(id)?.archived)).toEqual([true, true, true])
  await house.settle(house.rooms.sessions.create({}))
  expect(new Set(asked)).toEqual(new Set(ids))
})

test("an archiving that the child refuses when nobody waits any more is taken back, and told", async () => {
  const { child, house, session, found, left } = start()
  const id = await session()
  child.isReady = () => false
  await house.settle(house.life.archive(id))
  expect([found(id)?.archived, left()]).toEqual([true, [[id, "archive"]]])
  const heard = house.told.length
  child.isReady = () => true
  child.archiveThread = async () => {
    throw refusal()
  }
  await house.settle(house.rooms.outbox.settleAll())
  expect([found(id)?.archived, left()]).toEqual([false, []])
  const told = house.told
    .slice(heard)
    .filter(({ type, thread }) => type === "session.updated" && thread === id)
  expect(told.map(({ body }) => JSON.parse(body).changed)).toEqual([["archived"]])
})

test("a refusal says nothing of an archiving that may have been done by a try before", async () => {
  const { child, house, session, found } = start()
  const id = await session()
  child.archiveThread = async () => {
    throw new Fault("runtime_unavailable", "it died with the call")
  }
  await house.settle(house.life.archive(id))
  child.archiveThread = async () => {
    throw refusal()
  }
  await house.settle(house.rooms.outbox.settleAll())
  expect(found(id)?.archived).toBe(true)
})

test("a thread that a fork needs goes as soon as the fork is gone, and what it was forked from after it", async () => {
  const { child, house, session, left } = start()
  const [first, second, third] = [await session(), await session(), await session()]
  const forkOf = new Map([
    [first, second],
    [second, third],
  ])
  const threads = new Set<unknown>([first, second, third])
  child.deleteThread = async (id) => {
    child.calls.push(["delete", id])
    if (threads.has(forkOf.get(id as string))) return "kept"
    threads.delete(id)
    return "deleted"
  }
  await house.settle(house.life.remove(first))
  await house.settle(house.life.remove(second))
  expect(left()).toEqual([
    [first, "delete"],
    [second, "delete"],
  ])
  expect(house.rooms.outbox.size()).toEqual({ length: 2, oldestAt: house.clock.now() })
  await house.settle(house.life.remove(third))
  await house.settle(house.rooms.outbox.settleAll())
  expect([left(), [...threads]]).toEqual([[], []])
  expect(house.rooms.outbox.size()).toEqual({ length: 0, oldestAt: undefined })
})

test("a thread is tried again when what needed it went while the child answered", async () => {
  const { child, house, session, left } = start()
  const [source, fork] = [await session(), await session()]
  const threads = new Set<unknown>([source, fork])
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  child.deleteThread = async (id) => {
    const isKept = id === source && threads.has(fork)
    if (isKept) {
      asked.resolve()
      await answered.promise
    }
    if (!isKept) threads.delete(id)
    if (threads.size === 0) gone.resolve()
    return isKept ? "kept" : "deleted"
  }
  const removed = house.life.remove(source)
  await house.settle(asked.promise)
  await house.settle(house.life.remove(fork))
  answered.resolve()
  await house.settle(removed)
  // By itself: nobody asks for it.
  await house.settle(gone.promise)
  await house.settle(house.rooms.outbox.settleAll())
  expect([left(), [...threads]]).toEqual([[], []])
})

test("every thread that ever answered for a session goes with it, and everything that they leave on the disk is counted", async () => {
  mkdirSync(join(homedir(), ".cache/codexd-tests"), { recursive: true })
  const home = mkdtempSync(join(homedir(), ".cache/codexd-tests/outbox-"))
  try {
    const child = createToldChild()
    const house = openRooms(child, { codexHome: home })
    const { session } = await house.settle(house.rooms.sessions.create({}))
    const id = session.sessionId
    for (const shelf of ["sessions/2026", "shell_snapshots"])
      mkdirSync(join(home, shelf), { recursive: true })
    const rollout = (of: string) => join(home, `sessions/2026/rollout-${of}.jsonl`)
    const files = [rollout("second"), rollout("third"), rollout(id)]
    const snapshots = ["second", "third", id].map((of) => join(home, `shell_snapshots/${of}.123.sh`))
    const other = join(home, "shell_snapshots/other.123.sh")
    for (const file of [...files, ...snapshots, other]) writeFileSync(file, "")
    house.now((tx) => house.rooms.sessions.learn(tx, { id, path: rollout(id) }, { materialized: true }))
    await house.settle(house.life.keepAlias({ outer: id, inner: "second", path: rollout("second") }))
    await house.settle(house.life.keepAlias({ outer: id, inner: "third", path: rollout("third") }))
    // The binary removes what it calls the thread's, and no snapshot of a child that was killed.
    const gone = (of: string) => async (called: unknown) => {
      child.calls.push([of, called])
      rmSync(rollout(of === "own" ? "third" : String(called)))
      return "deleted" as const
    }
    child.deleteThread = gone("own")
    child.formerThreads.deleteThread = gone("former")
    expect((await house.settle(house.life.remove(id))).deletedFileCount).toBe(6)
    expect(child.calls).toEqual([
      ["own", id],
      ["former", "second"],
      ["former", id],
    ])
    expect([...files, ...snapshots, other].filter((file) => existsSync(file))).toEqual([other])
    expect(house.db.all("SELECT * FROM former_threads")).toEqual([])
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
