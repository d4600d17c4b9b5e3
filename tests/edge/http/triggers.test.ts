// Schedules and signed webhooks through the whole of HTTP, with a clock by hand: each time and each delivery starts one job.

import { expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import { createTriggers } from "../../../src/flow/jobs/triggers.ts"
import { startJobs } from "../../support/jobs.ts"

const HOUR = 3_600_000
const MESSAGE = { kind: "session.message", payload: { sessionId: "s", text: "go" } }

async function start(config: object = {}, token?: string) {
  const made = await startJobs({ orchestratorQueueMaxPerProject: 50, ...config }, undefined, token)
  const { house, call, triggers } = made
  triggers.start()
  /** Turns the clock in steps and lets what is due happen. */
  async function turn(ms: number, step = ms) {
    for (let left = ms; left > 0; left -= step) {
      house.clock.turn(step)
      await house.settle(house.db.act(() => undefined))
    }
  }
  const schedule = async (more: object = {}) => {
    const body = { name: "n", cron: "0 * * * *", job: MESSAGE, ...more }
    return (await call("POST", "/schedules", body))[1].schedule.scheduleId as string
  }
  const runs = async (id: string) => (await call("GET", `/schedules/${id}/runs`))[1].data
  const queued = async () => (await call("GET", "/orchestrator/jobs"))[1].data
  return { ...made, turn, schedule, runs, queued }
}

test("a schedule starts its job at its time, in its zone, and says what came of it", async () => {
  const { call, schedule, turn, runs, pause, house } = await start()
  await pause()
  // 2023-11-14T22:13:20Z: the next 23:30 in Berlin is 22:30Z.
  expect(house.clock.now()).toBe(1_700_000_000_000)
  const id = await schedule({ cron: "30 23 * * *", timeZone: "Europe/Berlin" })
  const [, before] = await call("GET", `/schedules/${id}`)
  expect(before.schedule).toMatchObject({
    nextAt: "2023-11-14T22:30:00.000Z",
    lastDueAt: null,
    missed: "once",
  })
  await turn(HOUR / 2, 30_000)
  const all = await runs(id)
  expect(all).toMatchObject([{ outcome: "enqueued", dueAt: "2023-11-14T22:30:00.000Z", error: null }])
  const [, { job }] = await call("GET", `/orchestrator/jobs/${all[0].jobId}`)
  expect(job).toMatchObject({ type: "session.message", projectId: "session:s", sourceSessionId: "s" })
  expect((await call("GET", `/schedules/${id}`))[1].schedule).toMatchObject({
    nextAt: "2023-11-15T22:30:00.000Z",
    lastJobId: all[0].jobId,
  })
})

test("no overlap unless it is asked for", async () => {
  const { schedule, turn, runs, pause } = await start()
  await pause()
  const one = await schedule()
  const both = await schedule({ overlap: true })
  await turn(2 * HOUR, 60_000)
  expect((await runs(one)).map((r: { outcome: string }) => r.outcome)).toEqual([
    "skipped_overlap",
    "enqueued",
  ])
  expect((await runs(both)).map((r: { outcome: string }) => r.outcome)).toEqual(["enqueued", "enqueued"])
})

test("times that passed while nobody was there are made up for once, or not at all", async () => {
  const { schedule, turn, runs, pause, triggers, house, jobs } = await start()
  await pause()
  const once = await schedule()
  const skip = await schedule({ missed: "skip" })
  triggers[Symbol.dispose]()
  await turn(5 * HOUR)
  // The next run of the daemon.
  const again = createTriggers({ ...house, jobs, onFault: (error) => void house.faults.push(error) })
  again.start()
  await turn(1)
  expect((await runs(once)).map((r: { outcome: string }) => r.outcome)).toEqual(["enqueued"])
  expect((await runs(skip)).map((r: { outcome: string }) => r.outcome)).toEqual(["missed"])
  again[Symbol.dispose]()
})

test("a clock that is set back brings no time twice, and none is lost when it was far ahead", async () => {
  const { schedule, turn, runs, pause, house } = await start()
  await pause()
  const id = await schedule({ overlap: true })
  await turn(HOUR, 60_000)
  expect(await runs(id)).toHaveLength(1)
  const { now } = house.clock
  let back = 2 * HOUR
  Object.assign(house.clock, { now: () => now() - back })
  await turn(2 * HOUR - 60_000, 30_000)
  expect(await runs(id)).toHaveLength(1)
  await turn(2 * HOUR, 30_000)
  expect((await runs(id)).map((r: { dueAt: string }) => r.dueAt)).toEqual([
    "2023-11-15T01:00:00.000Z",
    "2023-11-15T00:00:00.000Z",
    "2023-11-14T23:00:00.000Z",
  ])
  // It had been wrong by a year all the time.
  back += 365 * 24 * HOUR
  await turn(2 * HOUR, 30_000)
  expect(await runs(id)).toHaveLength(5)
})

test("a full queue refuses a time, and its run says so", async () => {
  const { schedule, turn, runs, pause, call, house, jobs } = await start()
  await pause()
  for (let i = 0; i < 50; i++)
    await house.settle(
      jobs.queue().enqueue({ type: "session.message", owner: "session:s", payload: MESSAGE.payload }),
    )
  const id = await schedule({ overlap: true })
  await turn(HOUR, 60_000)
  expect(await runs(id)).toMatchObject([
    { outcome: "refused", jobId: null, error: "the queue is full: 50 of this owner jobs wait or run" },
  ])
  const { data } = (await call("GET", "/orchestrator/jobs?state=queued&limit=1"))[1]
  await call("POST", `/orchestrator/jobs/${data[0].jobId ?? data[0].id}/cancel`)
  await turn(HOUR, 60_000)
  expect((await runs(id)).map((r: { outcome: string }) => r.outcome)).toEqual(["enqueued", "refused"])
})

test("each day has its time once, also when summer time begins and ends", async () => {
  const { schedule, turn, runs, pause, house } = await start()
  await pause()
  const { now } = house.clock
  for (const [day, times] of [
    // 02:30 is not there on the 31st: it comes with the jump to 03:00. On the 27th it is there twice.
    ["2024-03-30T23:00:00Z", ["2024-03-31T01:00", "2024-04-01T00:30"]],
    ["2024-10-26T23:00:00Z", ["2024-10-27T00:30", "2024-10-28T01:30"]],
  ] as const) {
    const ahead = Date.parse(day) - house.clock.now()
    const before = house.clock.now
    Object.assign(house.clock, { now: () => before() + ahead })
    const id = await schedule({ cron: "30 2 * * *", timeZone: "Europe/Berlin", overlap: true })
    await turn(27 * HOUR, 30 * 60_000)
    const due = (await runs(id)).map((r: { dueAt: string }) => r.dueAt.slice(0, 16))
    expect(due.reverse()).toEqual([...times])
  }
  Object.assign(house.clock, { now })
}, 60_000)

test("killed at any moment, with a clock that jumps, no time comes twice and none is left out", async () => {
  const { schedule, turn, pause, triggers, house, jobs } = await start({
    orchestratorQueueMaxPerProject: 500,
  })
  await pause()
  const id = await schedule({ overlap: true })
  const { now } = house.clock
  let shift = 0
  Object.assign(house.clock, { now: () => now() + shift })
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  let alive: Pick<typeof triggers, "schedules" | "start"> & Disposable = triggers
  let latest = house.clock.now()
  const first = latest
  for (let i = 0; i < 80; i++) {
    if (random(4) === 0) shift -= random(90) * 60_000
    await turn(random(60) * 60_000 + 1, 10 * 60_000)
    latest = Math.max(latest, house.clock.now())
    if (random(3) > 0) continue
    // What it was about to write is lost or not; the next run looks at once.
    alive[Symbol.dispose]()
    alive = createTriggers({ ...house, jobs, onFault: (error) => void house.faults.push(error) })
    alive.start()
  }
  await turn(1, 1)
  const due = alive.schedules.runs(id, 1_000).map((run) => run.dueAt ?? 0)
  expect(due.length).toBeGreaterThan(10)
  expect(new Set(due).size).toBe(due.length)
  expect(due.toSorted((a, b) => b - a)).toEqual(due)
  // Steps are shorter than an hour and kills take no time: every hour that the clock has shown has its run.
  const hours: number[] = []
  for (let at = Math.ceil(first / HOUR) * HOUR; at <= latest; at += HOUR) hours.push(at)
  expect(due.toReversed()).toEqual(hours)
  expect(house.faults).toEqual([])
  expect(jobs.queue().stats().queued).toBe(due.length)
  alive[Symbol.dispose]()
}, 60_000)

test("schedules are checked, changed, switched off and deleted", async () => {
  const { call, schedule, turn, runs, queued } = await start()
  const body = { name: "n", cron: "0 * * * *", job: MESSAGE }
  expect((await call("POST", "/schedules", { ...body, cron: "every day" }))[0]).toBe(400)
  expect((await call("POST", "/schedules", { ...body, cron: "99 * * * *" }))[0]).toBe(400)
  expect((await call("POST", "/schedules", { ...body, timeZone: "Nowhere/Land" }))[0]).toBe(400)
  expect(await call("POST", "/schedules", { ...body, job: { kind: "toString", payload: {} } })).toMatchObject(
    [409, { code: "unknown_job_type" }],
  )
  expect(await call("POST", "/schedules", { ...body, job: { ...MESSAGE, payload: {} } })).toMatchObject([
    400,
    { code: "invalid_payload" },
  ])
  const id = await schedule()
  expect(await call("PATCH", `/schedules/${id}`, { enabled: false, name: "off" })).toMatchObject([
    200,
    { schedule: { enabled: false, name: "off", cron: "0 * * * *", nextAt: null } },
  ])
  await turn(2 * HOUR, 60_000)
  expect(await runs(id)).toEqual([])
  await call("PATCH", `/schedules/${id}`, { enabled: true })
  await turn(HOUR, 60_000)
  expect(await runs(id)).toHaveLength(1)
  expect((await call("DELETE", `/schedules/${id}`))[0]).toBe(200)
  for (const [method, path] of [
    ["GET", ""],
    ["PATCH", ""],
    ["DELETE", ""],
    ["GET", "/runs"],
  ] as const)
    expect((await call(method, `/schedules/${id}${path}`, method === "PATCH" ? {} : undefined))[0]).toBe(404)
  expect(await queued()).toHaveLength(1)
  await turn(HOUR / 2, 60_000)
  expect(await queued()).toHaveLength(1)
})

const sign = (secret: string, timestamp: number, body: string) => ({
  "x-codexd-timestamp": String(timestamp),
  "x-codexd-signature": `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`,
})

test("a signed delivery starts its job once, from anywhere and without the token", async () => {
  const { call, house, pause, jobs } = await start({}, "a-secret-token")
  await pause()
  const key = { authorization: "Bearer a-secret-token" }
  const payload = { sessionId: "s", text: "CI: {{body.run.name}} — {{ body.missing }}{{body}}" }
  const hook = { name: "ci", job: { kind: "session.message", payload } }
  expect((await call("POST", "/hooks", hook))[0]).toBe(401)
  const [status, made] = await call("POST", "/hooks", hook, key)
  expect([status, made.hook.secret]).toEqual([200, "[masked]"])
  const { secret } = made
  expect(house.masks.apply(`x ${secret}`)).not.toContain(secret)
  expect(JSON.stringify((await call("GET", "/hooks", undefined, key))[1])).not.toContain(secret)

  const body = JSON.stringify({ run: { name: "build" } })
  const now = Math.floor(house.clock.now() / 1_000)
  const foreign = { origin: "https://ci.example", host: "hooks.example" }
  const good = { ...sign(secret, now, body), ...foreign }
  const [taken, first] = await call("POST", "/hooks/ci", body, good)
  expect([taken, first.status]).toEqual([202, "queued"])
  const [, { job }] = await call("GET", `/orchestrator/jobs/${first.jobId}`, undefined, key)
  expect(job.payload.text).toBe(`CI: build — ${body}`)
  expect(await call("POST", "/hooks/ci", body, good)).toEqual([
    202,
    { status: "already_queued", jobId: first.jobId },
  ])

  const refused = [401, { status: "error", code: "signature_refused", message: expect.any(String) }]
  const bad: [string, string, Record<string, string>][] = [
    ["ci", body, {}],
    ["ci", `${body} `, good],
    ["ci", body, sign("another", now, body)],
    ["ci", body, sign(secret, now - 301, body)],
    ["ci", body, sign(secret, now + 301, body)],
    ["ci", body, { ...good, "x-codexd-timestamp": String(now + 1) }],
    ["ci", body, { ...good, "x-codexd-signature": "sha256=zz" }],
    ["nobody", body, good],
  ]
  for (const [name, text, headers] of bad)
    expect(await call("POST", `/hooks/${name}`, text, headers)).toEqual(refused)

  // Another start of the daemon remembers what was delivered, and its secret is masked again.
  const again = createTriggers({ ...house, jobs, onFault: () => undefined })
  const delivery = { timestamp: String(now), signature: good["x-codexd-signature"], body }
  expect(await house.settle(again.hooks.deliver("ci", delivery))).toMatchObject({
    job: first.jobId,
    outcome: "already_queued",
  })

  const [, rotated] = await call("POST", "/hooks/ci/rotate", undefined, key)
  expect(await call("POST", "/hooks/ci", body, sign(secret, now + 2, body))).toEqual(refused)
  const fresh = sign(rotated.secret, now + 2, body)
  expect((await call("POST", "/hooks/ci", body, fresh))[0]).toBe(202)
  expect((await call("GET", "/hooks/ci/runs", undefined, key))[1].data).toHaveLength(2)
  await call("PATCH", "/hooks/ci", { enabled: false }, key)
  expect(await call("POST", "/hooks/ci", body, sign(rotated.secret, now + 3, body))).toEqual(refused)
  expect((await call("POST", "/hooks", hook, key))[0]).toBe(409)
  expect((await call("DELETE", "/hooks/ci", undefined, key))[0]).toBe(200)
  expect((await call("GET", "/hooks/ci/runs", undefined, key))[0]).toBe(404)
})

test("with the queue switched off a schedule can't be made and a delivery is refused with the reason", async () => {
  const { call } = await startJobs({ orchestratorQueueEnabled: false })
  const body = { name: "n", cron: "0 * * * *", job: MESSAGE }
  expect((await call("POST", "/schedules", body))[0]).toBe(503)
  expect((await call("POST", "/hooks", { name: "ci", job: MESSAGE }))[0]).toBe(503)
})
