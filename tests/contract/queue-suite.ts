// What the queue promises on both bindings and both runtimes: the scenarios by which job queues are known to fail.

import assert from "node:assert/strict"
import { isFault } from "../../src/base/fault.ts"
import type { SqlDriver } from "../../src/base/storage/port.ts"
import { makeFolder, openRig, Passing, quiet, type Rig, type RigOptions, until } from "../engine/queue/rig.ts"

export interface Suite {
  name: string
  test(name: string, body: () => void | Promise<void>): void
  open(path: string): SqlDriver
}

type Options = Partial<Omit<RigOptions, "open">>

export function queueSuite({ name, test, open }: Suite): void {
  const place = (title: string, body: (rig: (options?: Options) => Rig) => Promise<void>): void =>
    test(`${name}: ${title}`, async () => {
      using folder = makeFolder()
      const opened: Rig[] = []
      const rig = (options: Options = {}) => {
        const clock = opened.at(-1)?.clock
        const made = openRig(folder.path, { open, ...options }, clock)
        opened.push(made)
        return made
      }
      try {
        await body(rig)
      } finally {
        for (const { kill } of opened) kill()
      }
    })
  const started = (title: string, body: (rig: Rig) => Promise<void>, options: Options = {}): void =>
    place(title, async (rig) => {
      const one = rig(options)
      await one.queue.start()
      await body(one)
    })

  lifePromises(started)
  claimPromises(started, place)
  failurePromises(started)
  cancelPromises(started, place)
  recoveryPromises(place, started)
  upkeepPromises(started, place)
}

type Started = (title: string, body: (rig: Rig) => Promise<void>, options?: Options) => void
type Place = (title: string, body: (rig: (options?: Options) => Rig) => Promise<void>) => void

function lifePromises(started: Started): void {
  started("a job is told, run and kept with its result", async ({ add, runOf, queue, toldOf }) => {
    const job = await add({ a: 1 }, { source: "S" })
    assert.equal(job.state, "queued")
    const run = await runOf(job.id)
    assert.deepEqual(run.payload, { a: 1 })
    await run.says.progress({ stage: "half" })
    await run.says.note({ threadId: "t" })
    await run.says.log("a line")
    run.done({ fine: true })
    const over = await queue.over(job.id)
    assert.ok(over)
    assert.equal(over.state, "completed")
    assert.deepEqual(JSON.parse(over.result ?? ""), { fine: true })
    assert.equal(over.context, '{"threadId":"t"}')
    assert.equal(over.progress, '{"stage":"half"}')
    assert.deepEqual(
      queue.logs(over).map(({ text }) => text),
      ["a line"],
    )
    assert.deepEqual(toldOf(job.id), ["queued", "started", "progress", "completed"])
    assert.equal(over.attempt, 1)
  })

  started(
    "whoever waits for a job hears of its end, or goes when it wants",
    async ({ add, runOf, queue }) => {
      const job = await add()
      const leaving = new AbortController()
      const left = queue.over(job.id, leaving.signal)
      const staying = queue.over(job.id)
      const run = await runOf(job.id)
      leaving.abort()
      assert.equal((await left)?.state, "running")
      run.done()
      assert.equal((await staying)?.state, "completed")
      assert.equal((await queue.over("nobody"))?.state, undefined)
    },
  )

  started("a job may wait for its time", async ({ add, clock, runs, runOf, turn }) => {
    const later = await add({}, { runAt: clock.now() + 5_000 })
    const now = await add({ quick: 1 }, { owner: "Q" })
    await runOf(now.id)
    await turn(4_999)
    assert.equal(runs.length, 1)
    await turn(1)
    ;(await runOf(later.id)).done()
  })

  started("keys find twins, in each of the four modes", async ({ queue, add, runOf }) => {
    const given = { type: "work", owner: "P", dedupeKey: "k" }
    const add2 = (mode: "single_flight" | "drop_duplicate" | "merge_duplicate" | "none", payload: object) =>
      queue.enqueue({ ...given, payload, dedupe: mode })
    const first = await add({ n: 1 }, { dedupeKey: "k" })
    const same = await add2("single_flight", { n: 2 })
    assert.deepEqual([same.outcome, same.job.id], ["already_queued", first.id])
    const merged = await add2("merge_duplicate", { m: 3 })
    assert.deepEqual([merged.outcome, merged.job.payload], ["merged", '{"n":1,"m":3}'])
    const other = await add2("none", {})
    assert.equal(other.outcome, "enqueued")
    assert.notEqual(other.job.id, first.id)
    const elsewhere = await queue.enqueue({ ...given, owner: "Q", payload: {} })
    assert.equal(elsewhere.outcome, "enqueued")
    ;(await runOf(first.id)).done()
    await queue.over(first.id)
    ;(await runOf(other.job.id)).done()
    await queue.over(other.job.id)
    assert.equal((await add2("drop_duplicate", {})).outcome, "duplicate")
    assert.equal((await add2("single_flight", {})).outcome, "enqueued")
  })

  started(
    "a full queue says so, after it looked for a twin, and takes more when there is room",
    async ({ add, queue, runOf }) => {
      const first = await add({}, { dedupeKey: "k" })
      await add()
      await assert.rejects(add(), (error) => isFault(error, "queue_full"))
      assert.equal((await add({}, { dedupeKey: "k" })).id, first.id)
      const both = await Promise.allSettled([add({}, { owner: "Q" }), add({}, { owner: "Q" })])
      assert.deepEqual(
        both.map(({ status }) => status),
        ["fulfilled", "rejected"],
      )
      ;(await runOf(first.id)).done()
      await queue.over(first.id)
      await add()
    },
    { rules: { limits: { perOwner: 2, total: 3 } } },
  )

  started("what nobody can run is refused at the door", async ({ queue }) => {
    const given = { owner: "P", payload: {} }
    await assert.rejects(queue.enqueue({ ...given, type: "nothing" }), (e) => isFault(e, "unknown_job_type"))
    await assert.rejects(queue.enqueue({ ...given, type: "toString" }), (e) => isFault(e, "unknown_job_type"))
    await assert.rejects(queue.enqueue({ ...given, type: "work", payload: { bad: 1 } }), (e) =>
      isFault(e, "invalid_payload"),
    )
    assert.equal(queue.stats().queued, 0)
  })
}

function claimPromises(started: Started, place: Place): void {
  started("an owner's jobs run in order, one at a time", async ({ add, runs, runOf, queue }) => {
    const jobs = [await add(), await add(), await add()]
    for (const [at, job] of jobs.entries()) {
      const run = await runOf(job.id)
      await quiet()
      assert.equal(runs.length, at + 1)
      run.done()
      await queue.over(job.id)
    }
  })

  started(
    "they run in order however many there are, and whichever are canceled or come due meanwhile",
    async ({ add, queue, runs, clock, turn }) => {
      await queue.pause()
      const ids: string[] = []
      const late = await add({ quick: 1 }, { runAt: clock.now() + 10 })
      for (let i = 0; i < 200; i++) ids.push((await add({ quick: 1 })).id)
      const gone = [0, 3, 63, 64, 65, 128, 150, 199].map((i) => ids[i] ?? "")
      await queue.resume()
      await until(() => runs.length === 2)
      for (const id of gone.slice(1)) await queue.cancel(id, "x")
      await turn(10)
      await until(() => queue.stats().queued + queue.stats().running === 0)
      const ran = runs.map(({ job }) => job.id)
      assert.equal(new Set(ran).size, ran.length)
      assert.ok(ran.includes(late.id))
      const canceled = new Set(ids.filter((id) => queue.find(id)?.state === "canceled"))
      assert.ok(canceled.size >= gone.length - 2)
      assert.deepEqual(
        ran.filter((id) => id !== late.id),
        ids.filter((id) => !canceled.has(id)),
      )
    },
    { rules: { limits: { perOwner: 999, total: 999 } } },
  )

  started("owners share the places, and no more run than there are", async ({ add, runs, runOf }) => {
    for (const owner of ["A", "A", "B", "B", "C"]) await add({}, { owner })
    await quiet()
    assert.deepEqual(
      runs.map(({ job }) => job.owner),
      ["A", "B"],
    )
    runs[0]?.done()
    await until(() => runs.length === 3)
    assert.equal(runs[2]?.job.owner, "C")
    runs[1]?.done()
    await until(() => runs.length === 4)
    assert.equal(runs[3]?.job.owner, "A")
    await runOf(runs[3]?.job.id ?? "")
  })

  started(
    "one owner may be given more places",
    async ({ add, runs }) => {
      const jobs = [await add(), await add(), await add()]
      await quiet()
      assert.deepEqual(
        runs.map(({ job }) => job.id),
        jobs.slice(0, 2).map(({ id }) => id),
      )
    },
    { rules: { perOwner: 2, concurrency: 5 } },
  )

  started(
    "background jobs come after interactive ones, but not for ever",
    async ({ add, runs, turn }) => {
      await add({}, { lane: "background" })
      await until(() => runs.length === 1)
      await add({ name: "old" }, { lane: "background" })
      for (let i = 0; i < 5; i++) await add({ name: i })
      await turn(15_000)
      for (let i = 0; i < 6; i++) {
        runs[i]?.done()
        await until(() => runs.length === i + 2)
      }
      assert.deepEqual(
        runs.slice(1).map(({ payload }) => payload.name),
        [0, 1, 2, "old", 3, 4],
      )
    },
    { rules: { concurrency: 1 } },
  )

  place("two queues over one database never run a job twice", async (rig) => {
    // One connection writes, as in the daemon: two workers share it.
    const one = rig({ rules: { concurrency: 3, perOwner: 5 } })
    const two = rig({ rules: { concurrency: 3, perOwner: 5 }, worker: "worker-2" })
    await one.queue.start()
    await two.queue.start()
    const ids: string[] = []
    for (let i = 0; i < 20; i++) ids.push((await one.add({ quick: 1 }, { owner: `o${i % 4}` })).id)
    await until(() => {
      one.clock.turn(1_000)
      return ids.every((id) => one.queue.find(id)?.state === "completed")
    })
    const ran = [...one.runs, ...two.runs].map(({ job }) => job.id)
    assert.equal(ran.length, ids.length)
    assert.equal(new Set(ran).size, ids.length)
  })

  started("a wake-up that was lost is made up for by the poll", async ({ driver, runs, turn }) => {
    driver.exec(`INSERT INTO jobs (id, type, version, owner, lane, state, waits, payload, attempt, max_attempts, created_at)
      VALUES ('unseen', 'work', 1, 'P', 'interactive', 'queued', 0, '{}', 0, 2, 1)`)
    await quiet()
    assert.equal(runs.length, 0)
    await turn(1_000)
    assert.equal(runs[0]?.job.id, "unseen")
  })

  started("a row that can't be read fails alone", async ({ driver, add, queue, turn, faults, toldOf }) => {
    const insert = (id: string, values: string) =>
      driver.exec(`INSERT INTO jobs (id, type, version, owner, lane, state, waits, payload, created_at, attempt, max_attempts)
        VALUES ('${id}', 'work', 1, 'P', 'interactive', 'queued', 0, ${values}, 0, 2)`)
    insert("no-json", `'{', 1`)
    insert("no-number", `'{}', 9007199254740993`)
    const good = await add({ quick: 1 })
    await turn(1_000)
    await turn(1_000)
    assert.equal(queue.find(good.id)?.state, "completed")
    const bad = ["no-json", "no-number"].map((id) => queue.find(id))
    assert.deepEqual(
      bad.map((job) => [job?.state, job?.error?.split(":")[0]]),
      [
        ["failed", "invalid_payload"],
        ["failed", "undecodable_row"],
      ],
    )
    assert.equal(faults.length, 1)
    assert.equal(toldOf("no-number").at(-1), "failed")
  })

  started("pauses hold the queue, or one type, also over a restart", async ({ queue, add, runs, runOf }) => {
    await queue.pause("other")
    const other = await add({}, { type: "other" })
    const work = await add({}, { owner: "Q" })
    ;(await runOf(work.id)).done()
    await queue.over(work.id)
    assert.deepEqual(queue.paused(), { all: false, types: ["other"] })
    await queue.pause()
    const more = await add({}, { owner: "Q" })
    await queue.resume("other")
    await quiet()
    assert.equal(runs.length, 1)
    await queue.resume()
    await runOf(other.id)
    await runOf(more.id)
  })
}

function failurePromises(started: Started): void {
  started("a failure that passes is retried at once, and then the attempts are used up", async (rig) => {
    const { add, runOf, queue, toldOf } = rig
    const job = await add()
    ;(await runOf(job.id)).fail(new Passing("busy"))
    const second = await runOf(job.id, 2)
    assert.equal(queue.find(job.id)?.history[0]?.error, "busy")
    second.fail(new Passing("still busy"))
    const over = await queue.over(job.id)
    assert.deepEqual([over?.state, over?.error, over?.attempt], ["failed", "still busy", 2])
    assert.deepEqual(toldOf(job.id), ["queued", "started", "started", "failed"])
  })

  started("later retries wait longer and longer", async ({ add, runOf, queue, turn, runs }) => {
    const job = await add({}, { maxAttempts: 4 })
    ;(await runOf(job.id)).fail(new Passing())
    ;(await runOf(job.id, 2)).fail(new Passing())
    await quiet()
    assert.equal(queue.find(job.id)?.state, "queued")
    await turn(999)
    assert.equal(runs.length, 2)
    await turn(1)
    ;(await runOf(job.id, 3)).fail(new Passing())
    await quiet()
    await turn(1_999)
    assert.equal(runs.length, 3)
    await turn(1)
    ;(await runOf(job.id, 4)).done()
    assert.equal((await queue.over(job.id))?.history.length, 3)
  })

  started("any other failure is the last word", async ({ add, runOf, queue }) => {
    const job = await add()
    ;(await runOf(job.id)).fail(new Error("no"))
    const over = await queue.over(job.id)
    assert.deepEqual([over?.state, over?.error, over?.attempt], ["failed", "no", 1])
  })

  started("a result that is no JSON fails its job", async ({ add, runOf, queue }) => {
    const job = await add()
    ;(await runOf(job.id)).done(1n)
    assert.match((await queue.over(job.id))?.error ?? "", /no JSON/)
  })

  started("at its deadline a run is stopped, retried, and late words change nothing", async (rig) => {
    const { add, runOf, queue, turn, stops, toldOf } = rig
    const job = await add()
    const run = await runOf(job.id)
    await turn(60_000)
    assert.equal(run.says.signal.aborted, true)
    assert.deepEqual(stops, [{ id: job.id, cause: "timeout" }])
    assert.equal(rig.stateOf(job.id), "running")
    await turn(1_500)
    const second = await runOf(job.id, 2)
    run.done("too late")
    await quiet()
    assert.equal(rig.stateOf(job.id), "running")
    await run.says.progress({ stage: "ghost" })
    assert.equal(queue.find(job.id)?.progress, undefined)
    second.done("in time")
    assert.equal((await queue.over(job.id))?.result, '"in time"')
    assert.deepEqual(toldOf(job.id), ["queued", "started", "started", "late", "completed"])
  })

  started(
    "a run that finishes in the grace of its deadline has finished",
    async ({ add, runOf, queue, turn }) => {
      const job = await add()
      const run = await runOf(job.id)
      await turn(60_000)
      run.done("just so")
      assert.equal((await queue.over(job.id))?.state, "completed")
    },
  )

  started(
    "an end that can't be stored is stored when there is room",
    async ({ add, runOf, queue, driver, turn, stateOf, faults }) => {
      const job = await add()
      const run = await runOf(job.id)
      driver.exec(`PRAGMA max_page_count = ${driver.prepare("PRAGMA page_count").get()?.page_count}`)
      run.done("x".repeat(100_000))
      await until(() => faults.length > 0)
      assert.equal(stateOf(job.id), "running")
      driver.exec("PRAGMA max_page_count = 1000000")
      await turn(1_000)
      assert.equal((await queue.over(job.id))?.state, "completed")
    },
  )

  started("an end under another writer's lock is stored when the lock is gone, once", async (rig) => {
    const { add, runOf, queue, turn, stateOf, faults, runs, toldOf } = rig
    const job = await add()
    const run = await runOf(job.id)
    const other = rig.another()
    other.exec("BEGIN IMMEDIATE")
    run.done("mine")
    await until(() => faults.length > 0)
    await turn(1_000)
    assert.equal(stateOf(job.id), "running")
    other.exec("COMMIT")
    other.close()
    await turn(1_000)
    const over = await queue.over(job.id)
    assert.deepEqual([over?.state, over?.result, runs.length], ["completed", '"mine"', 1])
    assert.deepEqual(toldOf(job.id).at(-1), "completed")
  })

  started("a claim under another writer's lock is made when the lock is gone", async (rig) => {
    const { add, runOf, queue, turn, stateOf, runs, faults } = rig
    const job = await add()
    const other = rig.another()
    other.exec("BEGIN IMMEDIATE")
    await until(() => faults.length > 0)
    assert.deepEqual([stateOf(job.id), runs.length], ["queued", 0])
    other.exec("COMMIT")
    other.close()
    await turn(1_000)
    ;(await runOf(job.id)).done()
    assert.equal((await queue.over(job.id))?.attempt, 1)
  })

  started(
    "a kind hears of every end in the act that makes it, and its faults cost the job nothing",
    async ({ add, runOf, queue, faults }) => {
      const job = await add({ quick: 1 })
      assert.equal((await queue.over(job.id))?.state, "completed")
      const canceled = await add()
      await runOf(canceled.id)
      await queue.cancel(canceled.id, "r")
      ;(await runOf(canceled.id)).fail(new Error("stopped"))
      await queue.over(canceled.id)
      assert.deepEqual(
        faults.map((error) => (error as Error).message),
        ["heard completed", "heard canceled"],
      )
    },
    {
      settled(_tx, job) {
        throw new Error(`heard ${job.state}`)
      },
    },
  )
}

function cancelPromises(started: Started, place: Place): void {
  started("a queued job is canceled at once, and only once", async ({ add, runOf, queue, toldOf, runs }) => {
    const first = await add()
    const second = await add()
    const canceled = await queue.cancel(second.id, "api_cancel")
    assert.deepEqual(
      [canceled?.job.state, canceled?.job.error, canceled?.over],
      ["canceled", "api_cancel", false],
    )
    assert.equal((await queue.cancel(second.id, "api_cancel"))?.over, true)
    assert.equal(await queue.cancel("nobody", "x"), undefined)
    ;(await runOf(first.id)).done()
    await queue.over(first.id)
    await quiet()
    assert.equal(runs.length, 1)
    assert.deepEqual(toldOf(second.id), ["queued", "canceled"])
  })

  started(
    "a running job is asked to stop, and is canceled when it has",
    async ({ add, runOf, queue, stops }) => {
      const job = await add()
      const run = await runOf(job.id)
      const asked = await queue.cancel(job.id, "api_cancel")
      assert.equal(asked?.job.state, "running")
      assert.notEqual(asked?.job.cancelRequestedAt, undefined)
      const again = await queue.cancel(job.id, "api_cancel")
      assert.equal(again?.job.cancelRequestedAt, asked?.job.cancelRequestedAt)
      assert.equal(stops.length, 1)
      run.done("whatever")
      const over = await queue.over(job.id)
      assert.deepEqual([over?.state, over?.error, over?.result], ["canceled", "cancel_requested", undefined])
    },
  )

  started("one that doesn't stop is canceled without it", async ({ add, runOf, queue, turn, toldOf }) => {
    const job = await add()
    const run = await runOf(job.id)
    await queue.cancel(job.id, "api_cancel")
    await turn(1_500)
    assert.equal(queue.find(job.id)?.error, "interrupt_timeout")
    run.done()
    await quiet()
    assert.equal(queue.find(job.id)?.state, "canceled")
    assert.equal(toldOf(job.id).at(-1), "late")
  })

  started("canceled in the commit of its claim, it never runs, and the next one does", async (rig) => {
    const { add, queue, runs, runOf, toldOf } = rig
    const alone = await add()
    // Its claim is to come with the next turn of the loop; this act goes before it in the same commit.
    const found = await queue.cancel(alone.id, "api_cancel")
    assert.deepEqual([found?.job.state, found?.over], ["canceled", false])
    await quiet()
    assert.equal(runs.length, 0)
    const [first, second, third] = [await add(), await add(), await add()]
    ;(await runOf(first.id)).done()
    await queue.over(first.id)
    // The queue has its head in mind by now.
    await queue.cancel(second.id, "api_cancel")
    ;(await runOf(third.id)).done()
    assert.equal((await queue.over(third.id))?.state, "completed")
    assert.deepEqual(
      runs.map(({ job }) => job.id),
      [first.id, third.id],
    )
    assert.deepEqual(toldOf(second.id), ["queued", "canceled"])
  })

  place("canceled as it begins, it is stopped and ends canceled", async (open) => {
    const asked: Promise<unknown>[] = []
    const rig = open({ heard: ({ id }) => void asked.push(rig.queue.cancel(id, "api_cancel")) })
    await rig.queue.start()
    const job = await rig.add()
    const run = await rig.runOf(job.id)
    await Promise.all(asked)
    assert.equal(run.says.signal.aborted, true)
    assert.deepEqual(rig.stops, [{ id: job.id, cause: "cancel" }])
    run.done("whatever")
    const over = await rig.queue.over(job.id)
    assert.deepEqual([over?.state, over?.result, over?.attempt], ["canceled", undefined, 1])
  })

  started(
    "what is over stays so, whatever is written from outside",
    async ({ add, runOf, queue, driver, toldOf }) => {
      const job = await add()
      const run = await runOf(job.id)
      driver.exec(
        `UPDATE jobs SET state = 'canceled', error = 'outside', completed_at = 1 WHERE id = '${job.id}'`,
      )
      run.done("mine")
      await until(() => toldOf(job.id).includes("late"))
      assert.deepEqual([queue.find(job.id)?.state, queue.find(job.id)?.error], ["canceled", "outside"])
    },
  )

  started("a failed job can be repeated as a new one", async ({ add, runOf, queue }) => {
    const job = await add({ a: 1 }, { source: "S", dedupeKey: "k" })
    assert.equal(await queue.again(job.id), "not_over")
    assert.equal(await queue.again("nobody"), "not_found")
    ;(await runOf(job.id)).fail(new Error("no"))
    await queue.over(job.id)
    const again = await queue.again(job.id)
    assert.ok(typeof again === "object")
    const { payload, source, retryOf, id } = again.job
    assert.deepEqual([payload, source, retryOf], ['{"a":1}', "S", job.id])
    assert.equal(queue.find(job.id)?.state, "failed")
    ;(await runOf(id)).done()
    assert.equal((await queue.over(id))?.state, "completed")
  })
}

function recoveryPromises(place: Place, started: Started): void {
  place("what a killed daemon was running is tried again, or failed by its attempts", async (rig) => {
    const before = rig({ rules: { concurrency: 9 } })
    await before.queue.start()
    const again = await before.add({}, { owner: "A" })
    const spent = await before.add({}, { owner: "B", maxAttempts: 1 })
    const asked = await before.add({}, { owner: "C" })
    const waiting = await before.add({}, { owner: "A" })
    await before.runOf(asked.id)
    await before.queue.cancel(asked.id, "api_cancel")
    const after = rig({ worker: "worker-2" })
    assert.deepEqual(await after.queue.start(), { recovered: 3, unknown: 0 })
    const run = await after.runOf(again.id, 2)
    assert.equal(after.queue.find(again.id)?.history[0]?.error, "recovered_from_running_state")
    assert.equal(after.queue.find(again.id)?.history[0]?.owner, "worker-1")
    assert.deepEqual(
      [spent, asked].map(({ id }) => [after.queue.find(id)?.state, after.queue.find(id)?.error]),
      [
        ["failed", "recovery_max_attempts_exceeded"],
        ["canceled", "cancel_requested"],
      ],
    )
    assert.equal(after.stateOf(waiting.id), "queued")
    run.done()
    ;(await after.runOf(waiting.id)).done()
    assert.equal((await after.queue.over(waiting.id))?.state, "completed")
  })

  place("types that are gone fail at the start, finished rows are left alone", async (rig) => {
    const one = rig()
    const insert = (id: string, rest: string) =>
      one.driver.exec(`INSERT INTO jobs (id, type, version, owner, lane, payload, attempt, max_attempts, created_at, waits, state, completed_at)
        VALUES ('${id}', 'gone', 1, 'P', 'interactive', '{', 0, 2, 1, 0, ${rest})`)
    insert("queued", "'queued', NULL")
    insert("done", "'completed', 1")
    const two = rig()
    assert.deepEqual(await two.queue.start(), { recovered: 0, unknown: 1 })
    assert.equal(two.queue.find("queued")?.error, "recovery_unknown_job_type:gone")
    assert.equal(two.stateOf("done"), "completed")
  })

  started("a claim that outlived its lease is void", async ({ driver, add, queue, turn, runOf }) => {
    driver.exec(`INSERT INTO jobs (id, type, version, owner, lane, payload, attempt, max_attempts, created_at, waits, state, claimed_by, lease_until)
      VALUES ('lost', 'work', 1, 'L', 'interactive', '{}', 1, 2, 1, 0, 'running', 'somebody', 2)`)
    await add({ quick: 1 }, { owner: "Q" })
    await turn(1_000)
    ;(await runOf("lost", 2)).done()
    assert.equal((await queue.over("lost"))?.state, "completed")
  })

  place("at a stop, what runs may finish and what is queued stays", async (rig) => {
    const one = rig()
    await one.queue.start()
    const quick = await one.add({}, { owner: "A" })
    const slow = await one.add({}, { owner: "B" })
    const queued = await one.add({}, { owner: "A" })
    await one.runOf(slow.id)
    const drained = one.queue.drain(2_000)
    ;(await one.runOf(quick.id)).done()
    await one.queue.over(quick.id)
    await one.turn(2_000)
    assert.deepEqual(one.stops, [{ id: slow.id, cause: "shutdown" }])
    ;(await one.runOf(slow.id)).fail(new Error("stopped"))
    await drained
    const ends = [quick, slow, queued].map(({ id }) => [one.queue.find(id)?.state, one.queue.find(id)?.error])
    assert.deepEqual(ends, [
      ["completed", undefined],
      ["canceled", "shutdown"],
      ["queued", undefined],
    ])
    assert.equal(one.runs.length, 2)
  })

  place("a kind may have its job go on at the next start", async (rig) => {
    const one = rig({ kind: { atShutdown: "requeue" } })
    await one.queue.start()
    const job = await one.add()
    await one.runOf(job.id)
    const drained = one.queue.drain(0)
    await one.turn(0)
    await one.turn(1_500)
    await one.turn(1_500)
    await drained
    assert.equal(one.stateOf(job.id), "queued")
    const two = rig()
    await two.queue.start()
    await two.runOf(job.id, 2)
  })

  place("pauses and times to wait for survive a restart", async (rig) => {
    const one = rig()
    await one.queue.start()
    await one.queue.pause("other")
    const held = await one.add({}, { type: "other" })
    const later = await one.add({}, { owner: "Q", runAt: one.clock.now() + 10_000 })
    await one.queue.drain(0)
    const two = rig()
    await two.queue.start()
    await two.turn(9_000)
    assert.equal(two.runs.length, 0)
    await two.turn(1_000)
    await two.runOf(later.id)
    await two.queue.resume("other")
    await two.runOf(held.id)
  })
}

function upkeepPromises(started: Started, place: Place): void {
  started(
    "too many finished jobs go, failed ones last",
    async ({ add, queue, turn, runOf }) => {
      for (const end of ["fail", "done", "done", "fail", "done"] as const) {
        const job = await add()
        ;(await runOf(job.id))[end](new Error(end))
        await queue.over(job.id)
        await turn(1)
      }
      const newest = queue.ofOwner("P").at(-1)?.id
      await turn(1_000)
      await quiet()
      const kept = queue.ofOwner("P")
      assert.deepEqual(
        kept.map(({ state }) => state),
        ["failed", "failed", "completed"],
      )
      assert.equal(kept.at(-1)?.id, newest)
      assert.equal(queue.stats().completed, 1)
    },
    { rules: { keep: { perOwner: 3, maxAgeMs: 86_400_000 } } },
  )

  started("finished jobs go with age, with their lines", async ({ add, queue, turn, runOf, driver }) => {
    const job = await add()
    const run = await runOf(job.id)
    await run.says.log("line")
    run.done()
    await queue.over(job.id)
    const running = await add()
    await turn(86_400_000)
    await turn(60_001)
    await until(() => queue.find(job.id) === undefined)
    assert.equal(driver.prepare("SELECT count(*) AS n FROM job_logs").get()?.n, 0)
    assert.ok(queue.find(running.id))
  })

  place("pages hold every job once, whatever ends meanwhile", async (rig) => {
    const { queue, add } = rig()
    const ids: string[] = []
    for (let i = 0; i < 25; i++) ids.push((await add({}, { owner: `o${i % 3}`, source: `s${i % 2}` })).id)
    const seen: string[] = []
    for (let before: number | undefined; ; ) {
      const page = queue.page({ limit: 4, ...(before !== undefined && { before }) })
      if (page.length === 0) break
      seen.push(...page.map(({ id }) => id))
      before = page.at(-1)?.n
      await queue.cancel(seen[0] ?? "", "x")
    }
    assert.deepEqual(seen, ids.toReversed())
    const some = queue.page({ limit: 99, owner: "o1", source: "s1", state: "queued", type: "work" })
    assert.deepEqual(
      some.map(({ owner, source }) => [owner, source]),
      Array(4).fill(["o1", "s1"]),
    )
    assert.equal(queue.ofOwner("o0", "canceled").length, 1)
    assert.equal(queue.ofOwner("nobody").length, 0)
  })
}
