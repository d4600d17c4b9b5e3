// Sessions' life on the real binaries (wire-contract §1.5, decisions 20): named, archived, brought back, deleted, made
// elsewhere; what was decided while the child could not hear it is told to the next one.

import { strict as assert } from "node:assert"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { ask, type Body, type Reply } from "../../support/client.ts"
import { halt } from "../../support/daemon.ts"
import { BINARIES, openRawCodex } from "../../support/raw-codex.ts"
import {
  approvalOf,
  type Check,
  ended,
  get,
  health,
  hear,
  isNotification,
  newSession,
  post,
  read,
  runTurn,
  type SessionRead,
  type Summary,
  send,
  untilReady,
  type World,
} from "../world.ts"

interface Page {
  data: Summary[]
}
const ids = async (world: World, query = ""): Promise<string[]> => {
  const { status, body } = await get<Page>(world, `/api/sessions?limit=200${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body.data.map((s) => s.sessionId)
}
const remove = ({ daemon }: World, id: string): Promise<Reply> =>
  ask(daemon.url, `/api/sessions/${id}`, { method: "DELETE" })
const act = (world: World, id: string, what: string, body: unknown = {}): Promise<Reply> =>
  post(world, `/api/sessions/${id}/${what}`, body)
async function ok(reply: Promise<Reply>): Promise<Body> {
  const { status, body } = await reply
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const turnOf = async (world: World, id: string, text: string): Promise<string> => {
  const { listener, end, turnId } = await runTurn(world, id, text)
  listener.close()
  assert.equal(end.payload.params?.turn?.status, "completed", end.text)
  return turnId
}
const homeOf = ({ place }: World) => join(place.dataDir, "codex-home")
const filesNaming = (world: World, id: string): string[] =>
  readdirSync(homeOf(world), { recursive: true, encoding: "utf8" }).filter((name) => name.includes(id))

function assertGone({ status, body }: Reply, id: string, title: string) {
  assert.equal(status, 410, JSON.stringify(body))
  const { message, deletedAt, ...rest } = body
  assert.deepEqual(rest, { status: "deleted", sessionId: id, title })
  assert.equal(typeof message, "string")
  assert.match(String(deletedAt), /^\d{4}-\d\d-\d\dT/)
}

/** Another program on the same Codex home, as the TUI would be. */
const openElsewhere = (world: World) =>
  openRawCodex({
    binary: BINARIES[world.codexVersion] ?? "",
    codexHome: homeOf(world),
    cwd: world.daemon.work,
  })

export const lifeChecks: Check[] = [
  {
    name: "a title is ours, shows everywhere, and is the child's name too",
    async run(world) {
      const id = await newSession(world)
      await turnOf(world, id, "echo: hello")
      const listener = await hear(world, `threadId=${id}`)
      const { session } = (await ok(act(world, id, "rename", { title: "Grüße ✓" }))) as unknown as SessionRead
      assert.equal(session.title, "Grüße ✓")
      const told = await listener.until((f) => f.type === "session_updated", "session_updated")
      assert.deepEqual(told.payload, { sessionId: id, changed: ["title"] })
      await listener.until(isNotification("thread/name/updated"), "the child's own word")
      assert.equal(listener.frames.filter((f) => f.type === "session_updated").length, 1)
      listener.close()
      assert.deepEqual((await read(world, id)).session, session)
    },
  },
  {
    name: "a thread names its model and its git state, where the binary knows them",
    async run(world) {
      const { body } = await post<SessionRead>(world, "/api/sessions", { cwd: world.daemon.work })
      assert.equal(typeof body.thread.model, "string")
      assert.ok("gitInfo" in body.thread)
      assert.equal((await read(world, body.session.sessionId)).thread.model, body.thread.model)
      await ok(remove(world, body.session.sessionId))
    },
  },
  {
    name: "a session without a turn lives: named, assigned, archived and back, over a restart, then its first turn, then its end",
    async run(world) {
      const { project } = (await ok(post(world, "/api/projects", { name: `p-${world.codexVersion}` }))) as {
        project: { projectId: string }
      }
      const id = await newSession(world, { approvalPolicy: "never", networkAccess: "enabled" })
      await ok(act(world, id, "rename", { title: "Early" }))
      await ok(act(world, id, "project", { projectId: project.projectId }))
      await ok(act(world, id, "archive"))
      assert.ok((await ids(world, "&archived=true")).includes(id))
      assert.ok(!(await ids(world)).includes(id))
      const refused = await act(world, id, "messages", { text: "echo: no" })
      assert.deepEqual([refused.status, refused.body.code], [409, "invalid_state"])
      await ok(act(world, id, "unarchive"))
      const { session } = await read(world, id)
      assert.deepEqual(
        [session.title, session.projectId, session.materialized],
        ["Early", project.projectId, false],
      )
      await world.restart("SIGTERM")
      await untilReady(world)
      assert.ok((await ids(world, "&refresh=true")).includes(id))
      assert.deepEqual((await read(world, id)).session, session)
      await turnOf(world, id, "run: echo unasked\necho: first")
      const after = (await read(world, id)).session
      assert.deepEqual(
        [after.title, after.materialized, after.sessionControls],
        ["Early", true, session.sessionControls],
      )
      assert.deepEqual(
        (await ids(world, "&refresh=true")).filter((one) => one === id),
        [id],
      )
      await ok(remove(world, id))
      await ok(ask(world.daemon.url, `/api/projects/${project.projectId}`, { method: "DELETE" }))
    },
  },
  {
    name: "archived with a running turn and back: the lists stay true, the session goes on where it was",
    async run(world) {
      const id = await newSession(world)
      await turnOf(world, id, "echo: before")
      const listener = await hear(world, `threadId=${id}`)
      const running = await send(world, id, "words: 100000 5")
      await listener.until(isNotification("item/agentMessage/delta", running), "words")
      await ok(act(world, id, "archive"))
      const end = await ended(listener, running)
      assert.notEqual(end.payload.params?.turn?.status, "completed")
      await ok(act(world, id, "archive"))
      assert.ok((await ids(world, "&archived=true&refresh=true")).includes(id))
      assert.ok(!(await ids(world, "&refresh=true")).includes(id))
      assert.equal((await act(world, id, "messages", { text: "echo: no" })).status, 409)
      await ok(act(world, id, "rename", { title: "In the attic" }))
      const back = (await ok(act(world, id, "unarchive"))) as unknown as SessionRead
      assert.deepEqual([back.session.title, back.thread.turns.length], ["In the attic", 2])
      assert.ok((await ids(world, "&refresh=true")).includes(id))
      await turnOf(world, id, "echo: after")
      assert.equal((await read(world, id)).thread.turns.length, 3)
      listener.close()
    },
  },
  {
    name: "a resume loads the thread after a restart, answers it with its turns, and the child hears the name that it was given before",
    async run(world) {
      const id = await newSession(world)
      const turnId = await turnOf(world, id, "echo: hello")
      await world.restart("SIGTERM")
      await untilReady(world)
      const listener = await hear(world, `threadId=${id}`)
      await ok(act(world, id, "rename", { title: "Named while away" }))
      const { session, thread } = (await ok(act(world, id, "resume"))) as unknown as SessionRead
      // 0.105 can't name a thread that is not loaded.
      await listener.until(isNotification("thread/name/updated"), "the child's own word")
      listener.close()
      assert.deepEqual([session.sessionId, session.materialized, thread.id], [id, true, id])
      assert.deepEqual(
        thread.turns.map((t) => t.id),
        [turnId],
      )
      await turnOf(world, id, "echo: on")
    },
  },
  {
    name: "a delete takes everything: the running turn, what it asked, rows, files; it stays deleted over a restart",
    async run(world) {
      const id = await newSession(world)
      await turnOf(world, id, "echo: hello")
      await ok(act(world, id, "rename", { title: "Doomed" }))
      const listener = await hear(world)
      const running = await send(world, id, "run: echo 1 > never.txt")
      const { payload } = await approvalOf(listener, running)
      const { pid } = (await health(world)).codex
      assert.ok(filesNaming(world, id).some((name) => name.includes("rollout")))
      const { title, deletedFileCount, ...rest } = await ok(remove(world, id))
      assert.deepEqual([title, rest], ["Doomed", { status: "ok", sessionId: id }])
      assert.ok(Number(deletedFileCount) >= 1, String(deletedFileCount))
      const gone = await listener.until((f) => f.type === "session_deleted", "session_deleted")
      assert.deepEqual([gone.threadId, gone.payload.title], [id, "Doomed"])
      const frames = listener.frames.map((f) => f.type)
      const expired = listener.frames.find((f) => f.type === "approval_resolved")
      assert.deepEqual(expired?.payload, { approvalId: payload.approvalId, status: "expired" })
      assert.ok(frames.indexOf("approval_resolved") < frames.indexOf("session_deleted"))
      assert.deepEqual(filesNaming(world, id), [])
      assertGone(await get(world, `/api/sessions/${id}`), id, "Doomed")
      assertGone(await remove(world, id), id, "Doomed")
      for (const [what, body] of [
        ["messages", { text: "hello" }],
        ["interrupt", {}],
        ["archive", {}],
        ["rename", { title: "x" }],
      ] as const) {
        assertGone(await act(world, id, what, body), id, "Doomed")
      }
      for (const list of ["approvals", "tool-input", "tool-calls"])
        assertGone(await get(world, `/api/sessions/${id}/${list}`), id, "Doomed")
      assert.equal(
        (await post(world, `/api/approvals/${payload.approvalId}/decision`, { decision: "accept" })).status,
        404,
      )
      assert.ok(!(await ids(world, "&refresh=true")).includes(id))
      // What the child still says of it is told to nobody: a turn elsewhere is all that is heard.
      const heard = listener.frames.length
      await turnOf(world, await newSession(world), "echo: elsewhere")
      assert.deepEqual(
        listener.frames.slice(heard).filter((f) => f.threadId === id),
        [],
      )
      assert.equal((await health(world)).codex.pid, pid)
      listener.close()
      const again = await hear(world, `since=${listener.ready.log}.${gone.seq - 1}`)
      await again.until((f) => f.type === "session_deleted" && f.threadId === id, "its end in the replay")
      assert.deepEqual(
        again.frames.filter((f) => f.threadId === id).map((f) => f.type),
        ["session_deleted"],
      )
      again.close()
      await world.restart("SIGKILL")
      await untilReady(world)
      assert.ok(!(await ids(world, "&refresh=true")).includes(id))
      assertGone(await get(world, `/api/sessions/${id}`), id, "Doomed")
    },
  },
  {
    name: "a thread made by another program appears and opens with its history; removed by another program it leaves the list",
    async run(world) {
      let id = ""
      {
        await using elsewhere = await openElsewhere(world)
        const { thread } = (await elsewhere.call("thread/start", { cwd: world.daemon.work })) as {
          thread: { id: string }
        }
        id = thread.id
        await elsewhere.runTurn(id, "echo: from elsewhere")
      }
      assert.ok(!(await ids(world)).includes(id))
      assert.ok((await ids(world, "&refresh=true")).includes(id))
      const { session, transcript } = await read(world, id)
      assert.equal(session.title, "echo: from elsewhere")
      assert.deepEqual(
        transcript.map((e) => e.content),
        ["echo: from elsewhere", "from elsewhere"],
      )
      // Newer binaries keep histories in a database too: there the other program deletes it itself.
      if (world.codexVersion < "0.150")
        for (const name of filesNaming(world, id)) rmSync(join(homeOf(world), name))
      else {
        await using elsewhere = await openElsewhere(world)
        await elsewhere.call("thread/delete", { threadId: id })
      }
      assert.ok(!(await ids(world, "&refresh=true")).includes(id))
      assert.equal((await read(world, id)).transcript.length, 2)
    },
  },
  {
    name: "a delete that the child refuses for a fork's sake hides the session for good, and leaves the fork its history",
    async run(world) {
      const id = await newSession(world)
      await turnOf(world, id, "echo: shared")
      const fork = (await ok(act(world, id, "fork"))) as unknown as SessionRead
      const forkId = fork.session.sessionId
      await turnOf(world, forkId, "echo: own")
      await ok(remove(world, id))
      const fresh = await ids(world, "&refresh=true")
      assert.ok(fresh.includes(forkId) && !fresh.includes(id))
      await world.restart("SIGTERM")
      await untilReady(world)
      const again = await ids(world, "&refresh=true")
      assert.ok(again.includes(forkId) && !again.includes(id))
      assertGone(await get(world, `/api/sessions/${id}`), id, "New chat")
      await turnOf(world, forkId, "echo: on")
      assert.equal((await read(world, forkId)).thread.turns.length, 3)
      // Once the fork is gone, what it needed goes too.
      await ok(remove(world, forkId))
      await get(world, "/api/sessions?refresh=true")
      assert.deepEqual([...filesNaming(world, forkId), ...filesNaming(world, id)], [])
      const { outbox } = (await health(world)) as unknown as { outbox: object }
      assert.deepEqual(outbox, { length: 0, oldestAt: null })
    },
  },
  {
    name: "what is decided while the child hangs is told to the one after it",
    async run(world) {
      const [shelved, doomed, named] = [
        await newSession(world),
        await newSession(world),
        await newSession(world),
      ]
      for (const id of [shelved, doomed, named]) await turnOf(world, id, "echo: hello")
      const { pid } = (await health(world)).codex
      assert.ok(pid)
      await halt(pid)
      const listener = await hear(world)
      const replies = [
        act(world, shelved, "archive"),
        remove(world, doomed),
        act(world, named, "rename", { title: "Heard at last" }),
      ]
      await listener.until((f) => f.type === "session_deleted", "session_deleted")
      process.kill(pid, "SIGKILL")
      for (const { status, body } of await Promise.all(replies))
        assert.equal(status, 200, JSON.stringify(body))
      await untilReady(world, pid)
      assert.ok((await ids(world, "&archived=true&refresh=true")).includes(shelved))
      const active = await ids(world)
      assert.ok(active.includes(named) && !active.includes(shelved) && !active.includes(doomed))
      // The killed child's shell snapshots too, which no binary removes.
      assert.deepEqual(filesNaming(world, doomed), [])
      listener.close()
      // The child itself says so, not only we.
      await world.daemon.end("SIGTERM")
      {
        await using elsewhere = await openElsewhere(world)
        const list = (await elsewhere.call("thread/list", { archived: true, modelProviders: [] })) as {
          data: { id: string }[]
        }
        assert.ok(list.data.some((t) => t.id === shelved))
      }
      await world.restart("SIGTERM")
      await untilReady(world)
    },
  },
]
