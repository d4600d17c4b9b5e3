// The repository workflows, black box: what becomes of a change of files at each risk and setting, who was first, and that rows
// end whatever dies. The scripted model takes the risk from words in the change.

import { strict as assert } from "node:assert"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type Body, type Frame, type Listener, listen } from "../../support/client.ts"
import { within } from "../../support/daemon.ts"
import {
  approvalOf,
  decide,
  type Entry,
  ended,
  entriesOf,
  get,
  health,
  hear,
  newSession,
  post,
  type Row,
  read,
  send,
  untilReady,
  type World,
} from "../world.ts"

export const LEVELS = ["low", "med", "high"] as const
type Level = (typeof LEVELS)[number]
const rank = (level: Level) => LEVELS.indexOf(level)

export interface Case extends World {
  projectId: string
}
interface JobRow {
  id: string
  state: string
  error: string | null
  sourceSessionId: string | null
  payload: Record<string, unknown>
}

const REVIEW = "file_change_supervisor_review"
const TURN_REVIEW = "turn_supervisor_review"

/** Once the extensions are there: what Codex says before is not heard by them. */
export async function openCase(world: World): Promise<Case> {
  const loaded = async () =>
    (await get<{ modules: { agentId: string }[] }>(world, "/api/agents/extensions")).body.modules
  const isThere = async () => {
    while (!(await loaded()).some(({ agentId }) => agentId === "supervisor")) await undefined
  }
  await within(isThere(), () => "the supervisor is not loaded")
  const { body } = await post(world, "/api/projects", { name: `Watched ${world.codexVersion}` })
  const { projectId } = body.project as { projectId: string }
  return Object.assign(Object.create(world) as World, { projectId })
}

/** A session of the project with those settings; named, unless its name is what it is about. */
async function watched(at: Case, fileChange: object, title: string | null = "Named"): Promise<string> {
  const sessionId = await newSession(at, { filesystemSandbox: "read-only" })
  await post(at, `/api/sessions/${sessionId}/project`, { projectId: at.projectId })
  if (title !== null) await post(at, `/api/sessions/${sessionId}/rename`, { title })
  const settings = { supervisor: { fileChange } }
  const { status } = await post(at, `/api/sessions/${sessionId}/settings`, { scope: "session", settings })
  assert.equal(status, 200)
  return sessionId
}

/** A turn that waits because it wants to change a file. */
async function changing(at: Case, sessionId: string, { file, risk }: { file: string; risk: string }) {
  const listener = await hear(at, `threadId=${sessionId}`)
  const turnId = await send(at, sessionId, `patch: ${file} | risk: ${risk}`)
  const { payload } = await approvalOf(listener, turnId)
  return { listener, turnId, approvalId: payload.approvalId as string }
}

const jobsOf = async (at: Case): Promise<JobRow[]> =>
  (await get<{ data: JobRow[] }>(at, `/api/projects/${at.projectId}/orchestrator/jobs`)).body.data

/** The session's job of that kind, once `is` holds. */
async function jobWhere(at: Case, about: { sessionId: string; kind: string }, is: (job: JobRow) => boolean) {
  const listener = await listen(at.daemon, "families=job")
  try {
    for (;;) {
      const heard = listener.frames.length
      const found = (await jobsOf(at)).find(
        ({ sourceSessionId, payload }) =>
          sourceSessionId === about.sessionId && payload.jobKind === about.kind,
      )
      if (found && is(found)) return found
      await listener.until((f) => f.type.startsWith("orchestrator_job"), `a ${about.kind} job`, heard)
    }
  } finally {
    listener.close()
  }
}
const isOver = ({ state }: JobRow) => !["queued", "running"].includes(state)

async function done(at: Case, sessionId: string, kind = REVIEW): Promise<JobRow> {
  const job = await jobWhere(at, { sessionId, kind }, isOver)
  assert.equal(job.state, "completed", String(job.error))
  return job
}

const rowOf = (rows: Entry[], type: string): Entry | undefined => rows.find((row) => row.type === type)
const rowsOf = async (at: Case, sessionId: string, turnId: string) =>
  entriesOf(await read(at, sessionId), turnId)
const isOpen = async (at: Case, sessionId: string, approvalId: string): Promise<boolean> => {
  const { body } = await get<{ data: Row[] }>(at, `/api/sessions/${sessionId}/approvals`)
  return body.data.some((row) => row.approvalId === approvalId)
}
const isSteer = ({ type, content }: Entry): boolean =>
  type === "userMessage" && content.includes("The scripted model's input")
const decisionsIn = (listener: Listener): unknown[] =>
  listener.frames.filter(({ type }) => type === "approval_resolved").map(({ payload }) => payload.decision)

/** Explained and judged under the change, named, and reviewed at its end. A person decides. */
export async function explains(at: Case): Promise<void> {
  const sessionId = await watched(at, {}, null)
  const { listener, turnId, approvalId } = await changing(at, sessionId, {
    file: "explained.txt",
    risk: "med",
  })
  await done(at, sessionId)
  const rows = await rowsOf(at, sessionId, turnId)
  const change = rowOf(rows, "fileChange")
  for (const [type, prefix] of [
    ["fileChange.explainability", "file-change-explain"],
    ["fileChange.supervisorInsight", "file-change-supervisor-insight"],
  ] as const) {
    const row = rowOf(rows, type)
    assert.equal(row?.messageId, `${prefix}::${sessionId}::${turnId}::${change?.messageId}`)
    assert.deepEqual([row?.status, row?.role], ["complete", "system"])
    assert.match(row?.content ?? "", /at risk med/)
    assert.deepEqual(JSON.parse(row?.details ?? "{}"), { anchorItemId: change?.messageId, approvalId })
  }
  const places = ["fileChange", "fileChange.explainability", "fileChange.supervisorInsight"].map((type) =>
    rows.findIndex((row) => row.type === type),
  )
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    "the explanation, then the insight, under the change",
  )
  assert.ok(await isOpen(at, sessionId, approvalId), "nothing is decided unasked")
  await decide(at, approvalId, "accept")
  await ended(listener, turnId)
  await done(at, sessionId, TURN_REVIEW)
  const review = rowOf(await rowsOf(at, sessionId, turnId), "turn.supervisorReview")
  assert.equal(review?.messageId, `turn-supervisor-review::${sessionId}::${turnId}`)
  assert.equal(review?.status, "complete")
  await done(at, sessionId, "session_initial_rename")
  assert.equal((await read(at, sessionId)).session.title, "The scripted model's title, at risk med.")
  listener.close()
}

/** What the settings allow, at that risk: the change is accepted, declined, or waits on. */
export async function decides(at: Case, { fileChange, risk, expected }: Decided): Promise<void> {
  const sessionId = await watched(at, { diffExplainability: false, ...fileChange })
  const file = `${sessionId}.txt`
  const { listener, turnId, approvalId } = await changing(at, sessionId, { file, risk })
  await done(at, sessionId)
  const rows = await rowsOf(at, sessionId, turnId)
  assert.equal(rowOf(rows, "fileChange.explainability"), undefined)
  if (expected === undefined) {
    assert.ok(
      await isOpen(at, sessionId, approvalId),
      `${JSON.stringify(fileChange)} at ${risk} waits for a person`,
    )
    await decide(at, approvalId, "decline")
  }
  await ended(listener, turnId)
  assert.deepEqual(decisionsIn(listener), [expected ?? "decline"])
  assert.equal(existsSync(join(at.daemon.work, file)), expected === "accept")
  listener.close()
}
export interface Decided {
  fileChange: object
  risk: Level
  expected: "accept" | "decline" | undefined
}

/** Below, at and above a threshold of med. */
export const autoCases = (risks: readonly Level[] = LEVELS): Decided[] =>
  risks.flatMap((risk): Decided[] => {
    const [up, from] = [rank(risk) <= rank("med"), rank(risk) >= rank("med")]
    const on = { enabled: true, threshold: "med" }
    return [
      { fileChange: { autoActions: { approve: on } }, risk, expected: up ? "accept" : undefined },
      { fileChange: { autoReject: on }, risk, expected: from ? "decline" : undefined },
      {
        fileChange: { autoActions: { approve: on, reject: on } },
        risk,
        expected: from ? "decline" : "accept",
      },
    ]
  })

/** A word to the turn while it waits; with only this on there are no rows, and nothing is decided. */
export async function steers(at: Case, risk: Level): Promise<void> {
  const steer = { enabled: true, threshold: "med" }
  const sessionId = await watched(at, { diffExplainability: false, autoActions: { steer } })
  const { listener, turnId, approvalId } = await changing(at, sessionId, { file: "steered.txt", risk })
  await done(at, sessionId)
  assert.ok(await isOpen(at, sessionId, approvalId))
  await decide(at, approvalId, "decline")
  await ended(listener, turnId)
  const rows = await rowsOf(at, sessionId, turnId)
  const said = rows.filter(isSteer)
  assert.equal(said.length, rank(risk) >= rank("med") ? 1 : 0, JSON.stringify(rows))
  assert.equal(rowOf(rows, "fileChange.supervisorInsight"), undefined)
  listener.close()
}

/** Everything is on, and a person decides before the supervisor looks: that stands, and the jobs are well. */
export async function personFirst(at: Case, risks: readonly Level[]): Promise<void> {
  const on = { enabled: true, threshold: "med" }
  const hold = await post(at, "/api/orchestrator/queue/pause", { type: "agent_instruction" })
  assert.equal(hold.status, 200, JSON.stringify(hold.body))
  const overruled = risks.map(async (risk) => {
    const sessionId = await watched(at, { autoActions: { approve: on, reject: on, steer: on } })
    const { listener, turnId, approvalId } = await changing(at, sessionId, { file: `${sessionId}.txt`, risk })
    await jobWhere(at, { sessionId, kind: REVIEW }, ({ state }) => state === "queued")
    const mine = rank(risk) >= rank("med") ? "accept" : "decline"
    assert.equal((await decide(at, approvalId, mine)).status, 200)
    await ended(listener, turnId)
    return { sessionId, listener, turnId, mine }
  })
  const all = await Promise.all(overruled)
  await post(at, "/api/orchestrator/queue/resume", { type: "agent_instruction" })
  for (const { sessionId, listener, turnId, mine } of all) {
    await done(at, sessionId)
    assert.deepEqual(decisionsIn(listener), [mine])
    assert.equal(existsSync(join(at.daemon.work, `${sessionId}.txt`)), mine === "accept")
    const rows = await rowsOf(at, sessionId, turnId)
    assert.equal(rowOf(rows, "fileChange.supervisorInsight")?.status, "complete")
    assert.ok(!rows.some(isSteer))
    listener.close()
  }
}

/** A suggestion is the supervisor's, in the person's session. */
export async function suggests(at: Case): Promise<void> {
  const sessionId = await watched(at, {})
  const draft = "now says suggestion: Add a test."
  const { status, body } = await post<Body>(at, `/api/sessions/${sessionId}/suggested-request`, { draft })
  assert.deepEqual([status, body.status, body.suggestion], [200, "ok", "Add a test."], JSON.stringify(body))
  const job = await done(at, sessionId, "suggest_request")
  assert.equal(job.payload.agent, "supervisor")
}

/** Its worker never answers; the child is killed, then the daemon: the rows are there, wait, and end. */
export async function survives(at: Case): Promise<void> {
  const sessionId = await watched(at, {})
  const { listener, turnId, approvalId } = await changing(at, sessionId, {
    file: "kept.txt",
    risk: "low, worker: hang",
  })
  const isRow = ({ type, payload }: Frame) =>
    type === "transcript_updated" && (payload.entry as Entry).type === "fileChange.supervisorInsight"
  await listener.until(isRow, "the rows are promised")
  const job = await jobWhere(at, { sessionId, kind: REVIEW }, ({ state }) => state === "running")
  const before = await health(at)
  process.kill(before.codex.pid ?? 0, "SIGKILL")
  await untilReady(at, before.codex.pid)
  listener.close()
  const statuses = async () =>
    (await rowsOf(at, sessionId, turnId))
      .filter(({ type }) => /explain|Insight/.test(type))
      .map(({ status }) => status)
  assert.deepEqual(await statuses(), ["streaming", "streaming"])
  await at.restart("SIGKILL")
  await untilReady(at)
  assert.ok(await isOpen(at, sessionId, approvalId), "the change waits on")
  await post(at, `/api/orchestrator/jobs/${job.id}/cancel`)
  const over = await jobWhere(at, { sessionId, kind: REVIEW }, isOver)
  assert.ok(["canceled", "failed"].includes(over.state), over.state)
  const ends = await statuses()
  assert.equal(ends.length, 2)
  assert.ok(
    ends.every((status) => status === "canceled" || status === "error"),
    ends.join(),
  )
  await decide(at, approvalId, "decline")
}

/** A worker that fails: the rows say so, and the person decides as ever. */
export async function fails(at: Case): Promise<void> {
  const sessionId = await watched(at, {})
  const { listener, turnId, approvalId } = await changing(at, sessionId, {
    file: "no.txt",
    risk: "low, worker: fail",
  })
  const job = await jobWhere(at, { sessionId, kind: REVIEW }, isOver)
  assert.equal(job.state, "failed")
  const rows = await rowsOf(at, sessionId, turnId)
  for (const type of ["fileChange.explainability", "fileChange.supervisorInsight"]) {
    assert.equal(rowOf(rows, type)?.status, "error")
    assert.match(rowOf(rows, type)?.content ?? "", /could not .*\(agent turn failed/)
  }
  assert.equal((await decide(at, approvalId, "decline")).status, 200)
  await ended(listener, turnId)
  listener.close()
}
