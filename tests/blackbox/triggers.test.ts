// Jobs, schedules and webhooks, black box: one daemon with the real Codex and the scripted model, killed over a schedule's time.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import { ask, type Frame } from "../support/client.ts"
import { COMMANDS, codexBin, type Daemon, openPlace, type Place } from "../support/daemon.ts"
import { get, hear, isNotification, newSession, post, read, untilReady, type World } from "./world.ts"

const NET_MS = 60_000
const VERSION = "0.169.0"

interface Run {
  at: string
  dueAt: string
  outcome: string
  jobId: string | null
}
let place: Place
let world: World
let sessionId: string
let start: () => Promise<Daemon>

beforeAll(async () => {
  place = openPlace("triggers")
  start = () => place.start({ command: COMMANDS.bun, codexBin: codexBin(VERSION) })
  world = {
    place,
    codexVersion: VERSION,
    daemon: await start(),
    restart: async (signal) => {
      const exit = await world.daemon.end(signal)
      world.daemon = await start()
      return exit
    },
  }
  await untilReady(world)
  sessionId = await newSession(world)
}, NET_MS)
afterAll(async () => await place[Symbol.asyncDispose](), NET_MS)

const message = (text: string) => ({ kind: "session.message", payload: { sessionId, text } })
const completed = (jobId?: string) => (frame: Frame) =>
  frame.type === "orchestrator_job_completed" && (jobId === undefined || frame.payload.jobId === jobId)
const runsOf = async (path: string) =>
  ((await get(world, `/api/${path}/runs`)).body.data as Run[]).toReversed()
const said = async (text: string) =>
  (await read(world, sessionId)).transcript.filter(
    ({ role, content }) => role === "user" && content.includes(text),
  )

test(
  "a signed delivery becomes a message to the session, once, also after a kill",
  async () => {
    const { body } = await post(world, "/api/hooks", {
      name: "ci",
      job: message("echo: {{body.run}} is done"),
    })
    const secret = body.secret as string
    const deliver = (text: string, key = secret) => {
      const timestamp = String(Math.floor(Date.now() / 1_000))
      const hex = createHmac("sha256", key).update(`${timestamp}.${text}`).digest("hex")
      return { "x-codexd-timestamp": timestamp, "x-codexd-signature": `sha256=${hex}` }
    }
    const send = (text: string, headers: Record<string, string>) =>
      ask(world.daemon.url, "/api/hooks/ci", {
        method: "POST",
        raw: text,
        headers: { "content-type": "application/json", ...headers },
      })
    const text = JSON.stringify({ run: "build 7" })
    const good = deliver(text)
    const listener = await hear(world)
    const taken = await send(text, good)
    expect([taken.status, taken.body.status]).toEqual([202, "queued"])
    const jobId = taken.body.jobId as string
    await listener.until(completed(jobId), "the end of the job")
    // A job is over when its message was taken; the message's entry comes with the item that tells of it.
    await listener.until(
      (f) => isNotification("item/completed")(f) && f.payload.params?.item?.type === "userMessage",
      "the message's item",
    )
    listener.close()
    const { body: told } = await get(world, `/api/orchestrator/jobs/${jobId}`)
    expect(told.job).toMatchObject({ state: "completed", attempts: 1, result: { sessionId } })
    expect(await said("build 7 is done")).toHaveLength(1)

    expect((await send(text, deliver(text, "another"))).status).toBe(401)
    expect((await send(`${text} `, good)).status).toBe(401)
    const again = await send(text, good)
    expect([again.status, again.body]).toMatchObject([202, { status: "already_queued", jobId }])
    await world.restart("SIGKILL")
    await untilReady(world)
    const later = await send(text, good)
    expect([later.status, later.body]).toMatchObject([202, { status: "already_queued", jobId }])
    expect(await said("build 7 is done")).toHaveLength(1)
    expect((await runsOf("hooks/ci")).length).toBe(1)
  },
  NET_MS,
)

test(
  "a schedule's times come, and those that passed while it was killed are made up for once",
  async () => {
    const listener = await hear(world)
    const { body } = await post(world, "/api/schedules", {
      name: "each second",
      cron: "* * * * * *",
      overlap: true,
      job: message("echo: tick"),
    })
    const { scheduleId } = body.schedule as { scheduleId: string }
    const path = `schedules/${scheduleId}`
    await listener.until(completed(), "the end of a job")
    const before = await runsOf(path)
    expect(before[0]?.outcome).toBe("enqueued")
    await world.daemon.end("SIGKILL")
    listener.close()
    const killedAt = Date.now()
    // Two times pass with nobody there.
    while (Date.now() < killedAt + 2_000) await new Promise((resolve) => setImmediate(resolve))
    world.daemon = await start()
    await untilReady(world)
    const heard = await hear(world)
    await heard.until(completed(), "the end of a job")
    heard.close()
    await post(world, "/api/orchestrator/queue/pause")
    expect(
      (await ask(world.daemon.url, `/api/${path}`, { method: "PATCH", json: { enabled: false } })).status,
    ).toBe(200)
    const runs = await runsOf(path)
    const due = runs.map(({ dueAt }) => dueAt)
    expect(new Set(due).size).toBe(due.length)
    expect(runs.every(({ outcome, jobId }) => outcome === "enqueued" && jobId !== null)).toBe(true)
    // Of the seconds in which nobody was there one at most was written before the kill, and one was made up for.
    const dead = runs.filter(
      ({ dueAt }) => Date.parse(dueAt) > killedAt - 1_000 && Date.parse(dueAt) < killedAt + 2_000,
    )
    expect(dead.length).toBeLessThanOrEqual(2)
    const late = runs.filter(({ at, dueAt }) => Date.parse(at) - Date.parse(dueAt) >= 1_000)
    expect(late.some(({ at }) => Date.parse(at) >= killedAt + 2_000)).toBe(true)
  },
  NET_MS,
)
