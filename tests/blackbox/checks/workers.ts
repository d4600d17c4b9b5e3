// Workers, black box: suggestions by route, instructions by an extension of the test, what an agent may touch, and deaths.

import { strict as assert } from "node:assert"
import { type Body, type Frame, type Listener, listen } from "../../support/client.ts"
import {
  approvalOf,
  type Check,
  type Entry,
  ended,
  get,
  health,
  hear,
  newSession,
  post,
  read,
  runTurn,
  send,
  untilReady,
  type World,
} from "../world.ts"

interface JobRow {
  id: string
  state: string
  error: string | null
  result: Record<string, unknown> | null
  attempts: number
  payload: Record<string, unknown>
  runningContext: { threadId: string | null; turnId: string | null }
}

/** The extension that hands in what a message says behind `job:`; its agent may do everything. */
export const TESTER = {
  manifest: {
    name: "tester",
    version: "1.0.0",
    agentId: "tester",
    displayName: "Tester",
    capabilities: { events: ["*"], actions: ["*"] },
  },
  events: `export default (registry) => {
  registry.on("suggest_request.requested", ({ payload: asked }, tools) => {
    const { requestKey, sessionId, projectId, turnId, turnTranscript, draft } = asked
    const properties = { requestKey: { const: requestKey }, status: { const: "complete" }, suggestion: { type: "string" } }
    const effects = [{ action: "suggestion.upsert", input: { properties, required: Object.keys(properties) } }]
    const ids = { projectId, sourceSessionId: sessionId, threadId: sessionId, turnId }
    const payload = {
      ...ids, agent: "tester", jobKind: "suggest_request", dedupeKey: "suggest_request:" + sessionId,
      instructionText: turnTranscript + "\\n" + draft + "\\n\`\`\`json\\n" + JSON.stringify({ effects }) + "\\n\`\`\`",
      actions: ["suggestion.upsert"], completionSignal: { kind: "suggested_request", requestKey },
      fallbackSuggestionDraft: draft,
    }
    return tools.enqueueJob({ type: "agent_instruction", projectId, sourceSessionId: sessionId, payload })
  })
  registry.on("app_server.item.completed", async (event, tools) => {
    const { params, context, session } = event.payload
    if (params.item.type !== "userMessage" || !session) return
    const text = params.item.content.map((part) => part.text ?? "").join("\\n")
    const found = /^job: (.*)$/m.exec(text)
    if (!found) return
    const projectId = session.projectId ?? "session:" + session.id
    const ids = { projectId, sourceSessionId: session.id, threadId: session.id, turnId: context.turnId }
    const payload = { agent: "tester", jobKind: "test", ...ids, ...JSON.parse(found[1]) }
    return tools.enqueueJob({ type: "agent_instruction", projectId, sourceSessionId: session.id, payload })
  })
}
`,
}

const block = (effects: object[], more: object = {}): string =>
  `\n\`\`\`json\n${JSON.stringify({ effects, ...more })}\n\`\`\``
const fixed = (values: Record<string, unknown>, free: string[] = []) => ({
  type: "object",
  properties: {
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { const: value }])),
    ...Object.fromEntries(free.map((name) => [name, { type: "string" }])),
  },
  required: [...Object.keys(values), ...free],
})

/** Hands in an instruction by a message to the session. Its turn is over then: 0.105 never tells a message that joins a turn late. */
async function instruct(world: World, sessionId: string, payload: object): Promise<string> {
  const listener = await hear(world, `threadId=${sessionId}`)
  const turnId = await send(world, sessionId, `job: ${JSON.stringify(payload)}`)
  const queued = await listener.until((f) => f.type === "orchestrator_job_queued", "the job is queued")
  await ended(listener, turnId)
  listener.close()
  return queued.payload.jobId as string
}

const ENDS = ["orchestrator_job_completed", "orchestrator_job_failed", "orchestrator_job_canceled"]
export async function jobOf({ daemon }: World, id: string): Promise<JobRow> {
  const reply = await get<{ job: JobRow }>({ daemon } as World, `/api/orchestrator/jobs/${id}`)
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  return reply.body.job
}
async function overOf(world: World, id: string): Promise<JobRow> {
  const listener = await listen(world.daemon, "families=job")
  const isOver = ({ state }: JobRow) => !["queued", "running"].includes(state)
  if (!isOver(await jobOf(world, id)))
    await listener.until(
      (f: Frame) => ENDS.includes(f.type) && f.payload.jobId === id,
      `the end of job ${id}`,
    )
  listener.close()
  return jobOf(world, id)
}

const rowsOf = async (world: World, sessionId: string, type: string): Promise<Entry[]> =>
  (await read(world, sessionId)).transcript.filter((entry) => entry.type === type)

const suggest = (world: World, sessionId: string, path = "", body: object = {}) =>
  post<Body>(world, `/api/sessions/${sessionId}/suggested-request${path}`, body)

const updated = (listener: Listener, requestKey: string, status = "complete") =>
  listener.until(
    (f) =>
      f.type === "suggested_request_updated" &&
      f.payload.requestKey === requestKey &&
      f.payload.status === status,
    `the suggestion ${requestKey} is ${status}`,
  )

export const workerChecks: readonly Check[] = [
  {
    name: "a suggestion is waited for, and is the worker's own text",
    async run(world) {
      const sessionId = await newSession(world)
      await runTurn(world, sessionId, "Make a greeting.\necho: done; says suggestion: Now test the greeting.")
      const { status, body } = await suggest(world, sessionId)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body.status, "ok", JSON.stringify(body))
      assert.equal(body.suggestion, "Now test the greeting.")
    },
  },
  {
    name: "the queued form answers at once and a frame brings the text; one is under way at a time",
    async run(world) {
      const sessionId = await newSession(world)
      const listener = await hear(world, `threadId=${sessionId}`)
      const [first, second] = await Promise.all([
        suggest(world, sessionId, "/jobs", { draft: "now says suggestion: Add a test" }),
        suggest(world, sessionId, "/jobs", { draft: "other" }),
      ])
      assert.deepEqual([first.status, second.status], [202, 202])
      assert.deepEqual([first.body.dedupe, second.body.dedupe].sort(), ["already_queued", "enqueued"])
      assert.equal(first.body.requestKey, second.body.requestKey)
      assert.equal(first.body.projectId, `session:${sessionId}`)
      const told = await updated(listener, first.body.requestKey as string)
      assert.equal(told.payload.suggestion, "Add a test")
      assert.equal((await overOf(world, first.body.jobId as string)).state, "completed")
      listener.close()
    },
  },
  {
    name: "a worker is hidden, kept, told once what it is, and acts by tools alone",
    async run(world) {
      const sessionId = await newSession(world)
      const everybody = await hear(world)
      const ask = async () => {
        const { body } = await suggest(world, sessionId, "", { draft: "x" })
        assert.equal(body.status, "ok", JSON.stringify(body))
        const jobs = await get<{ data: JobRow[] }>(
          world,
          `/api/projects/session:${sessionId}/orchestrator/jobs`,
        )
        return jobs.body.data.at(-1)?.runningContext.threadId ?? ""
      }
      const worker = await ask()
      assert.equal(await ask(), worker)
      // Its job is over with its suggestion, which may be a moment before its turn.
      const own = await listen(world.daemon, `threadId=${worker}`)
      const isStreaming = ({ type, status }: Entry) =>
        type === "agent.worker.lifecycle" && status === "streaming"
      for (let heard = 0; (await read(world, worker)).transcript.some(isStreaming); heard = own.frames.length)
        await own.until((f) => f.type === "transcript_updated", "its turn is over", heard)
      own.close()
      const { session, transcript, thread } = await read(world, worker)
      assert.equal(session.sessionControls.filesystemSandbox, "read-only")
      assert.equal(session.sessionControls.networkAccess, "restricted")
      assert.equal(session.sessionControls.approvalPolicy, "never")
      assert.equal(thread.turns.length, 3, "one orientation, two jobs")
      const phases = transcript
        .filter(({ type }) => type === "agent.worker.lifecycle")
        .map(({ details = "{}", status }) => [JSON.parse(details).phase, status])
      assert.deepEqual(phases.map(String).sort(), [
        "core_orientation,complete",
        "job_execution,complete",
        "job_execution,complete",
      ])
      const list = await get<{ data: { sessionId: string }[] }>(world, "/api/sessions")
      assert.ok(!list.body.data.some((one) => one.sessionId === worker))
      const all = await get<{ data: { sessionId: string }[] }>(world, "/api/sessions?includeSystemOwned=true")
      assert.ok(all.body.data.some((one) => one.sessionId === worker))
      assert.equal((await post(world, `/api/sessions/${worker}/messages`, { text: "hi" })).status, 403)
      const leaked = everybody.frames.filter(
        (f) => f.threadId === worker && (f.type.startsWith("app_server.") || f.type === "session_created"),
      )
      assert.deepEqual(leaked, [])
      everybody.close()
    },
  },
  {
    name: "an agent writes the rows that it was promised, and decides the approval of its turn",
    async run(world) {
      const sessionId = await newSession(world)
      const listener = await hear(world, `threadId=${sessionId}`)
      const turnId = await send(world, sessionId, "run: touch risky.txt\necho: ok")
      const approval = await approvalOf(listener, turnId)
      const { approvalId, itemId } = approval.payload
      const target = { messageId: `review::${turnId}`, type: "turn.review", placeholderTexts: ["reviewing"] }
      const effects = [
        {
          action: "transcript.upsert",
          input: fixed({ messageId: target.messageId, type: target.type, status: "complete" }, ["content"]),
        },
        {
          action: "approval.decide",
          input: fixed({ approvalId, decision: "decline" }),
          when: { risk: { atLeast: "high" } },
          group: "decision",
        },
        {
          action: "approval.decide",
          input: fixed({ approvalId, decision: "accept" }),
          when: { risk: { atMost: "med" } },
          group: "decision",
        },
      ]
      const other = await newSession(world)
      const job = await instruct(world, other, {
        sourceSessionId: sessionId,
        threadId: sessionId,
        turnId,
        itemId,
        approvalId,
        supplementalTargets: [target],
        instructionText: `risk: high\nsays content: It touches a file.${block(effects)}`,
      })
      await ended(listener, turnId)
      const done = await overOf(world, job)
      assert.equal(done.state, "completed", String(done.error))
      const [row] = await rowsOf(world, sessionId, "turn.review")
      assert.deepEqual([row?.content, row?.status], ["It touches a file.", "complete"])
      const resolved = listener.frames.find((f) => f.type === "approval_resolved")
      assert.equal(resolved?.payload.decision, "decline")
      listener.close()
    },
  },
  {
    name: "an answer is a row that grows; intents are performed here, within the job's reach",
    async run(world) {
      const sessionId = await newSession(world)
      const said = await instruct(world, sessionId, {
        expectResponse: "assistant_text",
        instructionText: "echo: what I think of it",
      })
      assert.deepEqual((await overOf(world, said)).result, { status: "ok", outputText: "what I think of it" })
      const [row] = (await rowsOf(world, sessionId, "agent.jobOutput")).filter(({ messageId }) =>
        messageId.endsWith(said),
      )
      assert.deepEqual([row?.content, row?.status], ["what I think of it", "complete"])
      const rename = [{ action: "session.rename", input: fixed({}, ["title"]) }]
      const intents = await instruct(world, sessionId, {
        jobKind: "intents",
        expectResponse: "action_intents",
        instructionText: `says title: Greetings${block(rename, { answer: "action_intents" })}`,
      })
      const performed = await overOf(world, intents)
      assert.equal(performed.state, "completed", String(performed.error))
      assert.equal((await read(world, sessionId)).session.title, "Greetings")
      const elsewhere = [
        {
          action: "transcript.upsert",
          input: fixed({ sessionId: "other", messageId: "m", type: "t", status: "complete", content: "c" }),
        },
      ]
      const refused = await instruct(world, sessionId, {
        jobKind: "refused",
        expectResponse: "action_intents",
        instructionText: `no${block(elsewhere, { answer: "action_intents" })}`,
      })
      const failed = await overOf(world, refused)
      assert.equal(failed.state, "failed")
      assert.match(failed.error ?? "", /forbidden.*scope_session_mismatch/)
    },
  },
  {
    name: "a turn that fails fails its job, and its promised rows say so; a job without rows leaves none",
    async run(world) {
      const sessionId = await newSession(world)
      const target = { messageId: "promised", type: "turn.review", errorFallback: "no review" }
      const id = await instruct(world, sessionId, {
        supplementalTargets: [target],
        instructionText: "fail: 400 it broke",
      })
      const job = await overOf(world, id)
      assert.equal(job.state, "failed")
      assert.match(job.error ?? "", /agent turn failed/)
      const [row] = await rowsOf(world, sessionId, "turn.review")
      assert.equal(row?.status, "error")
      assert.match(row?.content ?? "", /^no review \(agent turn failed/)
      const quiet = await newSession(world)
      const silent = await instruct(world, quiet, { instructionText: "fail: 400 it broke" })
      assert.equal((await overOf(world, silent)).state, "failed")
      assert.deepEqual(await rowsOf(world, quiet, "agent.jobOutput"), [])
    },
  },
  {
    name: "a cancelled job interrupts its worker's turn, which is ready for the next",
    async run(world) {
      const sessionId = await newSession(world)
      const id = await instruct(world, sessionId, { instructionText: "echo: one\nhang" })
      const worker = await workerAt(world, id, "one")
      assert.equal((await post(world, `/api/orchestrator/jobs/${id}/cancel`)).status, 200)
      const job = await overOf(world, id)
      assert.deepEqual([job.state, job.error], ["canceled", "cancel_requested"])
      const next = await instruct(world, sessionId, { jobKind: "next", instructionText: "echo: two" })
      const done = await overOf(world, next)
      assert.deepEqual([done.state, done.runningContext.threadId], ["completed", worker])
    },
  },
  {
    name: "a job whose child died is done on a fresh turn of the same worker, whose tools still work",
    async run(world) {
      const sessionId = await newSession(world)
      const before = await health(world)
      const target = { messageId: "promised", type: "turn.review" }
      const id = await instruct(world, sessionId, {
        supplementalTargets: [target],
        instructionText: `echo: one\nhang\nrestarted:\necho: two`,
      })
      const worker = await workerAt(world, id, "one")
      const first = await jobOf(world, id)
      process.kill(before.codex.pid ?? 0, "SIGKILL")
      const own = await listen(world.daemon, `threadId=${worker}`)
      await untilReady(world, before.codex.pid)
      const isFresh = async () => {
        const { attempts, runningContext } = await jobOf(world, id)
        const { turnId, threadId } = runningContext
        return (
          attempts === 2 && threadId === worker && turnId !== null && turnId !== first.runningContext.turnId
        )
      }
      for (let heard = 0; !(await isFresh()); heard = own.frames.length)
        await own.until(
          (f) => f.type === "notification" || f.type === "transcript_updated",
          "a fresh turn",
          heard,
        )
      own.close()
      assert.equal((await post(world, `/api/orchestrator/jobs/${id}/cancel`)).status, 200)
      await overOf(world, id)
      const [row] = await rowsOf(world, sessionId, "turn.review")
      assert.equal(row?.status, "canceled")
      const rename = [{ action: "session.rename", input: fixed({}, ["title"]) }]
      const after = await instruct(world, sessionId, {
        jobKind: "after",
        instructionText: `says title: Still here${block(rename)}`,
      })
      const done = await overOf(world, after)
      assert.deepEqual([done.state, done.runningContext.threadId], ["completed", worker])
      assert.equal((await read(world, sessionId)).session.title, "Still here")
    },
  },
  {
    name: "a daemon killed amid a job: its project's worker does it again, and it ends once, with its rows",
    async run(world) {
      const { body } = await post<{ project: { projectId: string } }>(world, "/api/projects", {
        name: `jobs-${world.codexVersion}`,
      })
      const { projectId } = body.project
      const sessionId = await newSession(world, { projectId })
      const before = await listen(world.daemon, "families=job")
      const id = await instruct(world, sessionId, {
        projectId,
        supplementalTargets: [{ messageId: "promised", type: "turn.review", errorFallback: "no review" }],
        instructionText: "echo: one\nhang",
      })
      const worker = await workerAt(world, id, "one")
      assert.equal((await read(world, worker)).session.projectId, projectId)
      const first = await jobOf(world, id)
      const since = `since=${before.ready.log}.${before.ready.seq ?? before.frames[0]?.seq}`
      await world.restart("SIGKILL")
      await untilReady(world)
      const frames = await listen(world.daemon, `families=job&${since}`)
      const isFresh = ({ attempts, runningContext: { turnId } }: JobRow) =>
        attempts === 2 && turnId !== null && turnId !== first.runningContext.turnId
      const own = await listen(world.daemon, `threadId=${worker}`)
      for (let heard = 0; !isFresh(await jobOf(world, id)); heard = own.frames.length)
        await own.until((f) => f.type === "notification", "a fresh turn", heard)
      own.close()
      assert.equal((await jobOf(world, id)).runningContext.threadId, worker)
      assert.equal((await rowsOf(world, sessionId, "turn.review"))[0]?.status, "streaming")
      // Attempts are two: what is killed again is over.
      await world.restart("SIGKILL")
      await untilReady(world)
      const done = await overOf(world, id)
      assert.deepEqual([done.state, done.attempts], ["failed", 2])
      const again = await listen(world.daemon, `families=job&${since}`)
      assert.equal(again.ready.resume, "ok")
      const next = await instruct(world, sessionId, {
        projectId,
        jobKind: "next",
        instructionText: "echo: two",
      })
      assert.equal((await overOf(world, next)).runningContext.threadId, worker)
      await again.until((f) => f.type === ENDS[0] && f.payload.jobId === next, "the next one's end")
      const ends = again.frames.filter((f) => ENDS.includes(f.type) && f.payload.jobId === id)
      assert.deepEqual(
        ends.map(({ type }) => type),
        ["orchestrator_job_failed"],
      )
      for (const listener of [before, frames, again]) listener.close()
      const rows = await rowsOf(world, sessionId, "turn.review")
      assert.deepEqual(
        rows.map(({ status }) => status),
        ["error"],
      )
      assert.match(rows[0]?.content ?? "", /^no review/)
      const list = await get<{ data: { sessionId: string }[] }>(world, "/api/sessions")
      assert.deepEqual(
        list.body.data.filter((one) => one.sessionId === worker),
        [],
      )
      const left = (await read(world, worker)).transcript.filter(({ status }) => status === "streaming")
      assert.deepEqual(left, [])
    },
  },
  {
    name: "workers go with whom they work for",
    async run(world) {
      const sessionId = await newSession(world)
      const { body } = await suggest(world, sessionId, "", { draft: "x" })
      assert.equal(body.status, "ok")
      const jobs = await get<{ data: JobRow[] }>(
        world,
        `/api/projects/session:${sessionId}/orchestrator/jobs`,
      )
      const worker = jobs.body.data[0]?.runningContext.threadId
      assert.equal((await get(world, `/api/sessions/${worker}`)).status, 200)
      const deleted = await fetch(`${world.daemon.url}/api/sessions/${sessionId}`, { method: "DELETE" })
      assert.equal(deleted.status, 200)
      assert.equal((await get(world, `/api/sessions/${worker}`)).status, 410)
    },
  },
]

/** The session that a job runs in, once its model has said that. */
async function workerAt(world: World, id: string, said: string): Promise<string> {
  for (;;) {
    const { runningContext, state } = await jobOf(world, id)
    assert.ok(["queued", "running"].includes(state), state)
    const worker = runningContext.threadId
    if (worker === null) continue
    const own = await listen(world.daemon, `threadId=${worker}`)
    const isSaid = (text: string) => text.includes(`"${said}"`)
    if (!(await read(world, worker)).transcript.some(({ content }) => content === said))
      await own.until((f) => isSaid(JSON.stringify(f.payload)), `it says ${said}`)
    own.close()
    return worker
  }
}
