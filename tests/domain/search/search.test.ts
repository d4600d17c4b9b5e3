// Search through the rooms over real SQLite: what is found, how it is marked, ranked, paged and bounded, and that the index
// follows every way in which an entry can change.

import { describe, expect, test } from "bun:test"
import type { AskSearch } from "../../../src/domain/transcript/search/asking/search.ts"
import { type OpenRooms, openRooms } from "../../support/rooms.ts"

const ask = (house: OpenRooms, q: string, more: Partial<AskSearch> = {}) =>
  house.rooms.search.search({ q, includeSystemOwned: false, limit: 20, ...more })
const found = (house: OpenRooms, q: string, more: Partial<AskSearch> = {}) =>
  ask(house, q, more).data.map(({ messageId }) => messageId)

const learn = (house: OpenRooms, ...ids: string[]) =>
  house.now((tx) => {
    for (const id of ids) house.rooms.sessions.learn(tx, { id, name: `about ${id}` }, { materialized: true })
  })

interface Said {
  session?: string
  id: string
  text: string
  role?: "user" | "assistant" | "system"
  type?: string
  at?: number
  status?: "complete" | "streaming"
  turn?: string
  item?: object
}
const say = (house: OpenRooms, ...all: Said[]) =>
  house.now((tx) => {
    for (const {
      session = "s",
      id,
      text,
      role = "assistant",
      type = "agentMessage",
      at,
      status,
      turn,
      item,
    } of all)
      house.rooms.transcript.put(
        tx,
        session,
        {
          messageId: id,
          turnId: turn ?? "t",
          role,
          type,
          content: text,
          status: status ?? "complete",
          startedAt: at,
        },
        { item: item && JSON.stringify(item) },
      )
  })

function open() {
  const house = openRooms()
  learn(house, "s", "other")
  return house
}

describe("what is found", () => {
  test("words in any case and accent, all of them, phrases in order, beginnings with a star", () => {
    const house = open()
    say(
      house,
      { id: "a", text: "The Größe of a naïve Résumé" },
      { id: "b", text: "a resume that is not naive at all, says the reader" },
      { id: "c", text: "reading is something else" },
    )
    expect(found(house, "RÉSUMÉ naive").sort()).toEqual(["a", "b"])
    expect(found(house, '"naive resume"')).toEqual(["a"])
    expect(found(house, "read*").sort()).toEqual(["b", "c"])
    expect(found(house, "reade")).toEqual([])
    expect(found(house, '"the read*')).toEqual([])
    expect(found(house, '"the read"*')).toEqual(["b"])
  })

  test("Chinese, Japanese and Korean are found by any run of their signs, one sign too", () => {
    const house = open()
    say(
      house,
      { id: "zh", text: "请修复数据库连接的错误" },
      { id: "ja", text: "データベースの接続エラーを直してください" },
      { id: "ko", text: "데이터베이스 연결 오류를 고쳐 주세요" },
    )
    expect(found(house, "数据库")).toEqual(["zh"])
    expect(found(house, "据")).toEqual(["zh"])
    expect(found(house, "库数")).toEqual([])
    expect(found(house, "接続エラー")).toEqual(["ja"])
    expect(found(house, "오류")).toEqual(["ko"])
    expect(ask(house, "数据库").data[0]?.snippet.marks).toEqual([[3, 3]])
  })

  test("names of code: whole, by their humps, by what a path or an underscore joins", () => {
    const house = open()
    say(
      house,
      { id: "camel", text: "call getUserNameById(42) there" },
      { id: "snake", text: "the column user_name_by in src/domain/user-name.ts" },
    )
    expect(found(house, "getUserNameById")).toEqual(["camel"])
    expect(found(house, "userNameBy").sort()).toEqual(["camel"])
    expect(found(house, "UserName")).toEqual(["camel"])
    expect(found(house, "user_name").sort()).toEqual(["snake"])
    expect(found(house, "domain/user-name.ts")).toEqual(["snake"])
    const [hit] = ask(house, "UserName").data
    expect(hit?.snippet.text.slice(5, 5 + 15)).toBe("getUserNameById")
    expect(hit?.snippet.marks).toEqual([[5, 15]])
  })

  test("nothing that is typed is syntax: no question fails", () => {
    const house = open()
    say(house, { id: "a", text: "NEAR AND OR NOT content more tags hidden" })
    const odd = [
      '"',
      '""',
      "*",
      "(",
      ")",
      "a AND",
      "NOT",
      "NEAR(a b)",
      "content:a",
      "^a",
      "a - b",
      "{a b}:c",
      "'",
      "\0",
      "+",
      "🙂",
      "a*b*",
      '"a" "',
      "tags:rassistant",
      "-",
      ":",
      "\ud800",
    ]
    for (const q of odd) expect(() => ask(house, q)).not.toThrow()
    expect(found(house, "near AND or")).toEqual(["a"])
    expect(found(house, "rassistant")).toEqual([])
    expect(ask(house, "🙂")).toMatchObject({ data: [], matches: 0 })
  })

  test("what an item says beside its line: output, paths and diffs, thoughts; ids and encoded bytes are not", () => {
    const house = open()
    const command = {
      type: "commandExecution",
      id: "call-77",
      command: "npm test",
      aggregatedOutput: "42 passed\nfantastic",
    }
    const change = {
      type: "fileChange",
      id: "x",
      changes: [{ path: "/work/lib/parser.ts", diff: "+const marvellous = 1", kind: { type: "update" } }],
    }
    say(
      house,
      {
        id: "run",
        text: "Command completed: npm test",
        role: "system",
        type: "commandExecution",
        item: command,
      },
      {
        id: "change",
        text: "File change completed: 1 change",
        role: "system",
        type: "fileChange",
        item: change,
      },
      { id: "bytes", text: `[image] data:image/png;base64,${"abcd".repeat(5_000)}` },
    )
    expect(found(house, "fantastic")).toEqual(["run"])
    expect(found(house, "lib/parser.ts marvellous")).toEqual(["change"])
    expect(found(house, '"call-77"')).toEqual([])
    expect(found(house, "abcdabcd*")).toEqual([])
    expect(ask(house, "fantastic").data[0]?.snippet).toEqual({
      text: "42 passed\nfantastic",
      marks: [[10, 9]],
      in: "details",
    })
  })

  test("filters: session, project, role, type and time; hidden sessions only when asked for", () => {
    const house = open()
    learn(house, "hidden")
    house.now((tx) => house.rooms.sessions.change(tx, "hidden", { systemOwned: true }))
    house.now((tx) => house.rooms.sessions.change(tx, "other", { projectId: "p" }))
    say(
      house,
      { id: "1", text: "needle", at: 1_000 },
      { id: "2", text: "needle", at: 2_000, role: "user", type: "userMessage" },
      { id: "3", text: "needle", at: 3_000, session: "other" },
      { id: "4", text: "needle", at: 4_000, session: "hidden", type: "agent.suggestRequest" },
    )
    expect(found(house, "needle").sort()).toEqual(["1", "2", "3"])
    expect(found(house, "needle", { includeSystemOwned: true }).sort()).toEqual(["1", "2", "3", "4"])
    expect(found(house, "needle", { includeSystemOwned: true, types: ["agent.suggestRequest"] })).toEqual([
      "4",
    ])
    expect(found(house, "needle", { sessionId: "s" }).sort()).toEqual(["1", "2"])
    expect(found(house, "needle", { projectId: "p" })).toEqual(["3"])
    expect(found(house, "needle", { projectId: "none" })).toEqual([])
    expect(found(house, "needle", { projectId: "p", sessionId: "s" })).toEqual([])
    expect(found(house, "needle", { roles: ["user", "system"] })).toEqual(["2"])
    expect(found(house, "needle", { types: ["userMessage"] })).toEqual(["2"])
    expect(found(house, "needle", { from: 2_000, to: 3_000 })).toEqual(["2"])
    house.now((tx) => house.rooms.sessions.change(tx, "other", { systemOwned: true }))
    expect(found(house, "needle").sort()).toEqual(["1", "2"])
  })
})

describe("the index follows the transcript in the same commit", () => {
  test("streaming text is found when it is whole, changed text by its new words only, a deleted session's not at all", () => {
    const house = open()
    say(house, { id: "a", text: "half a sent", status: "streaming" })
    expect(found(house, "sent")).toEqual([])
    say(house, { id: "a", text: "half a sentence" })
    expect(found(house, "sentence")).toEqual(["a"])
    say(house, { id: "a", text: "something else" })
    expect([found(house, "sentence"), found(house, "something")]).toEqual([[], ["a"]])
    house.now((tx) => house.rooms.transcript.forget(tx, "s"))
    expect(found(house, "something")).toEqual([])
    expect(house.db.get("SELECT count(*) AS n FROM search_docs")).toEqual({ n: 0 })
  })

  test("an act that fails leaves nothing in it; turns that are taken back leave it; a fork is found too", async () => {
    const house = open()
    const failing = house.db.actNow((tx) => {
      house.rooms.transcript.put(tx, "s", {
        messageId: "x",
        turnId: "t",
        role: "user",
        type: "userMessage",
        content: "ghost",
        status: "complete",
      })
      throw new Error("no")
    })
    expect(failing.ok).toBe(false)
    expect(found(house, "ghost")).toEqual([])
    house.now((tx) => {
      house.rooms.turns.settle(tx, { sessionId: "s", id: "t", status: "completed" })
    })
    const item = { type: "agentMessage", id: "kept", text: "wonder" }
    say(house, { id: "kept", text: "wonder", item })
    await house.settle(house.rooms.turns.fork("s"))
    expect(
      ask(house, "wonder")
        .data.map(({ sessionId }) => sessionId)
        .sort(),
    ).toEqual(["fork-of-s", "s"])
    house.now((tx) => void tx.run("UPDATE turns SET rolled_back_at = 1 WHERE session_id = 's'"))
    expect(ask(house, "wonder").data.map(({ sessionId }) => sessionId)).toEqual(["fork-of-s"])
  })

  test("an entry that is made, changed and taken back in one act is looked at once", () => {
    const house = open()
    house.now((tx) => house.rooms.turns.settle(tx, { sessionId: "s", id: "t", status: "completed" }))
    say(house, { id: "a", text: "before" })
    house.now((tx) => {
      const { put } = house.rooms.transcript
      const about = { turnId: "t", role: "assistant", type: "agentMessage", status: "complete" } as const
      tx.run("UPDATE turns SET rolled_back_at = 1 WHERE session_id = 's'")
      put(tx, "s", { messageId: "a", ...about, content: "between" })
      put(tx, "s", { messageId: "b", ...about, content: "newcomer" })
      put(tx, "s", { messageId: "b", ...about, content: "newcomer again" })
      tx.run("UPDATE sessions SET system_owned = 1 WHERE id = 's'")
      tx.run("UPDATE sessions SET system_owned = 0 WHERE id = 's'")
      tx.run("UPDATE turns SET rolled_back_at = NULL WHERE session_id = 's'")
      put(tx, "s", { messageId: "a", ...about, content: "at last" })
    })
    expect([found(house, "before"), found(house, "between")]).toEqual([[], []])
    expect([found(house, "last"), found(house, "newcomer")]).toEqual([["a"], ["b"]])
  })

  test("thousands at once are taken in piece by piece, and the answer says how many are left", async () => {
    const house = open()
    const many = Array.from({ length: 1_000 }, (_, i) => ({ id: `m${i}`, text: `bulk ${i}`, at: 5_000 }))
    say(house, ...many)
    expect(ask(house, "bulk")).toMatchObject({ pending: 800, matches: 200 })
    while (ask(house, "bulk").pending > 0) house.clock.turn(0)
    expect(ask(house, "bulk")).toMatchObject({ pending: 0, matches: 1_000 })
    // More of one millisecond than its ids: still each its own.
    say(house, ...many.map(({ id, ...rest }) => ({ ...rest, id: `again-${id}` })))
    while (ask(house, "bulk").pending > 0) house.clock.turn(0)
    expect(ask(house, "bulk").matches).toBe(2_000)
  })
})

describe("order and pages", () => {
  test("the best comes first; pages join without a repetition although others write meanwhile", () => {
    const house = open()
    say(
      house,
      ...Array.from({ length: 30 }, (_, i) => ({
        id: `far${i}`,
        text: `${"word ".repeat(200)} rare`,
        at: 1_000 + i,
      })),
      { id: "best", text: "rare rare", at: 1 },
    )
    const first = ask(house, "rare", { limit: 10 })
    expect(first).toMatchObject({ ranking: "relevance", matches: 31, bounded: false })
    expect(first.data[0]?.messageId).toBe("best")
    say(house, { id: "later", text: "rare", at: 1_000_000 })
    const ids = first.data.map(({ messageId }) => messageId)
    for (let cursor = first.nextCursor; cursor !== null; ) {
      const page = ask(house, "rare", { limit: 10, cursor })
      ids.push(...page.data.map(({ messageId }) => messageId))
      cursor = page.nextCursor
    }
    expect(ids).toHaveLength(31)
    expect(new Set(ids).size).toBe(31)
    expect(() => ask(house, "rare", { cursor: "nonsense" })).toThrow("cursor")
    expect(() => ask(house, "rare", { cursor: btoa("relevance/1/-5") })).toThrow("cursor")
  })

  test("what is everywhere comes newest first, says that it is bounded, and can be paged to its end", () => {
    const house = open()
    const many = Array.from({ length: 10_050 }, (_, i) => ({ id: `m${i}`, text: "common", at: 1_000 + i }))
    say(house, ...many, { id: "special", text: "common needle", at: 500 })
    while (ask(house, "common").pending > 0) house.clock.turn(0)
    const first = ask(house, "common", { limit: 200 })
    expect(first).toMatchObject({ ranking: "recency", bounded: true, matches: 10_000 })
    expect(first.data[0]?.messageId).toBe("m10049")
    let seen = first.data.length
    for (let cursor = first.nextCursor; cursor !== null; ) {
      const page = ask(house, "common", { limit: 200, cursor })
      seen += page.data.length
      cursor = page.nextCursor
    }
    expect(seen).toBe(10_051)
    expect(ask(house, "common needle")).toMatchObject({ ranking: "relevance", matches: 1, bounded: false })
  })
})
