// Creating, listing and reading sessions (wire-contract §1.4, §1.5).

import { strict as assert } from "node:assert"
import {
  type Check,
  entriesOf,
  get,
  hear,
  newSession,
  post,
  read,
  runTurn,
  type SessionRead,
  type Summary,
  turnIn,
} from "../world.ts"

interface Page {
  data: Summary[]
  nextCursor: string | null
  archived: boolean
}

export const sessionChecks: Check[] = [
  {
    name: "a session without wishes has the defaults, and a frame of its own",
    async run(world) {
      const listener = await hear(world)
      const { status, body } = await post<SessionRead>(world, "/api/sessions", {})
      assert.equal(status, 200)
      const { session, thread } = body
      assert.equal(thread.id, session.sessionId)
      const { sessionId, createdAt, updatedAt, source, ...rest } = session
      assert.match(sessionId, /^[0-9a-f-]{36}$/)
      assert.ok(Number.isInteger(createdAt) && Number.isInteger(updatedAt))
      assert.equal(typeof source, "string")
      assert.deepEqual(rest, {
        title: "New chat",
        materialized: false,
        modelProvider: "scripted",
        approvalPolicy: "untrusted",
        sessionControls: {
          model: null,
          approvalPolicy: "untrusted",
          networkAccess: "restricted",
          filesystemSandbox: "read-only",
          settings: {},
        },
        cwd: world.place.path,
        projectId: null,
      })
      const told = await listener.until((f) => f.type === "session_created", "session_created")
      assert.deepEqual(told.payload, { session })
      assert.equal(told.threadId, sessionId)
      const fresh = await read(world, sessionId)
      assert.deepEqual({ session: fresh.session, transcript: fresh.transcript }, { session, transcript: [] })
      assert.deepEqual(fresh.thread.turns, [])
      listener.close()
    },
  },
  {
    name: "what a creation names overrides the defaults; unknown keys are ignored",
    async run(world) {
      const wishes = {
        cwd: world.daemon.work,
        model: "gpt-5.1-codex",
        approvalPolicy: "on-request",
        networkAccess: "enabled",
        filesystemSandbox: "workspace-write",
      }
      const { status, body } = await post<SessionRead>(world, "/api/sessions", { ...wishes, gossip: true })
      assert.equal(status, 200, JSON.stringify(body))
      const { cwd, approvalPolicy, sessionControls } = body.session
      assert.deepEqual({ cwd, approvalPolicy }, { cwd: wishes.cwd, approvalPolicy: "on-request" })
      const { cwd: _, ...controls } = wishes
      assert.deepEqual(sessionControls, { ...controls, settings: {} })
    },
  },
  {
    name: "the retired policy on-failure is taken on every version and kept as it was said",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "on-failure" })
      const { end, listener } = await runTurn(world, id, "echo: hello")
      assert.equal(end.payload.params?.turn?.status, "completed")
      listener.close()
      assert.equal((await read(world, id)).session.approvalPolicy, "on-failure")
    },
  },
  {
    name: "the list is ordered by what happened last and pages through every session once",
    async run(world) {
      const ids = [await newSession(world), await newSession(world), await newSession(world)]
      const { listener } = await runTurn(world, ids[0] ?? "", "echo: to the top")
      listener.close()
      const whole = (await get<Page>(world, "/api/sessions?limit=200")).body
      assert.deepEqual(
        { nextCursor: whole.nextCursor, archived: whole.archived },
        { nextCursor: null, archived: false },
      )
      const order = whole.data.map((s) => [s.updatedAt, s.createdAt])
      const sorted = order.toSorted(([u = 0, c = 0], [v = 0, d = 0]) => v - u || d - c)
      assert.deepEqual(order, sorted)
      for (const id of ids) assert.equal(whole.data.filter((s) => s.sessionId === id).length, 1)
      const row = whole.data.find((s) => s.sessionId === ids[0])
      assert.deepEqual(row, (await read(world, ids[0] ?? "")).session)
      assert.equal(row?.materialized, true)

      const paged: string[] = []
      for (let cursor: string | null = ""; cursor !== null; ) {
        const query: string = cursor && `&cursor=${encodeURIComponent(cursor)}`
        const page: Page = (await get<Page>(world, `/api/sessions?limit=2${query}`)).body
        assert.ok(page.data.length <= 2)
        paged.push(...page.data.map((s) => s.sessionId))
        cursor = page.nextCursor
      }
      assert.deepEqual(
        paged,
        whole.data.map((s) => s.sessionId),
      )
      const archived = (await get<Page>(world, "/api/sessions?archived=true")).body
      assert.deepEqual(archived, { data: [], nextCursor: null, archived: true })
    },
  },
  {
    name: "two turns are read back as entries and as the thread's turns, in order",
    async run(world) {
      const id = await newSession(world)
      const first = await runTurn(world, id, "echo: one\\nand äöü ✓")
      const second = await runTurn(world, id, "words: 5")
      first.listener.close()
      second.listener.close()
      const whole = await read(world, id)
      assert.deepEqual(
        whole.thread.turns.map((t) => t.id),
        [first.turnId, second.turnId],
      )
      const said = whole.transcript.map(({ turnId, role, type, content, status }) => ({
        turnId,
        role,
        type,
        content,
        status,
      }))
      const entry = (turnId: string, role: string, content: string) => ({
        turnId,
        role,
        type: role === "user" ? "userMessage" : "agentMessage",
        content,
        status: "complete",
      })
      assert.deepEqual(said, [
        entry(first.turnId, "user", "echo: one\\nand äöü ✓"),
        entry(first.turnId, "assistant", "one\nand äöü ✓"),
        entry(second.turnId, "user", "words: 5"),
        entry(second.turnId, "assistant", "w1 w2 w3 w4 w5"),
      ])
      for (const turn of whole.thread.turns) {
        assert.equal(turn.status, "completed")
        assert.equal(turn.error, null)
        assert.deepEqual(
          turn.items.map((i) => i.type),
          ["userMessage", "agentMessage"],
        )
        assert.deepEqual(
          turn.items.map((i) => i.id),
          entriesOf(whole, turn.id).map((e) => e.messageId),
        )
        assert.ok(turn.startedAt <= turn.completedAt)
        assert.ok((turn.durationMs ?? -1) >= 0, `a turn took ${turn.durationMs} ms`)
      }
      for (const { startedAt, completedAt } of whole.transcript) {
        assert.ok(Number.isInteger(startedAt) && Number.isInteger(completedAt))
        assert.ok((startedAt ?? 0) <= (completedAt ?? -1))
      }
      assert.equal(whole.session.materialized, true)
      assert.equal(whole.thread.preview, "echo: one\\nand äöü ✓")
      assert.equal(turnIn(whole, second.turnId).items[1]?.text, "w1 w2 w3 w4 w5")
    },
  },
]
