// Search through the rooms over real SQLite: what is found, how it is marked, ranked, paged and bounded, and that the index
// follows every way in which an entry can change.

import { describe, expect, test } from "bun:test"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { migrate } from "../../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
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
    const all = ask(house, "bulk", { limit: 200 })
    expect(all.matches).toBe(2_000)
    expect(new Set(all.data.map(({ at }) => at))).toEqual(new Set([new Date(5_000).toISOString()]))
    expect(ask(house, "bulk", { from: 6_000 }).matches).toBe(0)
  })

  test("huge entries are taken in by so much text a commit, and one that is more than that by itself", () => {
    const house = open()
    const output = (id: string, bytes: number) => ({
      id,
      text: "output",
      type: "commandExecution",
      role: "system" as const,
      item: { type: "commandExecution", id, aggregatedOutput: "many words ".repeat(bytes / 11) },
      at: 5_000,
    })
    const huge = Array.from({ length: 12 }, (_, i) => output(`h${i}`, i % 2 === 0 ? 110_000 : 11_000))
    say(house, ...huge, output("one", 1_100_000))
    const taken: number[] = []
    for (let before = 13; before > 0; house.now(() => undefined)) {
      const { pending, matches } = ask(house, "output")
      expect(matches + pending).toBe(13)
      taken.push(before - pending)
      before = pending
    }
    // 256 KiB a commit, the newest first.
    expect(taken).toEqual([1, 5, 4, 3])
  })

  test("what is taken back is not found, even while the index has thousands of others to take in first", () => {
    const house = open()
    house.now((tx) => house.rooms.turns.settle(tx, { sessionId: "s", id: "t", status: "completed" }))
    say(house, { id: "a", text: "regretted", at: 1_000 })
    house.now((tx) => void tx.run("UPDATE turns SET rolled_back_at = 1 WHERE session_id = 's'"))
    say(house, { session: "other", id: "b", text: "regretted", at: 1_000, turn: "o" })
    house.now((tx) => void tx.run("UPDATE turns SET rolled_back_at = NULL WHERE session_id = 's'"))
    expect(found(house, "regretted").sort()).toEqual(["a", "b"])
    house.now((tx) => {
      const about = { turnId: "o", role: "user", type: "userMessage", status: "complete" } as const
      for (let i = 0; i < 500; i++)
        house.rooms.transcript.put(tx, "other", { messageId: `m${i}`, ...about, content: "bulk" })
      tx.run("UPDATE turns SET rolled_back_at = 1 WHERE session_id = 's'")
    })
    expect(ask(house, "bulk").pending).toBeGreaterThan(0)
    expect(found(house, "regretted")).toEqual(["b"])
  })

  test("what is said now doesn't wait for what came by the thousand", () => {
    const house = open()
    say(house, ...Array.from({ length: 1_000 }, (_, i) => ({ id: `m${i}`, text: `bulk ${i}`, at: 5_000 })))
    say(house, { id: "now", text: "just said", at: 9_000 })
    expect(found(house, "just")).toEqual(["now"])
    expect(ask(house, "bulk").pending).toBeGreaterThan(0)
  })

  test("an index of before this version is made anew: piece by piece, and nothing of it is found twice", () => {
    const driver = openBunDriver(":memory:")
    migrate(driver, MIGRATIONS.slice(0, 22))
    const row = driver.prepare(
      `INSERT INTO entries (session_id, message_id, turn_id, place, spot, role, type, status, started_at, changed, json)
       VALUES ('s', ?, 't', 1, ?, 'assistant', 'agentMessage', ?, 5, 1, ?)`,
    )
    for (let i = 0; i < 300; i++)
      row.run(
        `m${i}`,
        String(i).padStart(5, "0"),
        i === 7 ? "streaming" : "complete",
        `{"content":"needle ${i}"}`,
      )
    migrate(driver, MIGRATIONS)
    const house = openRooms(undefined, { driver })
    learn(house, "s")
    const counts: number[] = []
    for (let pending = 1; pending > 0; house.clock.turn(0)) {
      const answer = ask(house, "needle")
      pending = answer.pending
      counts.push(answer.matches + pending)
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(300)
    expect(ask(house, "needle").matches).toBe(299)
    expect(found(house, "7")).toEqual([])
    say(house, { id: "m7", text: "the seventh", at: 5 })
    expect(found(house, "seventh")).toEqual(["m7"])
  })
})

describe("order and pages", () => {
  const filler = (words: number) => Array.from({ length: words }, (_, i) => `filler${i}`).join(" ")
  const output = (id: string, text: string) => ({
    id,
    text: "Command completed",
    type: "commandExecution",
    role: "system" as const,
    item: { type: "commandExecution", id, aggregatedOutput: text },
  })

  test("oftener, in a shorter text, in what is said rather than beside it: each comes before the other", () => {
    const house = open()
    say(
      house,
      { id: "once", text: `needle ${filler(20)}`, at: 5_000 },
      { id: "thrice", text: `needle needle needle ${filler(18)}`, at: 4_000 },
      { id: "long", text: `needle ${filler(400)}`, at: 6_000 },
      output("beside", `needle ${filler(20)}`),
    )
    expect(found(house, "needle").slice(0, 2)).toEqual(["thrice", "once"])
    expect(found(house, "needle").slice(2).sort()).toEqual(["beside", "long"])
    expect(found(house, "need*")).toEqual(found(house, "needle"))
    say(house, { id: "one", text: "Größe gross", at: 9_000 }, { id: "two", text: "größe Größe", at: 1 })
    expect(found(house, "Größe")).toEqual(["two", "one"])
    // The same for a phrase, but for how often.
    expect(found(house, '"needle filler0"')[0]).toBe("once")
    say(house, output("other", "alpha beta"), { id: "said", text: "alpha beta said", at: 1 })
    expect(found(house, '"alpha beta"')).toEqual(["said", "other"])
  })

  test("of two words the seldomer counts for more; equals come newest first; a name's part counts once", () => {
    const house = open()
    const often = Array.from({ length: 40 }, (_, i) => ({ id: `o${i}`, text: `often ${i}`, at: 10_000 + i }))
    say(
      house,
      ...often,
      { id: "seldom", text: "seldom seldom often and that", at: 1_000 },
      { id: "both", text: "often often seldom and that", at: 2_000 },
    )
    expect(found(house, "often seldom")).toEqual(["seldom", "both"])
    expect(found(house, "often", { limit: 3 })[0]).toBe("both")
    say(house, { id: "name", text: "getUserName", at: 1 }, { id: "own", text: "UserName UserName it", at: 2 })
    expect(found(house, "UserName")).toEqual(["own", "name"])
    say(house, { id: "e1", text: "equal", at: 100 }, { id: "e2", text: "equal", at: 200 })
    expect(found(house, "equal")).toEqual(["e2", "e1"])
  })

  test("a text that grows keeps its place in time, and is weighed as it is now", () => {
    const house = open()
    const at = 5_000
    say(house, { id: "a", text: "wonder", at }, { id: "b", text: `wonder ${filler(3)}`, at })
    expect(found(house, "wonder")).toEqual(["a", "b"])
    say(house, { id: "a", text: `wonder ${filler(300)}`, at })
    expect(found(house, "wonder")).toEqual(["b", "a"])
    expect(ask(house, "wonder").data.map((hit) => hit.at)).toEqual(Array(2).fill(new Date(at).toISOString()))
    expect(house.db.get("SELECT count(*) AS n FROM search_docs")).toEqual({ n: 2 })
    expect(found(house, "wonder", { from: at, to: at + 1 }).sort()).toEqual(["a", "b"])
  })

  test("beginnings that are common come newest first, too, and are paged to their end", () => {
    const house = open()
    const many = Array.from({ length: 10_020 }, (_, i) => ({ id: `m${i}`, text: `begin${i}`, at: 1_000 + i }))
    say(house, ...many)
    while (ask(house, "be*").pending > 0) house.clock.turn(0)
    const first = ask(house, "be*", { limit: 200 })
    expect(first).toMatchObject({ ranking: "recency", bounded: true, matches: 10_000 })
    expect(first.data[0]?.messageId).toBe("m10019")
    const second = ask(house, "be*", { limit: 200, cursor: first.nextCursor ?? "" })
    expect(second.data[0]?.messageId).toBe("m9819")
    expect(ask(house, "begin1002*")).toMatchObject({ ranking: "relevance", matches: 1 })
  })

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

  test("pages of the best go on where they were when a word becomes common meanwhile", () => {
    const house = open()
    const many = (from: number, n: number) =>
      Array.from({ length: n }, (_, i) => ({ id: `m${from + i}`, text: "word", at: 1_000 + from + i }))
    say(house, ...many(0, 30))
    const first = ask(house, "word", { limit: 10, sessionId: "s" })
    expect(first.ranking).toBe("relevance")
    say(house, ...many(30, 10_001).map((one) => ({ ...one, session: "other", turn: "o" })))
    while (ask(house, "word").pending > 0) house.clock.turn(0)
    const second = ask(house, "word", { limit: 10, sessionId: "s", cursor: first.nextCursor ?? "" })
    expect(second.data.map(({ messageId }) => messageId)).toEqual(
      many(10, 10)
        .map(({ id }) => id)
        .reverse(),
    )
    expect(second.ranking).toBe("relevance")
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
