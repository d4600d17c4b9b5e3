// A decision on its way to the child: claimed before it is written, so that the first one wins; handed over; told. What could
// not be written comes back: to the living child's request, or to the orphan of a dead one, where the decision goes on.

import { Fault, isFault } from "../../../base/fault.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Db, Tx } from "../../../base/storage/port.ts"
import { asksSecrets, secretsIn } from "../asks/questions.ts"
import { createSealer } from "../asks/secrets.ts"
import { FRAMES } from "../kinds.ts"
import { noteHanding, type Request, readRequest } from "../store.ts"
import { type Decision, fitted, inTurnScope, verdictOf } from "../verdict.ts"
import type { By } from "./by.ts"
import type { Moves } from "./moves.ts"
import { createReturns } from "./returns.ts"
import type { RequestState } from "./states.ts"
import { decisionOf } from "./told.ts"

export interface AnswersRequests {
  /**
   * Hands the result to the child of that run. Resolves when the pipe took it. Throws `runtime_unavailable` when nothing was
   * written; any other failure means that it may have been.
   */
  answer(runId: string, rpcId: string | number, result: unknown): Promise<void>
  /** False once that run of the app-server is over. */
  lives(runId: string): boolean
}

export interface DecideNeeds {
  db: Db
  clock: Clock
  moves: Moves
  codex: AnswersRequests
  /** An orphan of this session was accepted: it has to be carried over. */
  onAccepted(sessionId: string): void
  /** From now on this text is masked wherever the child repeats it. */
  hide(secret: string): void
  onFault(error: unknown): void
}

export interface Outcome {
  request: Request
  decided: Decision
  /** What became of it: `claimed` for one that the child has, `accepted-for-carry` or `declined` for an orphan. */
  state: RequestState
}
/** What has to reach the child ahead of the answer, once the request is claimed. Must not fail. */
export type Before = (request: Request) => Promise<void>
/** `moved`: nothing was written, and the request is not the child's any more. */
type Delivered = "handed" | "moved"
interface Claimed extends Outcome {
  /** `send`: it was claimed here, and nobody else sends it. `resend`: nobody does, unless somebody began meanwhile. */
  next: "send" | "resend" | "done"
}
interface Given {
  asked: Decision
  /** What is stored in its place, where it answers a secret question. */
  sealed: Decision | undefined
  by: By
  before: Before | undefined
}

/** Those that were decided after their child died, or before it could hear. */
const AFTERLIFE: ReadonlySet<RequestState> = new Set([
  "orphaned",
  "accepted-for-carry",
  "carrying",
  "void",
  "declined",
])

export function createDecide({ db, clock, moves, codex, onAccepted, hide, onFault }: DecideNeeds) {
  const sealer = createSealer()
  const delivering = new Map<string, Promise<Delivered>>()
  /** Noted as being written with their claim, and not yet on their way: by whom. */
  const claiming = new Map<string, Given>()
  /** Runs whose end is settled here. */
  const gone = new Set<string>()
  const returns = createReturns({ db, clock, giveBack: (tx, id) => void giveBack(tx, id, true) })

  /**
   * A person's decision. The same decision again is fine once more; another one, or one that came to nothing, is
   * `request_reconciled`; an unknown id or an expired request `request_not_found` (wire-contract §9.3).
   */
  async function decide(id: string, asked: Decision, by: By, before?: Before): Promise<Outcome> {
    const given = { asked, sealed: await sealedOf(id, asked), by, before }
    for (;;) {
      if (returns.has(id)) await returns.stored(id)
      const claimed = db.act((tx) => claim(tx, id, given))
      const { next, ...outcome } = await claimed.catch(unclaimed(id, given))
      const { request, decided, state } = outcome
      if (state === "accepted-for-carry") onAccepted(request.sessionId)
      const way = next === "send" ? send(request, decided, given) : joined(outcome, next)
      if (way === undefined || (await way) === "handed") return outcome
    }
  }

  /** The same answer may be on its way for somebody else: both hear how that ends. */
  const joined = ({ request, decided }: Outcome, next: "resend" | "done"): Promise<Delivered> | undefined =>
    delivering.get(request.id) ?? (next === "resend" ? send(request, decided) : undefined)

  /** The commit was lost: it is not being written. */
  const unclaimed = (id: string, given: Given) => (cause: unknown) => {
    unmark(id, given)
    throw cause
  }
  const unmark = (id: string, given: Given | undefined): void => {
    if (claiming.get(id) === given) claiming.delete(id)
  }

  /** Secret answers are hidden before they go anywhere. */
  async function sealedOf(id: string, asked: Decision): Promise<Decision | undefined> {
    if (asked.kind !== "tool_input") return undefined
    const request = readRequest(db, id)
    if (!request || !asksSecrets(request)) return undefined
    for (const text of secretsIn(request, asked)) hide(text)
    return sealer.seal(asked)
  }

  function send(request: Request, decided: Decision, given?: Given): Promise<Delivered> {
    const { id } = request
    const write = () => deliver(request, decided, given !== undefined && !given.before)
    const way = (given?.before ? given.before(request).then(write) : write()).finally(() => {
      // One that came back may have been decided again by then.
      if (delivering.get(id) === way) delivering.delete(id)
    })
    delivering.set(id, way)
    unmark(id, given)
    return way
  }

  async function deliver(request: Request, decided: Decision, isNoted: boolean): Promise<Delivered> {
    const { id, runId } = request
    if (!(isNoted ? readRequest(db, id)?.state === "claimed" : note(id))) return "moved"
    try {
      await codex.answer(runId, JSON.parse(request.rpcId) as string | number, verdictOf(request, decided))
    } catch (error) {
      const unwritten = isFault(error, "runtime_unavailable")
      const state = await db
        .act((tx) => giveBack(tx, id, unwritten))
        .catch((cause: unknown) => {
          if (unwritten) returns.keep(id)
          throw cause
        })
      if (state === "orphaned" || state === "expired") return "moved"
      throw undelivered(request, error)
    }
    // The child has its answer. Where this can't be stored now, it is told when the child shows that it has it.
    await db.act((tx) => arrive(tx, id)).catch(onFault)
    return "handed"
  }

  /** False for one that moved on meanwhile. */
  function note(id: string): boolean {
    const handing = db.actNow((tx) => noteHanding(tx, id, clock.now()))
    if (handing.ok) return handing.value
    returns.keep(id)
    throw handing.error
  }

  function arrive(tx: Tx, id: string): void {
    moves.tellDecided(tx, id)
    const request = readRequest(tx, id)
    if (request?.state === "claimed" && isGone(request.runId)) moves.lose(tx, request, DIED)
  }

  /** Nothing was written and the child lives: open again; it is dead: orphaned. Otherwise nobody knows whether it was answered. */
  function giveBack(tx: Tx, id: string, unwritten: boolean): RequestState | undefined {
    const request = readRequest(tx, id)
    if (request?.state !== "claimed") return undefined
    if (!unwritten) moves.lose(tx, request, "the answer may not have reached the app-server")
    else if (isGone(request.runId)) moves.orphan(tx, request, "the app-server ended")
    else moves.reopen(tx, request)
    return readRequest(tx, id)?.state
  }

  const isGone = (runId: string): boolean => gone.has(runId) || !codex.lives(runId)

  function claim(tx: Tx, id: string, given: Given): Claimed {
    const { asked, sealed, by, before } = given
    // A lost commit is repeated.
    unmark(id, given)
    const request = readRequest(tx, id)
    if (request?.kind !== asked.kind || request.state === "expired") {
      throw new Fault("request_not_found", "no such request", { [FRAMES[asked.kind].id]: id })
    }
    const isAfter = AFTERLIFE.has(request.state) || request.carryId !== undefined
    const fitting = fitted(request, asked)
    const decided = isAfter ? inTurnScope(fitting) : fitting
    const word = { decision: JSON.stringify(sealed ?? decided), by }
    if (request.state === "orphaned") {
      const accepts = decided.kind !== "tool_call" && decided.decision === "accept"
      moves.decideOrphan(tx, request, word, accepts)
      return { request, decided, state: accepts ? "accepted-for-carry" : "declined", next: "done" }
    }
    if (request.state === "open") {
      moves.claim(tx, request, { ...word, isWritten: !before })
      if (!before) claiming.set(id, given)
      return { request, decided, state: "claimed", next: "send" }
    }
    refuseOther(request, word.decision)
    // Claimed in this very commit, by one whose words go first.
    const stuck = request.state === "claimed" && request.handingAt === undefined
    return { request, decided, state: request.state, next: stuck ? "resend" : "done" }
  }

  return {
    decide,
    /** The decision that was carried over to a request of the child, which is claimed: it is written. After the commit. */
    deliverCarried(request: Request): void {
      // One that could not be written waits for a person again: that is told, and no fault.
      send(request, decisionOf(request)).catch((error: unknown) => {
        if (!isFault(error, "request_undelivered")) onFault(error)
      })
    },
    /**
     * Nothing was written of this claimed request's answer, and nothing will be once it moved on; undefined while it is being
     * written: then its delivery settles it.
     */
    isUnwritten({ id, handingAt }: Request): boolean | undefined {
      if (handingAt === undefined || claiming.has(id) || returns.has(id)) return true
      return delivering.has(id) ? undefined : false
    },
    /** That run of the child is over. */
    noteGone: (runId: string): void => void gone.add(runId),
  }
}
export type Decide = ReturnType<typeof createDecide>

export const DIED = "the app-server ended before it showed that it had the answer"

/** Throws unless the request was decided just so. */
function refuseOther(request: Request, decision: string): void {
  const { state } = request
  const failed = state === "void" || state === "indeterminate" || state === "dismissed"
  if (request.decision === decision && !failed) return
  // Tool calls alone have a word for an answer that is being written (§1.8); to approvals the claim is the decision (§9.3).
  const writing = state === "claimed" && request.handedAt === undefined
  const conflict = writing && request.kind === "tool_call" ? "conflict" : "already_resolved"
  throw new Fault("request_reconciled", refusal(request), {
    [FRAMES[request.kind].id]: request.id,
    threadId: request.sessionId,
    code: state === "void" ? "not_eligible" : conflict,
  })
}

const refusal = ({ state, reason }: Request): string =>
  state === "void" ? `its accept came to nothing: ${reason}` : "the request was decided otherwise"

const undelivered = (request: Request, cause: unknown): Fault =>
  new Fault(
    "request_undelivered",
    "the answer did not reach the app-server",
    { [FRAMES[request.kind].id]: request.id },
    { cause },
  )
