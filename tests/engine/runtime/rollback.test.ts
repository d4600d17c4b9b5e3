// Which way turns are taken back, and how many messages that is for a binary that counts messages.

import { expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createAliases } from "../../../src/engine/runtime/threads/aliases.ts"
import type { RawTurn } from "../../../src/engine/runtime/threads/history.ts"
import {
  createRollbackCalls,
  findFork,
  isTakenBack,
  type RollbackNeeds,
  type TakenTurn,
  takeBack,
} from "../../../src/engine/runtime/threads/rollback.ts"

const turn = (id: string, messages = 1): RawTurn => ({
  id,
  items: [
    ...Array.from({ length: messages }, (_, n) => ({ type: "userMessage", id: `${id}-${n}` })),
    { type: "agentMessage", id: `${id}-a` },
  ],
})
const taken = (kind: TakenTurn["kind"], ...ids: string[]): TakenTurn => ({ ids, kind })
const HISTORY = [turn("a"), turn("b", 2), turn("alias of r", 2), turn("r", 0), turn("c")]

function open(quirks: { revert: boolean; rollback: boolean }, { legacy = false } = {}) {
  const calls: unknown[] = []
  const marks: unknown[] = []
  const needs: RollbackNeeds = {
    async call<T>(method: string, params: unknown): Promise<T> {
      calls.push([method, params])
      if (method === "thread/revert" && legacy)
        throw new Fault("invalid_state", "-32600: thread/revert only supports paginated threads")
      return {} as T
    },
    history: async () => HISTORY,
    quirks: () => quirks,
    begin: async ({ via, ids, count }) => void marks.push([via, ids.join(" "), count]),
    async forkBefore(id) {
      calls.push(["fork before", id])
      return {}
    },
  }
  return { calls, marks, take: (...turns: TakenTurn[]) => takeBack(needs, "t", turns) }
}

const message = taken("message", "b")
const last = taken("message", "c")
const review = taken("review", "r", "alias of r")

test("a thread that can be reverted is, to before the first id that the child knows of the turns", async () => {
  const { calls, take } = open({ revert: true, rollback: false })
  expect(await take(review, last)).toMatchObject({ via: "thread/revert" })
  expect(await take(taken("message", "never heard of"), last)).toMatchObject({ via: "thread/revert" })
  expect(calls).toEqual([
    ["thread/revert", { threadId: "t", beforeTurnId: "alias of r" }],
    ["thread/revert", { threadId: "t", beforeTurnId: "c" }],
  ])
})

test("rollback is told the number of messages; a review is one", async () => {
  const { calls, take } = open({ revert: false, rollback: true })
  expect(await take(message, review, last)).toMatchObject({ via: "thread/rollback" })
  expect(calls).toEqual([["thread/rollback", { threadId: "t", numTurns: 4 }]])
})

test("an older thread on a newer binary is rolled back where that exists, else forked", async () => {
  const both = open({ revert: true, rollback: true }, { legacy: true })
  expect(await both.take(last)).toMatchObject({ via: "thread/rollback" })
  const neither = open({ revert: true, rollback: false }, { legacy: true })
  expect(await neither.take(message, last)).toMatchObject({ via: "fork" })
  expect(neither.calls.at(-1)).toEqual(["fork before", "b"])
})

test("back over a compaction it is never rolled back: forked, or refused", async () => {
  const compact = taken("compact", "alias of r")
  const both = open({ revert: true, rollback: true }, { legacy: true })
  expect(await both.take(compact, last)).toMatchObject({ via: "fork" })
  const old = open({ revert: false, rollback: true })
  await expect(old.take(compact, last)).rejects.toMatchObject({ code: "invalid_state" })
  expect(old.calls).toEqual([])
})

test("turns that the child never had are taken out of the ledger alone; another failure passes", async () => {
  const { calls, take } = open({ revert: true, rollback: false })
  expect(await take(taken("message", "lost"))).toEqual({ via: "ledger", result: {} })
  expect(calls).toEqual([])
})

test("what is about to be done is noted before the child is asked, each way anew", async () => {
  const refused = open({ revert: true, rollback: true }, { legacy: true })
  await refused.take(review, last)
  expect(refused.marks).toEqual([
    ["thread/revert", "alias of r r c", 5],
    ["thread/rollback", "alias of r r c", 5],
  ])
  const never = open({ revert: true, rollback: false })
  await never.take(taken("message", "never heard of"))
  expect(never.marks).toEqual([])
})

test("after a kill the history says whether it was done: by the turns' ids, or where it makes ids up by their number", () => {
  const marked = { via: "thread/revert" as const, ids: ["c"], count: 5 }
  expect([isTakenBack(HISTORY, marked), isTakenBack(HISTORY.slice(0, 4), marked)]).toEqual([false, true])
  const unnamed = { via: "thread/rollback" as const, ids: [], count: 5 }
  expect([isTakenBack(HISTORY, unnamed), isTakenBack(HISTORY.slice(0, 4), unnamed)]).toEqual([false, true])
})

test("a fork that was made and never answered for its thread is known by when it was made and what it has", async () => {
  const left = HISTORY.slice(0, 4).map(({ id }) => id)
  const histories: Record<string, RawTurn[]> = { whole: HISTORY, other: [...HISTORY.slice(0, 3), turn("x")] }
  const history = async (id: string) => histories[id] ?? HISTORY.slice(0, 4)
  const cut = { left, begunAt: 100_900, isKnown: (id: string) => id === "ours" }
  const find = async (...ids: string[]) => {
    const threads = ids.map((id) => ({ id, createdAt: id === "old" ? 99 : 100 }))
    return (await findFork(threads, cut, history))?.id
  }
  expect(await find("whole", "other", "ours", "old", "fork")).toBe("fork")
  expect(await find("whole", "other", "ours", "old")).toBeUndefined()
  // Nothing was left: any empty thread could be it.
  expect(await findFork([{ id: "e", createdAt: 200 }], { ...cut, left: [] }, async () => [])).toBeUndefined()
})

test("a rollback that was cut off after its fork was made goes on with that fork in the thread's place", async () => {
  const aliases = createAliases([])
  const did: unknown[] = []
  const listed = [{ id: "made", createdAt: 101, path: "/made.jsonl" }]
  const calls = createRollbackCalls({
    aliases,
    call: async () => ({}) as never,
    async rawCall<T>(method: string): Promise<T> {
      did.push(method)
      return { data: listed } as T
    },
    history: async (id) => (aliases.innerOf(id) === "made" ? HISTORY.slice(0, 4) : HISTORY),
    quirks: () => ({ revert: true, rollback: false }),
    fork: async () => ({ id: "another" }),
    replace: async (_, make) => make(),
    unloaded: (id) => void did.push(["unloaded", id]),
  })
  const begun = (via: "fork" | "thread/revert", isKnown = false) => ({
    ...{ threadId: "t", mark: { via, ids: ["c"], count: 5 }, begunAt: 100_000, isKnown: () => isKnown },
    keep: async (made: unknown) => void did.push(["kept", made]),
  })
  expect(await calls.hasTakenBack(begun("thread/revert"))).toBe(false)
  expect(await calls.hasTakenBack(begun("fork", true))).toBe(false)
  expect(did.splice(0)).toEqual(["thread/list"])
  expect(await calls.hasTakenBack(begun("fork"))).toBe(true)
  const alias = { outer: "t", inner: "made", path: "/made.jsonl" }
  expect(did.splice(0)).toEqual(["thread/list", ["kept", alias], ["unloaded", "t"]])
  // From then on it answers to the session's id.
  expect(await calls.hasTakenBack(begun("fork"))).toBe(true)
  expect(did).toEqual([])
})
