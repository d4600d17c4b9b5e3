// The rooms over a database in memory, with a clock by hand and a child that does as it is told.

import type { LoggedEvent } from "../../src/base/events/event.ts"
import { createLog, type Log } from "../../src/base/events/log.ts"
import { createLanes } from "../../src/base/kit/lanes.ts"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { createLogger, createMasks } from "../../src/base/observe/logger.ts"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import type { Reader, SqlDriver } from "../../src/base/storage/port.ts"
import { createControls } from "../../src/domain/controls/controls.ts"
import { createOffers } from "../../src/domain/offers/offers.ts"
import { createProjects } from "../../src/domain/projects/projects.ts"
import { createRaw } from "../../src/domain/raw/raw.ts"
import type { Limits } from "../../src/domain/requests/deadlines/deadlines.ts"
import { createRequests, type RequestsNeeds } from "../../src/domain/requests/requests.ts"
import { createOutbox } from "../../src/domain/sessions/outbox/outbox.ts"
import type { SessionSummary } from "../../src/domain/sessions/session.ts"
import { createSessions } from "../../src/domain/sessions/sessions.ts"
import { createTombstones } from "../../src/domain/sessions/tombstones/tombstones.ts"
import { createTransfer } from "../../src/domain/sessions/transfer/transfer.ts"
import { createSuggestions } from "../../src/domain/suggestions/suggestions.ts"
import { openSearch } from "../../src/domain/transcript/search/open.ts"
import { createStreaming } from "../../src/domain/transcript/streaming.ts"
import { createTranscript } from "../../src/domain/transcript/transcript.ts"
import type {
  InterruptTurn,
  StartReview,
  StartTurn,
  SteerTurn,
  TakeBack,
} from "../../src/domain/turns/child.ts"
import { createPrompts } from "../../src/domain/turns/prompts/prompts.ts"
import { createTurns } from "../../src/domain/turns/turns.ts"
import { createUsage } from "../../src/domain/turns/usage/usage.ts"
import { createWorkerBook } from "../../src/domain/workers/workers.ts"
import type { Codex } from "../../src/engine/runtime/codex.ts"
import type { Message } from "../../src/engine/runtime/protocol/wire.ts"
import type { Deletion } from "../../src/engine/runtime/threads/disposal.ts"
import type { AskedPolicy, SentPolicy } from "../../src/engine/runtime/threads/policies.ts"
import { createActs } from "../../src/flow/acts/acts.ts"
import { createCarryOver } from "../../src/flow/acts/carry.ts"
import { createLife } from "../../src/flow/acts/life.ts"
import { createProjectActs } from "../../src/flow/acts/projects.ts"
import { createTells } from "../../src/flow/acts/tells.ts"
import { createTranscriptActs } from "../../src/flow/acts/transcript.ts"
import { createContexts } from "../../src/flow/ingest/contexts.ts"
import { createIngest } from "../../src/flow/ingest/ingest.ts"
import { createOwed } from "../../src/flow/ingest/owed.ts"
import { createOwn, type OwnTools } from "../../src/flow/ingest/own.ts"
import { createReconcile } from "../../src/flow/ingest/past/reconcile.ts"
import type { Rooms } from "../../src/flow/rooms.ts"

/** What was asked of the child, and what it answers; each can be replaced by a test. */
export function createToldChild() {
  const calls: unknown[][] = []
  let turn = 0
  return {
    calls,
    startThread: async ({ cwd }: { cwd: string }) => ({
      id: crypto.randomUUID(),
      cwd,
      modelProvider: "told",
    }),
    loadThread: async (...args: unknown[]) => void calls.push(["load", ...args]),
    startTurn: async (start: StartTurn) => {
      calls.push(["start", start])
      return { turnId: `turn-${++turn}`, runId: "run" }
    },
    steerTurn: async ({ threadId, turnId, text }: SteerTurn) =>
      void calls.push(["steer", threadId, turnId, text]),
    interruptTurn: async ({ threadId, turnId }: InterruptTurn) =>
      void calls.push(["interrupt", threadId, turnId]),
    compactThread: async (...args: unknown[]): Promise<unknown> => void calls.push(["compact", ...args]),
    startReview: async (review: StartReview) => {
      calls.push(["review", review])
      return { result: {}, turnId: `turn-${++turn}`, threadId: review.threadId, runId: "run" }
    },
    forkThread: async (threadId: string) => {
      calls.push(["fork", threadId])
      return { id: `fork-of-${threadId}` }
    },
    takeBack: async (taken: TakeBack) => {
      await taken.begin({ via: "thread/revert" })
      calls.push(["takeBack", taken.threadId, taken.turns])
      return { via: "thread/revert", result: {} }
    },
    hasTakenBack: async (_threadId: string, _mark: unknown): Promise<boolean> => true,
    cleanTerminals: async (...args: unknown[]): Promise<unknown> => void calls.push(["clean", ...args]),
    restartThread: async (threadId: string, _controls: unknown, tools: unknown[]) =>
      void calls.push(["restart", threadId, tools]),
    tellsClientIds: (): boolean => true,
    findMessage: async (...args: string[]): Promise<string | undefined> => {
      calls.push(["find", ...args])
      return undefined
    },
    lives: (_run: string): boolean => true,
    policySent: (asked: AskedPolicy): SentPolicy | undefined => ({ asked, sent: asked }),
    answer: async (...args: unknown[]) => void calls.push(["answer", ...args]),
    refuse: (...args: unknown[]) => void calls.push(["refuse", ...args]),
    settledItself: (...args: unknown[]) => void calls.push(["settled", ...args]),
    unloaded: (...args: unknown[]) => void calls.push(["unloaded", ...args]),
    isReady: (): boolean => true,
    nameThread: async (...args: unknown[]): Promise<unknown> => void calls.push(["name", ...args]),
    archiveThread: async (...args: unknown[]) => void calls.push(["archive", ...args]),
    unarchiveThread: async (...args: unknown[]): Promise<unknown> => void calls.push(["unarchive", ...args]),
    deleteThread: async (...args: unknown[]): Promise<Deletion> => {
      calls.push(["delete", ...args])
      return "deleted"
    },
    formerThreads: {
      deleteThread: async (...args: unknown[]): Promise<Deletion> => {
        calls.push(["deleteFormer", ...args])
        return "deleted"
      },
      letGo: async (): Promise<Deletion> => "files",
    },
  }
}

const RAW_KEPT = { stored: false, maxAgeMs: 3_600_000, maxBytes: 1024 * 1024 }

export interface RoomsGiven {
  /** A database that holds something already; of any version. */
  driver?: SqlDriver
  locked?: boolean
  codexHome?: string
  ownTools?: OwnTools
  limits?: Partial<Limits>
  raw?: Partial<typeof RAW_KEPT>
}

export function openRooms(child = createToldChild(), given: RoomsGiven = {}) {
  const {
    locked = false,
    codexHome = "/nowhere",
    ownTools,
    limits,
    driver = openBunDriver(":memory:"),
  } = given
  const clock = createManualClock()
  migrate(driver, MIGRATIONS)
  const db = openDb({ driver, clock })
  let block = ""
  const mark = {
    read: () => block,
    write(text: string) {
      block = text
    },
    [Symbol.dispose]: () => {},
  }
  const log: Log = createLog({ db, clock, mark })
  const told: LoggedEvent[] = []
  log.onTold((events) => void told.push(...events))
  const lines: string[] = []
  const masks = createMasks()
  const logger = createLogger({ clock, level: "trace", write: (line) => void lines.push(line), mask: masks })
  const controls = createControls({
    db,
    log,
    locked,
    audienceOf: (id, reader) => ({ thread: id, hidden: sessions.find(id, reader)?.systemOwned ?? false }),
    configured: {
      model: null,
      approvalPolicy: "untrusted",
      networkAccess: "restricted",
      filesystemSandbox: "read-only",
      settings: {},
    },
  })
  const sessions = createSessions({ db, log, clock, controls, codex: child, defaultCwd: "/work" })
  const audienceOf = (id: string, reader?: Reader) => ({
    thread: id,
    hidden: sessions.find(id, reader)?.systemOwned ?? false,
  })
  const transcript = createTranscript({ db, clock, log, audienceOf })
  const lanes = createLanes()
  const prompts = createPrompts({ db, log, clock, audienceOf })
  const faults: unknown[] = []
  const onFault = (error: unknown) => void faults.push(error)
  const turns = createTurns({
    db,
    log,
    clock,
    controls,
    sessions,
    transcript,
    prompts,
    codex: child,
    lanes,
    onFault,
    mask: masks.apply,
    deleted: (id, reader) => rooms.tombstones.fault(id, reader) ?? rooms.transfer.refusal(id, reader),
    takenBack: (tx, id, turnIds) => requests.takenBack(tx, id, turnIds),
    abandon: (turn) => acts.abandon(turn),
  })
  const requestNeeds: RequestsNeeds = {
    db,
    log,
    clock,
    transcript,
    codex: child,
    audienceOf,
    onAccepted: (sessionId) => carry.wake(sessionId),
    hide: masks.add,
    limits: { approval: 0, toolInput: 0, elicitation: 0, toolCall: 600_000, ...limits },
    onFault,
  }
  const requests = createRequests(requestNeeds)
  const codex = child as unknown as Codex
  const rooms: Rooms = {
    sessions,
    tombstones: createTombstones({ db, log, clock }),
    outbox: createOutbox({
      db,
      clock,
      logger,
      lanes,
      refused: (tx, row) => life.refused(tx, row),
      child: createTells({ codex, sessionOf: (id) => sessions.find(id), codexHome }),
    }),
    projects: createProjects({ db, log, clock }),
    controls,
    turns,
    transcript,
    streaming: createStreaming(),
    transfer: createTransfer({ db, log, clock, sessions, controls }),
    raw: createRaw({ db, clock, keep: { ...RAW_KEPT, ...given.raw }, onFault }),
    search: openSearch({ db, clock, titleOf: sessions.titleOf }),
    usage: createUsage({ db, clock, threadOf: (tx, id) => sessions.find(id, tx)?.thread }),
    requests,
    suggestions: createSuggestions({ db, log, clock, audienceOf }),
    workerBook: createWorkerBook({ db }),
    offers: createOffers({ db, clock, enabled: true }),
    codex,
  }
  const contexts = createContexts({ sessions, log })
  const carry = createCarryOver({ db, clock, logger, rooms })
  const acts = createActs({ db, rooms, log, clock, contexts, carry })
  const owed = createOwed({ db, logger })
  const unknown: string[] = []
  const ingest = createIngest({
    db,
    log,
    logger,
    clock,
    rooms,
    acts,
    contexts,
    carry,
    own: createOwn({ rooms, clock, onFault, ownTools: (...call) => ownTools?.(...call) }),
    owed,
    noteUnknown: (method) => void unknown.push(method),
  })
  let run = "run"
  const reconcile = createReconcile({ db, log, rooms, logger, readyRun: () => run })
  const life = createLife({ db, log, clock, rooms })
  const transcriptActs = createTranscriptActs({ db, masks, rooms })
  const projectActs = createProjectActs({ db, rooms, life })

  /** An act, done when it returns. */
  const now = <T>(fn: Parameters<typeof db.actNow<T>>[0]): T => {
    const outcome = db.actNow(fn)
    if (!outcome.ok) throw outcome.error
    return outcome.value
  }
  /** Lets queued acts and their followers run until the promise has settled. */
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let open = true
    let rounds = 0
    const done = promise.finally(() => {
      open = false
    })
    done.catch(() => {})
    while (open) {
      clock.turn(0)
      // Files take a turn of the event loop; what is only promised does not.
      await (++rounds % 50 === 0 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve())
    }
    return done
  }
  /** From now on the database can't grow, as on a full disk. */
  const fill = () =>
    driver.exec(`PRAGMA max_page_count = ${driver.prepare("PRAGMA page_count").get()?.page_count}`)
  const makeRoom = () => driver.exec("PRAGMA max_page_count = 1000000")
  return {
    /** The run of the child that is ready; another one from now on. */
    run(next = run): string {
      run = next
      return run
    },
    fill,
    makeRoom,
    clock,
    logger,
    db,
    log,
    told,
    lines,
    masks,
    child,
    faults,
    rooms,
    acts,
    carry,
    life,
    projectActs,
    transcriptActs,
    reconcile,
    ingest,
    owed,
    unknown,
    now,
    settle,
    driver,
    /** The room as a new start of the daemon finds it. */
    reopenRequests: () => createRequests(requestNeeds),
  }
}
/** Whoever decides where it does not matter who. */
export const API = { actor: "user", source: "api" }

export type OpenRooms = ReturnType<typeof openRooms>

/** A page of the list, as a client reads it. */
export const listed = ({ rooms }: Pick<OpenRooms, "rooms">, ask: Parameters<typeof rooms.sessions.list>[0]) =>
  JSON.parse(rooms.sessions.list(ask)) as {
    data: SessionSummary[]
    nextCursor: string | null
    archived: boolean
  }

/** A line of the child, as the peer hands it on. */
export function said(method: string, params: unknown): Message {
  return { kind: "notification", method, params, raw: JSON.stringify({ method, params }) }
}
export function asked(rpcId: number | string, method: string, params: unknown): Message {
  return { kind: "request", method, params, rpcId, raw: JSON.stringify({ method, id: rpcId, params }) }
}
