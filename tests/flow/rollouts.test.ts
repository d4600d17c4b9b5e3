// Rollout files that the four binaries wrote, taken in: the same session whatever version kept it, each thread once, branches and
// forks as they stand, and nothing from outside of the folders.

import { describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { createRollouts } from "../../src/flow/rollouts/import.ts"
import { openRooms } from "../support/rooms.ts"

const GOLDEN = join(import.meta.dir, "../golden")
const VERSIONS = readdirSync(GOLDEN).filter((name) => /^\d/.test(name))
const PROMPT = "reason: why\nrun: echo from the shell\npatch: notes.txt | one | two\necho: both are there"

function open(...folders: string[]) {
  const house = openRooms()
  const rollouts = createRollouts({ rooms: house.rooms, clock: house.clock, folders })
  const take = (ask: { path?: string; limit?: number } = {}) =>
    house.settle(rollouts.take({ limit: 100, ...ask }))
  const taken = async (ask: Parameters<typeof take>[0] = {}) => {
    const answer = await take(ask)
    if (!answer) throw new Error("outside")
    return answer
  }
  return { ...house, take, taken }
}
type Open = ReturnType<typeof open>
const textsOf = ({ rooms }: Open, id: string) =>
  (JSON.parse(rooms.transcript.joined(id, true).transcript) as { type: string; content: string }[]).map(
    ({ type, content }) => [type, content],
  )

describe.each(VERSIONS)("rollouts of %s", (version) => {
  const folder = join(GOLDEN, version, "rollouts")

  test("come in as the session that was lived, without the turn that was taken back; the review's own file is none", async () => {
    const house = open(folder)
    const { imported, known, skipped } = await house.taken()
    expect([imported.length, known.length]).toEqual([1, 0])
    expect(skipped.map(({ reason }) => reason)).toEqual([
      "it belongs to another thread: a review's or a helper's",
    ])
    const id = imported[0]?.session.sessionId ?? ""
    const shell = version === "0.169.0" ? "/bin/bash -lc 'echo from the shell'" : "echo from the shell"
    expect(textsOf(house, id)).toEqual([
      ["userMessage", PROMPT],
      ["reasoning", "Reasoning"],
      ["commandExecution", `Command completed: ${shell}`],
      ["fileChange", "File change completed: 1 change"],
      ["agentMessage", "both are there"],
      ["userMessage", "words: 20"],
      ["agentMessage", Array.from({ length: 20 }, (_, i) => `w${i + 1}`).join(" ")],
      ["userMessage", "fail: 400 no"],
      ["contextCompaction", "[contextCompaction]"],
      ["enteredReviewMode", "[enteredReviewMode]"],
      ["userMessage", "Review the current changes."],
      ["exitedReviewMode", "[exitedReviewMode]"],
      ["agentMessage", "The scripted review has 0 findings."],
      ["userMessage", "echo: the end"],
      ["agentMessage", "the end"],
    ])
    const turns = house.rooms.turns.list(id).map(({ kind, status }) => [kind, status])
    // The files of 0.105 and 0.130 don't say that a turn failed.
    expect(turns).toEqual([
      ["message", "completed"],
      ["message", "completed"],
      ["message", version < "0.150" ? "completed" : "failed"],
      ["compact", "completed"],
      ["review", "completed"],
      ["message", "completed"],
    ])
    const dates = house.db.all("SELECT started_at, completed_at FROM turns WHERE session_id = ?", id)
    for (const { started_at, completed_at } of dates)
      for (const at of [started_at, completed_at])
        expect(new Date(at as number).toISOString()).toStartWith("2026-11-23T16:21")
    const command = house.rooms.transcript.ofType(house.db, id, "commandExecution")[0]
    expect(JSON.parse(command?.item ?? "{}")).toMatchObject({
      aggregatedOutput: "from the shell\n",
      exitCode: 0,
      cwd: "/place/work",
    })
    const change = house.rooms.transcript.ofType(house.db, id, "fileChange")[0]
    expect(JSON.parse(change?.item ?? "{}").changes).toEqual([
      { path: expect.stringContaining("notes.txt"), kind: { type: "add" }, diff: "one\ntwo\n" },
    ])
    expect(imported[0]?.session).toMatchObject({
      title: PROMPT,
      cwd: "/place/work",
      modelProvider: "scripted",
      sessionControls: {
        model: "scripted",
        approvalPolicy: "never",
        filesystemSandbox: "danger-full-access",
      },
    })
    // Where it ended, without what was counted again: 0.105 repeats its totals.
    const tokens = house.db.get("SELECT sum(total) AS total FROM usage WHERE session_id = ?", id)?.total
    expect(tokens).toBeGreaterThan(5_000)
    expect(house.rooms.transfer.refusal(id)?.code).toBe("session_read_only")
    expect(
      house.rooms.search.search({ q: "scripted review", includeSystemOwned: false, limit: 5 }).matches,
    ).toBe(2)
  })

  test("come in once; one that is deleted comes in again; a session of the child's own never does", async () => {
    const house = open(folder)
    const first = (await house.taken()).imported[0]
    const again = await house.taken()
    expect(again.imported).toEqual([])
    expect(again.known).toEqual([
      { path: first?.path ?? "", threadId: first?.threadId ?? "", sessionId: first?.session.sessionId ?? "" },
    ])
    await house.settle(house.life.remove(first?.session.sessionId ?? ""))
    expect((await house.taken()).imported).toHaveLength(1)

    const other = open(folder)
    other.now((tx) => other.rooms.sessions.learn(tx, { id: first?.threadId ?? "" }, { materialized: true }))
    const { imported, known } = await other.taken()
    expect([imported, known.map(({ sessionId }) => sessionId)]).toEqual([[], [first?.threadId ?? ""]])
  })
})

test("a thread with branches is its last one; a fork has what it began with, and its own tokens only", async () => {
  for (const version of ["0.105.0", "0.169.0"]) {
    const house = open(join(GOLDEN, version, "branches"))
    const { imported } = await house.taken()
    const said = imported.map(({ session }) =>
      textsOf(house, session.sessionId)
        .filter(([type]) => type === "userMessage")
        .map(([, text]) => text),
    )
    const own = ["words: 1", "words: 2", "words: 6"]
    expect(said.toSorted((a, b) => a.length - b.length)).toEqual([own, [...own, "words: 7"]])
    const calls = imported.map(
      ({ session }) =>
        house.db.get("SELECT sum(calls) AS n FROM usage WHERE session_id = ?", session.sessionId)?.n,
    )
    // 0.105 keeps the calls of what was taken back; 0.169 begins its new file before them.
    expect(calls.toSorted()).toEqual(version === "0.105.0" ? [1, 6] : [1, 3])
  }
})

describe("files", () => {
  function place() {
    const parent = join(homedir(), ".cache/codexd-tests")
    mkdirSync(parent, { recursive: true })
    const path = mkdtempSync(join(parent, "rollouts-"))
    return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
  }
  const ID = "01a20936-41fc-78a3-bb2e-6b21ae7ba986"
  const line = (type: string, payload: object) =>
    `${JSON.stringify({ timestamp: "2026-01-02T03:04:05.000Z", type, payload })}\n`
  const name = (id = ID) => `rollout-2026-01-02T03-04-05-${id}.jsonl`

  test("only from the folders, also by no link; what isn't there is nothing", async () => {
    using inside = place()
    using beside = place()
    const text =
      line("session_meta", { id: ID }) + line("event_msg", { type: "user_message", message: "secret" })
    writeFileSync(join(beside.path, name()), text)
    symlinkSync(beside.path, join(inside.path, "linked"))
    symlinkSync(join(beside.path, name()), join(inside.path, name()))
    const house = open(inside.path)
    expect((await house.taken()).imported).toEqual([])
    for (const path of [
      beside.path,
      join(inside.path, "linked"),
      join(inside.path, name()),
      `${inside.path}/../..`,
      "/",
    ])
      expect(await house.take({ path })).toBeUndefined()
    expect(await house.taken({ path: join(inside.path, "nothing") })).toMatchObject({ imported: [], left: 0 })
  })

  test("a line that was cut off, lines of no known shape and empty files harm nobody; the oldest files have no turns of their own", async () => {
    using inside = place()
    const second = ID.replace("01a2", "02a2")
    const third = ID.replace("01a2", "03a2")
    const odd = [
      '{"type":17}\n',
      "[]\n",
      '{"type":"event_msg","payload":[1]}\n',
      line("event_msg", { type: "user_message", message: 5 }),
    ]
    const call = { type: "function_call", name: "shell", call_id: "c", arguments: '{"command":["ls","a b"]}' }
    const old = [
      line("session_meta", { id: ID, source: "cli" }),
      line("event_msg", { type: "user_message", message: "one" }),
      line("response_item", call),
      ...odd,
      line("event_msg", { type: "agent_message", message: "two" }),
      '{"timestamp":"2026-01-02T03:04:06.000Z","type":"event_m',
    ]
    writeFileSync(join(inside.path, name()), old.join(""))
    writeFileSync(join(inside.path, name(second)), "")
    writeFileSync(join(inside.path, name(third)), "\u0000\u0001 no JSON at all")
    const house = open(inside.path)
    const { imported, skipped } = await house.taken()
    expect(skipped.map(({ threadId, reason }) => [threadId, reason])).toEqual([
      [second, "nothing was said in it"],
      [third, "nothing was said in it"],
    ])
    expect(textsOf(house, imported[0]?.session.sessionId ?? "")).toEqual([
      ["userMessage", "one"],
      ["commandExecution", "Command interrupted: ls 'a b'"],
      ["userMessage", ""],
      ["agentMessage", "two"],
    ])
  })

  test("as many as were asked for; the rest is for the next call", async () => {
    using inside = place()
    for (const n of [1, 2, 3]) {
      const id = ID.replace("01a2", `0${n}a2`)
      const text = line("session_meta", { id }) + line("event_msg", { type: "user_message", message: `${n}` })
      writeFileSync(join(inside.path, name(id)), text)
    }
    const house = open(inside.path)
    const first = await house.taken({ limit: 2 })
    expect([first.imported.length, first.left]).toEqual([2, 1])
    const second = await house.taken({ limit: 2 })
    expect([second.imported.length, second.known.length, second.left]).toEqual([1, 2, 0])
  })
})
