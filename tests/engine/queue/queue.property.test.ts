// The queue against a plain model: whatever is asked of it in whatever order, with kills in between, the same jobs start in
// the same order and end in the same way.

import { expect, test } from "bun:test"
import fc from "fast-check"
import { openBunDriver } from "../../../src/base/storage/bun-driver.ts"
import { isOver, type JobState, type Lane } from "../../../src/engine/queue/job.ts"
import { makeClock, makeFolder, openRig, Passing, quiet, type Rig } from "./rig.ts"

const RULES = { concurrency: 2, perOwner: 1, limits: { perOwner: 4, total: 8 }, agingMs: 5_000, burst: 2 }
const MAX_ATTEMPTS = 3

interface Modelled {
  id: string
  owner: string
  lane: Lane
  type: string
  createdAt: number
  dueAt: number
  state: JobState
  attempt: number
  asked: boolean
}

/** Everything is looked through anew at every step. */
function createModel() {
  const jobs: Modelled[] = []
  const starts: string[] = []
  const streaks = new Map<string, number>()
  const served = new Map<string, number>()
  const paused = new Set<string>()
  let streak = 0
  let count = 0

  function next(now: number): Modelled | undefined {
    const running = jobs.filter((job) => job.state === "running")
    if (running.length >= RULES.concurrency || paused.has("")) return undefined
    const free = jobs.filter(
      (job) =>
        job.state === "queued" &&
        job.dueAt <= now &&
        !paused.has(job.type) &&
        !running.some(({ owner }) => owner === job.owner),
    )
    const ranked = [...Map.groupBy(free, ({ owner }) => owner).values()].flatMap((own) => {
      const first = (lane: Lane) => own.find((job) => job.lane === lane)
      const old = first("background")
      const row = Math.max(streaks.get(own[0]?.owner ?? "") ?? 0, streak)
      if (old && now - old.createdAt >= RULES.agingMs && row >= RULES.burst) return [{ job: old, rank: 0 }]
      const job = first("interactive") ?? old
      return job ? [{ job, rank: job.lane === "interactive" ? 1 : 2 }] : []
    })
    const at = (owner: string) => served.get(owner) ?? 0
    return ranked.sort(
      (a, b) =>
        a.rank - b.rank || at(a.job.owner) - at(b.job.owner) || jobs.indexOf(a.job) - jobs.indexOf(b.job),
    )[0]?.job
  }

  return {
    jobs,
    starts,
    paused,
    fill(now: number): void {
      for (let job = next(now); job; job = next(now)) {
        job.state = "running"
        job.attempt++
        starts.push(`${job.id}#${job.attempt}`)
        streak = job.lane === "interactive" ? streak + 1 : 0
        streaks.set(job.owner, job.lane === "interactive" ? (streaks.get(job.owner) ?? 0) + 1 : 0)
        served.set(job.owner, ++count)
      }
    },
    isFull: (owner: string): boolean => {
      const active = jobs.filter(({ state }) => !isOver(state))
      return (
        active.length >= RULES.limits.total ||
        active.filter((j) => j.owner === owner).length >= RULES.limits.perOwner
      )
    },
    /** What a start knows of the run before is in the rows alone. */
    forgetOrder(): void {
      streaks.clear()
      served.clear()
      streak = 0
      count = 0
      for (const job of jobs.filter(({ state }) => state === "running")) {
        if (job.asked) job.state = "canceled"
        else job.state = job.attempt < MAX_ATTEMPTS ? "queued" : "failed"
        job.dueAt = 0
      }
    },
  }
}

type Step =
  | { do: "add"; owner: string; lane: Lane; type: string }
  | { do: "end"; which: number; how: "done" | "fail" | "pass" }
  | { do: "cancel"; which: number }
  | { do: "turn"; ms: number }
  | { do: "pause" | "resume"; type: string }
  | { do: "kill" }

const which = fc.nat(30)
const type = fc.constantFrom("work", "other")
const owner = fc.constantFrom("A", "B", "C")
const lane = fc.constantFrom<Lane[]>("interactive", "background")
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("add" as const), owner, lane, type }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which,
      how: fc.constantFrom("done", "done", "fail", "pass"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("turn" as const), ms: fc.constantFrom(300, 1_000, 6_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("pause" as const, "resume" as const),
      type: fc.constantFrom("", "work", "other"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
)

async function follow(steps: Step[]): Promise<void> {
  using folder = makeFolder()
  let clock = makeClock()
  const model = createModel()
  const starts: string[] = []
  let lives = 0
  let rig: Rig
  const open = async () => {
    rig = openRig(
      folder.path,
      {
        open: openBunDriver,
        rules: RULES,
        worker: `life-${++lives}`,
        kind: {
          maxAttempts: MAX_ATTEMPTS,
          timeoutMs: 1e9,
          backoff: { firstMs: 1_000, capMs: 4_000, jitter: 0 },
        },
        heard: (job) => void starts.push(`${job.id}#${job.attempt}`),
      },
      clock,
    )
    await rig.queue.start()
  }
  await open()

  const perform: Record<Step["do"], (s: never) => Promise<void>> = {
    async add({ owner, lane, type }: Step & { do: "add" }) {
      const full = model.isFull(owner)
      const job = await rig.add({}, { owner, lane, type }).catch(() => undefined)
      expect(job === undefined).toBe(full)
      if (!job) return
      const now = clock.now()
      model.jobs.push({
        id: job.id,
        owner,
        lane,
        type,
        createdAt: now,
        dueAt: now,
        state: "queued",
        attempt: 0,
        asked: false,
      })
    },
    async end({ which, how }: Step & { do: "end" }) {
      const running = model.jobs.filter(({ state }) => state === "running")
      const job = running[which % running.length]
      if (!job) return
      const run = rig.runs.find((one) => one.job.id === job.id && one.job.attempt === job.attempt)
      if (how === "done") run?.done()
      else run?.fail(how === "pass" ? new Passing() : new Error())
      if (job.asked) job.state = "canceled"
      else if (how === "done") job.state = "completed"
      else if (how === "fail" || job.attempt >= MAX_ATTEMPTS) job.state = "failed"
      else {
        job.state = "queued"
        job.dueAt = job.attempt === 1 ? 0 : clock.now() + 1_000 * 2 ** (job.attempt - 2)
      }
    },
    async cancel({ which }: Step & { do: "cancel" }) {
      const job = model.jobs[which % Math.max(1, model.jobs.length)]
      if (!job) return
      const found = await rig.queue.cancel(job.id, "by hand")
      expect(found?.over).toBe(isOver(job.state))
      if (job.state === "queued") job.state = "canceled"
      else if (job.state === "running" && !job.asked) {
        job.asked = true
        // It does as it is told.
        rig.runs.find((one) => one.job.id === job.id && one.job.attempt === job.attempt)?.fail(new Error())
        job.state = "canceled"
      }
    },
    async turn({ ms }: Step & { do: "turn" }) {
      // In pieces: what is due in between begins in between.
      for (let left = ms; left > 0; left -= 100) {
        clock.turn(Math.min(left, 100))
        await quiet()
        model.fill(clock.now())
      }
    },
    async pause({ type }: Step & { do: "pause" | "resume" }) {
      model.paused.add(type)
      await rig.queue.pause(type)
    },
    async resume({ type }: Step & { do: "pause" | "resume" }) {
      model.paused.delete(type)
      await rig.queue.resume(type)
    },
    async kill() {
      rig.kill()
      model.forgetOrder()
      // Time goes on, the timers of the dead don't.
      clock = makeClock(clock.now())
      await open()
    },
  }
  for (const one of steps) {
    await perform[one.do](one as never)
    await quiet()
    model.fill(clock.now())
    expect(starts).toEqual(model.starts)
    const states = model.jobs.map(({ id }) => [id, rig.stateOf(id)])
    expect(states).toEqual(model.jobs.map(({ id, state }) => [id, state]))
  }
}

test("the queue does what a plain model does", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), follow), { numRuns: 40 })
}, 60_000)
