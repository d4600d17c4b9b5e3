// The routes of sessions' life and of projects, each with every error that the contract lists, through the whole of HTTP.

import { expect, test } from "bun:test"
import { Fault } from "../../../src/base/fault.ts"
import { createLogger, createMasks } from "../../../src/base/observe/logger.ts"
import { createApi } from "../../../src/edge/http/api.ts"
import { createGate } from "../../../src/edge/http/guards.ts"
import { mustBeDescribed } from "../../support/described.ts"
import { openRooms } from "../../support/rooms.ts"
import { misfits } from "../../support/shapes.ts"

const NOBODY = "0193b2f0-0000-7000-8000-000000000000"
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function start() {
  const house = openRooms()
  Object.assign(house.child, {
    readThread: async () => {
      throw new Fault("not_found", "thread not loaded")
    },
    history: async () => [],
  })
  const logger = createLogger({ clock: house.clock, level: "error", write: () => {}, mask: createMasks() })
  const api = createApi({
    ...house,
    logger,
    gate: createGate({
      find: house.reconcile.find,
      known: (id) => house.rooms.sessions.find(id),
      deleted: house.rooms.tombstones.fault,
    }),
    door: { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] },
    version: "test",
    health: () => ({ status: "ok" }),
  } as never)
  const peer = {
    address: "127.0.0.1",
    loopback: true,
    upgrade: () => false,
    holdOpen: () => {},
    letGo: () => {},
  }
  async function call(method: string, path: string, body?: unknown) {
    const request = new Request(`http://127.0.0.1/api${path}`, {
      method,
      headers: { host: "127.0.0.1", ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const response = await house.settle(api.fetch(request, peer))
    const reply = { status: response?.status ?? 0, body: await response?.json() }
    mustBeDescribed(method, `/api${path}`, reply)
    return [reply.status, reply.body]
  }
  const session = async (fields = {}) => {
    const { session } = await house.settle(house.rooms.sessions.create({}))
    house.now((tx) => house.rooms.sessions.change(tx, session.sessionId, fields))
    return session.sessionId
  }
  const project = async (name: string) => {
    const [, body] = await call("POST", "/projects", { name })
    return body.project.projectId as string
  }
  return { house, call, session, project, types: () => house.told.map((e) => e.type) }
}

/** Routes of one session, with a body that fits. */
const ROUTES: [method: string, path: string, body: unknown][] = [
  ["POST", "/resume", undefined],
  ["POST", "/rename", { title: "Title" }],
  ["POST", "/archive", undefined],
  ["POST", "/unarchive", undefined],
  ["POST", "/project", { projectId: null }],
  ["DELETE", "", undefined],
]

test.each(ROUTES)(
  "%s /sessions/:id%s: 404 for nobody, 403 for the system's, 410 once it is deleted",
  async (method, path, body) => {
    const { house, call, session } = start()
    expect(await call(method, `/sessions/${NOBODY}${path}`, body)).toEqual([
      404,
      { status: "not_found", sessionId: NOBODY },
    ])
    const system = await session({ systemOwned: true })
    const [status, refused] = await call(method, `/sessions/${system}${path}`, body)
    expect([status, refused]).toEqual([
      403,
      { status: "error", code: "system_session", sessionId: system, message: expect.any(String) },
    ])
    const id = await session()
    await house.settle(house.life.remove(id))
    const gone = {
      status: "deleted",
      sessionId: id,
      title: "New chat",
      message: expect.any(String),
      deletedAt: expect.stringMatching(ISO),
    }
    expect(await call(method, `/sessions/${id}${path}`, body)).toEqual([410, gone])
    expect(await call("GET", `/sessions/${id}`)).toEqual([410, gone])
    expect(await call("POST", `/sessions/${id}/messages`, { text: "hello" })).toEqual([410, gone])
    for (const list of ["approvals", "tool-input", "tool-calls"])
      expect(await call("GET", `/sessions/${id}/${list}`)).toEqual([410, gone])
  },
)

test("the order of the gates: the path, then deleted, then the system's, then the body, then existence", async () => {
  const { house, call, session } = start()
  const id = await session()
  await house.settle(house.life.remove(id))
  const bad = { title: "" }
  expect((await call("POST", `/sessions/${id}/rename`, bad))[0]).toBe(410)
  expect((await call("POST", `/sessions/${NOBODY}/rename`, bad))[0]).toBe(400)
  expect((await call("POST", `/sessions/${await session({ systemOwned: true })}/rename`, bad))[0]).toBe(403)
  expect((await call("POST", `/sessions/${id}/resume`, { dynamicTools: 7 }))[0]).toBe(400)
  expect((await call("POST", "/sessions/%20/archive"))[0]).toBe(400)
  const nowhere = { projectId: "none" }
  expect(await call("POST", `/sessions/${NOBODY}/project`, nowhere)).toEqual([
    404,
    { status: "project_not_found", sessionId: NOBODY, projectId: "none" },
  ])
})

test("bodies have the shapes that existing clients declare", async () => {
  const { house, call, session } = start()
  const thread = { preview: "hi", modelProvider: "p", cwd: "/", source: "cli", createdAt: 1, updatedAt: 2 }
  const id = await session()
  house.now((tx) => house.rooms.sessions.learn(tx, { id, ...thread }))
  const shape = async (name: string, answer: Promise<unknown[]>, part = (body: never) => body as unknown) =>
    expect(misfits(name, part((await answer)[1] as never))).toEqual([])
  await shape("CreateSessionResponse", call("POST", `/sessions/${id}/resume`))
  await shape("ReadSessionResponse", call("GET", `/sessions/${id}`))
  for (const what of ["rename", "unarchive"])
    await shape(
      "SessionSummary",
      call("POST", `/sessions/${id}/${what}`, { title: "t" }),
      ({ session }) => session,
    )
  await shape("SessionSummary", call("GET", "/sessions"), ({ data }) => data[0])
  await shape("SessionNotFoundPayload", call("POST", `/sessions/${NOBODY}/archive`))
  const system = await session({ systemOwned: true })
  await shape("SystemSessionError", call("POST", `/sessions/${system}/archive`))
  await call("DELETE", `/sessions/${id}`)
  await shape("DeletedSessionPayload", call("GET", `/sessions/${id}`))
})

test("a rename answers the session, is seen in the list, and is told", async () => {
  const { house, call, session, types } = start()
  const id = await session()
  house.told.length = 0
  const [status, body] = await call("POST", `/sessions/${id}/rename`, { title: "  A title  " })
  expect([status, body.status, body.session.title, body.session.sessionId]).toEqual([
    200,
    "ok",
    "A title",
    id,
  ])
  expect(types()).toEqual(["session.updated"])
  expect(JSON.parse(house.told[0]?.body ?? "")).toEqual({ sessionId: id, changed: ["title"] })
  expect((await call("GET", "/sessions"))[1].data).toEqual([body.session])
  for (const title of ["", " ", "x".repeat(201), 7, undefined])
    expect((await call("POST", `/sessions/${id}/rename`, { title }))[0]).toBe(400)
})

test("archive and back: ours at once, the child told of what it has on its disk", async () => {
  const { house, call, session } = start()
  const [young, old] = [await session(), await session({ materialized: true })]
  house.child.calls.length = 0
  for (const id of [young, old])
    expect(await call("POST", `/sessions/${id}/archive`)).toEqual([200, { status: "ok", sessionId: id }])
  expect(house.child.calls).toEqual([["archive", old]])
  expect((await call("GET", "/sessions"))[1].data).toEqual([])
  expect((await call("GET", "/sessions?archived=true"))[1].data).toHaveLength(2)
  const [status, body] = await call("POST", `/sessions/${old}/unarchive`)
  expect([status, body.status, body.session.sessionId, body.thread.id, body.thread.turns]).toEqual([
    200,
    "ok",
    old,
    old,
    [],
  ])
  expect((await call("GET", "/sessions"))[1].data).toHaveLength(1)
})

test("an archive that the child can't do is 409 not_materialized", async () => {
  const { house, call, session } = start()
  const id = await session({ materialized: true })
  house.child.archiveThread = async () => {
    throw new Fault("not_found", `no rollout found for thread id ${id}`)
  }
  expect(await call("POST", `/sessions/${id}/archive`)).toEqual([
    409,
    { status: "not_materialized", sessionId: id },
  ])
})

test("a resume answers session and thread", async () => {
  const { call, session } = start()
  const id = await session({ materialized: true })
  const [status, body] = await call("POST", `/sessions/${id}/resume`)
  expect([status, body.session.sessionId, body.session.materialized, body.thread.id]).toEqual([
    200,
    id,
    true,
    id,
  ])
  expect((await call("POST", `/sessions/${id}/resume`, { dynamicTools: [{ name: "" }] }))[0]).toBe(400)
})

test("a resume with tools is a start anew for a session without a turn, and refused for one that has other tools", async () => {
  const { house, call, session } = start()
  const [young, old] = [await session(), await session({ materialized: true })]
  const dynamicTools = [{ name: "look", description: "", inputSchema: {} }]
  house.child.calls.length = 0
  expect((await call("POST", `/sessions/${young}/resume`, { dynamicTools }))[0]).toBe(200)
  expect(house.child.calls.some(([what]) => what === "restart")).toBe(true)
  const [status, body] = await call("POST", `/sessions/${old}/resume`, { dynamicTools })
  expect([status, body.code]).toEqual([400, "dynamic_tools_fixed"])
})

test("a delete says what it was, then is 410, and everybody is told", async () => {
  const { house, call, session, types } = start()
  const id = await session()
  house.told.length = 0
  expect(await call("DELETE", `/sessions/${id}`)).toEqual([
    200,
    { status: "ok", sessionId: id, title: "New chat", deletedFileCount: 0 },
  ])
  expect((await call("DELETE", `/sessions/${id}`))[0]).toBe(410)
  expect(types()).toEqual(["session.deleted"])
})

test("projects: names are unique without regard to case, folders are checked, everything is told", async () => {
  const { house, call, types } = start()
  const [status, made] = await call("POST", "/projects", { name: " Zoo ", workingDirectory: "/tmp" })
  expect([status, made]).toEqual([
    200,
    {
      status: "ok",
      orchestrationSession: null,
      project: {
        projectId: expect.any(String),
        name: "Zoo",
        workingDirectory: "/tmp",
        createdAt: expect.stringMatching(ISO),
        updatedAt: expect.stringMatching(ISO),
      },
    },
  ])
  const id = made.project.projectId
  expect(await call("POST", "/projects", { name: "zOO" })).toEqual([
    409,
    { status: "duplicate_name", projectId: id },
  ])
  const [, other] = await call("POST", "/projects", { name: "ape", workingDirectory: null })
  expect(other.project.workingDirectory).toBeNull()
  expect((await call("GET", "/projects"))[1].data.map((p: { name: string }) => p.name)).toEqual([
    "ape",
    "Zoo",
  ])
  for (const workingDirectory of ["/no/such/folder", "/etc/hostname", "relative", ""])
    expect((await call("POST", "/projects", { name: "x", workingDirectory }))[0]).toBe(400)
  for (const name of ["", " ", "x".repeat(121), null])
    expect((await call("POST", "/projects", { name }))[0]).toBe(400)

  house.clock.turn(1_000)
  const rename = (body: unknown) => call("POST", `/projects/${id}/rename`, body)
  const [, same] = await rename({ name: "Zoo" })
  expect(same.project).toEqual(made.project)
  const [, moved] = await rename({ name: "ZOO", workingDirectory: null })
  expect(moved.project).toMatchObject({
    name: "ZOO",
    workingDirectory: null,
    createdAt: made.project.createdAt,
  })
  expect(moved.project.updatedAt > made.project.updatedAt).toBe(true)
  expect(await rename({ name: "APE" })).toEqual([
    409,
    { status: "duplicate_name", projectId: other.project.projectId },
  ])
  expect(await call("POST", "/projects/none/rename", { name: "APE" })).toEqual([
    404,
    { status: "not_found", projectId: "none" },
  ])
  expect((await call("POST", "/projects/none/rename", { name: "" }))[0]).toBe(400)
  expect(await call("DELETE", `/projects/${id}`)).toEqual([
    200,
    { status: "ok", projectId: id, unassignedSessionCount: 0 },
  ])
  expect(await call("DELETE", `/projects/${id}`)).toEqual([404, { status: "not_found", projectId: id }])
  expect(types()).toEqual([
    "project.upserted",
    "project.upserted",
    "project.upserted",
    "project.upserted",
    "project.deleted",
  ])
  expect(house.told.map((e) => [e.scope, e.thread])).toEqual(Array(5).fill(["global", null]))
  expect(JSON.parse(house.told.at(-1)?.body ?? "")).toEqual({ projectId: id, sessionIds: [] })
})

test("assignments are told once, and only an empty project is deleted", async () => {
  const { house, call, session, project } = start()
  const [zoo, sea, id] = [await project("zoo"), await project("sea"), await session()]
  house.told.length = 0
  const put = (projectId: string | null) => call("POST", `/sessions/${id}/project`, { projectId })
  const first = { status: "ok", sessionId: id, projectId: zoo, previousProjectId: null }
  expect(await put(zoo)).toEqual([200, first])
  expect(await put(zoo)).toEqual([200, { ...first, previousProjectId: zoo }])
  expect(house.told.map((e) => [e.type, e.scope, e.thread, JSON.parse(e.body)])).toEqual([
    ["session.project_updated", "global", id, first],
  ])
  expect((await call("GET", `/sessions/${id}`))[1].session.projectId).toBe(zoo)
  expect(await call("DELETE", `/projects/${zoo}`)).toEqual([
    409,
    { status: "project_not_empty", projectId: zoo, sessionCount: 1 },
  ])
  expect((await put(sea))[1].previousProjectId).toBe(zoo)
  expect((await call("DELETE", `/projects/${zoo}`))[0]).toBe(200)
  expect((await put(null))[1]).toEqual({
    status: "ok",
    sessionId: id,
    projectId: null,
    previousProjectId: sea,
  })
  expect((await call("POST", `/sessions/${id}/project`, {}))[0]).toBe(400)
})

test("vanished and system-owned sessions don't hold a project", async () => {
  const { house, call, session, project } = start()
  const id = await project("zoo")
  const gone = await session({ projectId: id, vanished: true })
  const worker = await session({ systemOwned: true })
  house.now((tx) => house.rooms.projects.keepAgent(tx, { owner: id, agent: "supervisor", sessionId: worker }))
  expect((await call("GET", `/projects/${id}/agent-sessions`))[1]).toEqual({
    status: "ok",
    projectId: id,
    data: [{ agent: "supervisor", sessionId: worker, systemOwned: true }],
  })
  expect((await call("DELETE", `/projects/${id}`))[0]).toBe(200)
  expect(house.rooms.sessions.find(gone)?.projectId).toBeUndefined()
  expect(house.rooms.sessions.find(worker)).toBeUndefined()
})

test("another working directory dismisses a project's agents", async () => {
  const { house, call, session, project } = start()
  const [id, worker] = [await project("zoo"), await session({ systemOwned: true })]
  house.now((tx) => house.rooms.projects.keepAgent(tx, { owner: id, agent: "supervisor", sessionId: worker }))
  await call("POST", `/projects/${id}/rename`, { name: "zoo 2" })
  expect(house.rooms.projects.agents(id)).toHaveLength(1)
  await call("POST", `/projects/${id}/rename`, { name: "zoo 2", workingDirectory: "/tmp" })
  expect(house.rooms.projects.agents(id)).toEqual([])
  expect(house.rooms.sessions.find(worker)).toBeUndefined()
})

test("agents of a session are listed whether it is known or not; those of no project are 404", async () => {
  const { call } = start()
  const empty = (projectId: string) => [200, { status: "ok", projectId, data: [] }]
  expect(await call("GET", "/projects/session:abc/agent-sessions")).toEqual(empty("session:abc"))
  expect(await call("GET", "/projects/session%3Aabc/agent-sessions")).toEqual(empty("session:abc"))
  for (const id of ["none", "session:"])
    expect(await call("GET", `/projects/${id}/agent-sessions`)).toEqual([
      404,
      { status: "not_found", projectId: id },
    ])
})

test("move-all is all or nothing", async () => {
  const { house, call, session, project } = start()
  const id = await project("zoo")
  const move = (destination: unknown) => call("POST", `/projects/${id}/chats/move-all`, { destination })
  const counts = (moved: number, archived: number, already: number) => ({
    status: "ok",
    projectId: id,
    movedSessionCount: moved,
    archivedSessionCount: archived,
    alreadyArchivedSessionCount: already,
  })
  expect(await move("archive")).toEqual([200, { ...counts(0, 0, 0), destination: "archive" }])
  expect((await move("elsewhere"))[0]).toBe(400)
  expect(await call("POST", "/projects/none/chats/move-all", { destination: "archive" })).toEqual([
    404,
    { status: "not_found", projectId: "none" },
  ])
  const shelved = await session({ projectId: id, archived: true, materialized: true })
  const old = await session({ projectId: id, materialized: true })
  const young = await session({ projectId: id })
  expect(await move("archive")).toEqual([
    409,
    { status: "not_materialized_sessions", projectId: id, sessionIds: [young] },
  ])
  expect([shelved, old, young].map((one) => house.rooms.sessions.find(one)?.projectId)).toEqual([id, id, id])
  expect(house.rooms.sessions.find(old)?.archived).toBe(false)
  await call("POST", `/sessions/${young}/project`, { projectId: null })
  house.told.length = 0
  expect(await move("archive")).toEqual([200, { ...counts(2, 1, 1), destination: "archive" }])
  const moves = house.told.filter((e) => e.type === "session.project_updated")
  expect(moves.map((e) => [e.scope, JSON.parse(e.body).projectId])).toEqual(Array(2).fill(["global", null]))
  expect(new Set(moves.map((e) => JSON.parse(e.body).sessionId))).toEqual(new Set([shelved, old]))
  await call("POST", `/sessions/${young}/project`, { projectId: id })
  expect(await move("unassigned")).toEqual([200, { ...counts(1, 0, 0), destination: "unassigned" }])
})

test("delete-all deletes what is there and lets go of what vanished", async () => {
  const { house, call, session, project } = start()
  const id = await project("zoo")
  const ids = [await session({ projectId: id }), await session({ projectId: id, archived: true })]
  const gone = await session({ projectId: id, vanished: true })
  expect(await call("POST", `/projects/${id}/chats/delete-all`)).toEqual([
    200,
    { status: "ok", projectId: id, deletedSessionCount: 2, skippedSessionCount: 1 },
  ])
  expect(ids.map((one) => house.rooms.tombstones.has(one))).toEqual([true, true])
  expect(house.rooms.sessions.find(gone)?.projectId).toBeUndefined()
  expect(await call("POST", "/projects/none/chats/delete-all", {})).toEqual([
    404,
    { status: "not_found", projectId: "none" },
  ])
})

test("a list that is to be fresh reads the child's first, and fails with it", async () => {
  const { house, call } = start()
  let pages = 0
  Object.assign(house.child, {
    listThreads: async ({ archived }: { archived: boolean }) => {
      pages++
      return {
        data: archived
          ? []
          : [{ id: "elsewhere", preview: "hi", modelProvider: "p", cwd: "/", source: "cli" }],
        nextCursor: null,
      }
    },
  })
  expect((await call("GET", "/sessions"))[1].data).toEqual([])
  const [, fresh] = await call("GET", "/sessions?refresh=true")
  expect(fresh.data.map((s: { title: string }) => s.title)).toEqual(["hi"])
  expect(pages).toBe(2)
  expect((await call("GET", "/sessions?refresh=yes"))[0]).toBe(400)
  Object.assign(house.child, {
    listThreads: async () => {
      throw new Fault("runtime_unavailable", "codex is waiting")
    },
  })
  expect((await call("GET", "/sessions?refresh=true"))[0]).toBe(503)
  expect((await call("GET", "/sessions"))[1].data).toHaveLength(1)
})
