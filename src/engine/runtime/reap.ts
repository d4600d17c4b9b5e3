// What a run leaves behind is found and ended (decisions 30): members of its session, processes that carry our
// CODEXD_RUN, those with a CODEX_THREAD_ID of its threads, and the living kin of all these. Never ourselves, our
// ancestors, or what only looks alike: a pid used again, another codex on the same thread.

import { type Backoff, backoffMs } from "../../base/kit/backoff.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { TIMERS } from "../../base/kit/timers.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Processes, ProcessRow } from "../../base/platform/processes.ts"

export interface RunSpawn {
  pid: number
  /** The kernel's start time of that pid, which tells it from a later holder; `undefined` when it was gone already. */
  startTicks: number | undefined
  bootId: string
}

/** A run as it was recorded. */
export interface Run extends Partial<RunSpawn> {
  id: string
  startedAt: number
  threads: string[]
}

/** Where runs are recorded, so that the next start of the daemon can find what this one left. */
export interface RunStore {
  /** Before the spawn. */
  begin(run: { id: string; startedAt: number }): Promise<void> | void
  spawned(id: string, spawn: RunSpawn): Promise<void> | void
  /** A thread was loaded in this run; called by whoever knows of threads. */
  thread(id: string, threadId: string): Promise<void> | void
  /** Nothing of it is left. */
  ended(id: string): Promise<void> | void
  /** Begun and not ended, with their threads. */
  unfinished(): Run[]
}

/** The store as the supervisor uses it: what fails is a warning, for a record decides nothing about the run itself. */
export function createRecords(store: RunStore, log: Logger) {
  const warn = (what: string, error: unknown) => log.warn(`a run's ${what} failed`, { error })
  const tried = async (what: string, step: () => Promise<void> | void): Promise<void> => {
    try {
      await step()
    } catch (error) {
      warn(what, error)
    }
  }
  return {
    begin: (run: { id: string; startedAt: number }) => tried("record of its begin", () => store.begin(run)),
    spawned: (id: string, spawn: RunSpawn) => tried("record of its spawn", () => store.spawned(id, spawn)),
    ended: (id: string) => tried("record of its end", () => store.ended(id)),
    /** None when they can't be read. */
    threadsOf(id: string): string[] {
      try {
        return store.unfinished().find((run) => run.id === id)?.threads ?? []
      } catch (error) {
        warn("list of threads", error)
        return []
      }
    },
  }
}

export interface ReapNeeds {
  processes: Processes
  clock: Clock
  houseId: string
  runs: Run[]
  /** Runs that live and shall. */
  spare?: string[]
  log: Logger
}

export interface Reaped {
  pid: number
  name: string
  why: "session" | "environment" | "thread" | "kin"
  /** The run it is known to belong to. */
  runId?: string
  /** What ended it. */
  by: "SIGTERM" | "SIGKILL" | "nothing"
}

// Strangers give no signal of their end: they are looked at again, soon and then less often, until the grace is over.
const LOOK: Backoff = { firstMs: 10, capMs: 250, jitter: 0 }
/** Who forks while being killed is met again in the next round. */
const ROUNDS = 8

/** TERM to all, KILL after the grace to who stays. Resolves when none is left, or none that we may end. */
export async function reapSurvivors(needs: ReapNeeds): Promise<Reaped[]> {
  const { processes, log } = needs
  const reaped = new Map<string, Reaped>()
  for (let round = 0; round < ROUNDS; round++) {
    const found = findSurvivors(needs).filter(({ row }) => reaped.get(keyOf(row))?.by !== "nothing")
    if (found.length === 0) break
    for (const { row, why, runId } of found) {
      const one: Reaped = { pid: row.pid, name: row.name, why, by: "SIGTERM" }
      reaped.set(keyOf(row), runId === undefined ? one : { ...one, runId })
      processes.signal(row, "SIGTERM")
    }
    // Who stays after TERM once is not asked a second time.
    const rows = found.map(({ row }) => row)
    const deaf = await leave(needs, rows, round === 0 ? TIMERS.killGraceMs : 0)
    for (const row of deaf) {
      mark(reaped, row, "SIGKILL")
      processes.signal(row, "SIGKILL")
    }
    for (const row of await leave(needs, deaf, TIMERS.killGraceMs)) mark(reaped, row, "nothing")
  }
  const list = [...reaped.values()]
  if (list.length > 0) log.info("processes that a run left behind were ended", { reaped: list })
  return list
}

export interface Survivor {
  row: ProcessRow
  why: Reaped["why"]
  runId?: string
}

/** Who would be reaped now. */
export function findSurvivors({
  processes,
  houseId,
  runs,
  spare = [],
}: Omit<ReapNeeds, "log" | "clock">): Survivor[] {
  const rows = processes.list()
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  const untouchable = ancestors(byPid, processes.self)
  const bootId = processes.bootId()
  const found = new Map<number, Survivor>()
  const take = (row: ProcessRow, why: Survivor["why"], runId?: string) => {
    if (untouchable.has(row.pid) || found.has(row.pid)) return
    found.set(row.pid, runId === undefined ? { row, why } : { row, why, runId })
  }

  const past = runs.filter((run) => run.bootId === bootId && !spare.includes(run.id))
  for (const run of past) {
    for (const row of sessionOf(run, rows, byPid)) take(row, "session", run.id)
  }
  for (const row of rows) {
    if (found.has(row.pid) || untouchable.has(row.pid)) continue
    const environ = processes.environ(row.pid)
    if (!environ) continue
    const mark = environ.CODEXD_RUN
    if (mark?.startsWith(`${houseId}.`)) {
      const runId = mark.slice(houseId.length + 1)
      if (!spare.includes(runId)) take(row, "environment", runId)
      continue
    }
    const run = mark === undefined && past.find((r) => ownsThread(r, environ.CODEX_THREAD_ID, row))
    if (run && !underAnotherCodex(row, byPid)) take(row, "thread", run.id)
  }
  takeKin({ rows, found, untouchable, take })
  return [...found.values()]
}

function sessionOf(run: Run, rows: ProcessRow[], byPid: Map<number, ProcessRow>): ProcessRow[] {
  const { pid, startTicks } = run
  if (pid === undefined || startTicks === undefined) return []
  const leader = byPid.get(pid)
  // The number is another's now. While members of the old session lived, the kernel would not have given it away.
  if (leader && leader.startTicks !== startTicks) return []
  return rows.filter((row) => row.session === pid && row.startTicks >= startTicks)
}

const ownsThread = (run: Run, threadId: string | undefined, row: ProcessRow): boolean =>
  threadId !== undefined &&
  run.startTicks !== undefined &&
  row.startTicks >= run.startTicks &&
  run.threads.includes(threadId)

/** A codex that isn't ours, started by a person on the same thread: its commands are not ours to end. */
function underAnotherCodex(row: ProcessRow, byPid: Map<number, ProcessRow>): boolean {
  for (const pid of ancestors(byPid, row.pid)) if (byPid.get(pid)?.name.startsWith("codex")) return true
  return false
}

interface Kin {
  rows: ProcessRow[]
  found: Map<number, Survivor>
  untouchable: Set<number>
  take(row: ProcessRow, why: Survivor["why"], runId?: string): void
}
/**
 * Living children, and who shares a survivor's session: commands get a session of their own, so all in it came from the
 * command, also what cleared its environment.
 */
function takeKin({ rows, found, untouchable, take }: Kin) {
  const ours = new Set(rows.filter((row) => untouchable.has(row.pid)).map((row) => row.session))
  for (let before = -1; before !== found.size; ) {
    before = found.size
    const sessions = new Map<number, Survivor>()
    for (const kin of found.values()) if (!ours.has(kin.row.session)) sessions.set(kin.row.session, kin)
    for (const row of rows) {
      const kin = found.get(row.parent) ?? sessions.get(row.session)
      if (kin) take(row, "kin", kin.runId)
    }
  }
}

/** The process and everything above it. */
function ancestors(byPid: Map<number, ProcessRow>, pid: number): Set<number> {
  const chain = new Set<number>()
  for (let at = byPid.get(pid); at && !chain.has(at.pid); at = byPid.get(at.parent)) chain.add(at.pid)
  return chain
}

/** Waits until all of them are gone, `graceMs` at most; returns who is still there. */
async function leave(
  { processes, clock }: ReapNeeds,
  rows: ProcessRow[],
  graceMs: number,
): Promise<ProcessRow[]> {
  const until = clock.mono() + graceMs
  let there = rows.filter((row) => processes.isAlive(row))
  for (let look = 1; there.length > 0 && clock.mono() < until; look++) {
    await new Promise<void>((resolve) => {
      clock.after(backoffMs(LOOK, look), resolve)
    })
    there = there.filter((row) => processes.isAlive(row))
  }
  return there
}

const keyOf = (row: ProcessRow): string => `${row.pid}.${row.startTicks}`

function mark(reaped: Map<string, Reaped>, row: ProcessRow, by: Reaped["by"]) {
  const one = reaped.get(keyOf(row))
  if (one) one.by = by
}
