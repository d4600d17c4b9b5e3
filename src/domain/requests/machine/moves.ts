// The one writer of requests: every move of the picture, with its event in the same act, and with its transcript row (that of
// a new request follows right behind). Frames say an end once, and what becomes of it after that by a frame of its own; an
// orphan is told again as what it is, never as resolved (decisions 18).

import type { Log } from "../../../base/events/log.ts"
import type { Clock } from "../../../base/kit/clock.ts"
import type { Reader, Tx } from "../../../base/storage/port.ts"
import { type Audience, requestClosed, requestOpened, requestUpdated } from "../../events.ts"
import type { Transcript } from "../../transcript/transcript.ts"
import { summaryOf } from "../asks/about.ts"
import { carriesOver } from "../carry/essence.ts"
import { FRAMES, itemOf, METHODS, type Params, string } from "../kinds.ts"
import { rowOf } from "../row.ts"
import { insertRequest, moveRequest, noteHanded, type Request, readRequest } from "../store.ts"
import { resolvedOf } from "../verdict.ts"
import type { By } from "./by.ts"
import {
  askedDetails,
  closedPayload,
  decisionOf,
  entryIdOf,
  entryOf,
  expiredOf,
  isUnanswered,
  livingTurn,
  lostDetails,
  openedDetails,
  wasAccepted,
} from "./told.ts"

export interface MovesNeeds {
  log: Log
  clock: Clock
  transcript: Transcript
  /** Who may hear of a session's events. */
  audienceOf(sessionId: string): Audience
  /** Until when a request of that method waits that was asked at that moment. */
  dueAt(method: string, since: number): number | undefined
  /** One that is due then waits from now on. */
  wakeAt(at: number | undefined): void
}

export interface Asked {
  runId: string
  rpcId: string | number
  method: string
  sessionId: string
  /** The running turn, for requests that name none. */
  activeTurn: string | undefined
  params: Params
  /** Who may hear of the session's events. */
  audience: Audience
}

export interface Decided {
  decision: string
  by: By
}

export function createMoves({ log, clock, transcript, audienceOf, dueAt, wakeAt }: MovesNeeds) {
  /** Takes a request of the child in, and `enter` into the transcript. The id is ours: the child's own start again with every run. */
  function open(tx: Tx, asked: Asked, id: string): void {
    const { runId, rpcId, method, sessionId, activeTurn } = asked
    const kind = METHODS[method]?.kind
    if (!kind) throw new Error(`${method} is no request that a person answers`)
    const createdAt = clock.now()
    const due = dueAt(method, createdAt)
    const params = withChanges(tx, asked)
    const request = insertRequest(tx, {
      id,
      kind,
      method,
      sessionId,
      turnId: string(params.turnId) ?? activeTurn,
      itemId: itemOf(params),
      runId,
      rpcId: JSON.stringify(rpcId),
      summary: summaryOf(method, params),
      params: JSON.stringify(params),
      createdAt,
      dueAt: due,
    })
    wakeAt(due)
    publish(tx, request, asked.audience)
  }

  /**
   * Writes its row, unless that is there or it moved on: whoever moved it has told what became of it. Where a kill comes before,
   * the next start does so: it leaves none open.
   */
  function enter(tx: Tx, id: string): void {
    const request = readRequest(tx, id)
    if (!request || !isUnanswered(request)) return
    if (!transcript.has(tx, request.sessionId, entryIdOf(request)))
      write(tx, request, "request", askedDetails(request))
  }

  /** A file change that doesn't say what would change has its item's changes: a person must see what is asked. */
  function withChanges(reader: Reader, { method, sessionId, params }: Asked): Params {
    const itemId = itemOf(params)
    if (method !== "item/fileChange/requestApproval" || params.changes !== undefined || !itemId) return params
    const changes = transcript.itemOf(reader, sessionId, itemId)?.changes
    return changes === undefined ? params : { ...params, changes }
  }

  /** Publishes the request as it waits now: it was asked, or its child died, or its answer could not be written. */
  function tellOpened(tx: Tx, id: string): void {
    const request = known(tx, id)
    publish(tx, request)
    tell(tx, request, "request", askedDetails(request))
  }

  const publish = (tx: Tx, request: Request, audience = audienceOf(request.sessionId)): void =>
    void log.append(tx, requestOpened(audience, FRAMES[request.kind].opened, rowOf(request)))

  const decidedFields = ({ decision, by }: Decided) => ({
    decision,
    decidedBy: by.actor,
    decidedFrom: by.source,
    decidedAt: clock.now(),
  })

  /** With `isWritten` its answer goes to the child as soon as this is committed. */
  const claim = (
    tx: Tx,
    request: Request,
    { isWritten, ...decided }: Decided & { isWritten: boolean },
  ): void =>
    void moveRequest(tx, request, "claimed", {
      ...decidedFields(decided),
      handingAt: isWritten ? clock.now() : undefined,
    })

  /** What was decided is told once, by whoever comes first: the hand-over, or the child that shows it. */
  function tellDecided(tx: Tx, id: string): void {
    const request = readRequest(tx, id)
    if (request?.state !== "claimed" || request.handedAt !== undefined) return
    noteHanded(tx, id, clock.now())
    const carried = request.carryId === undefined ? {} : { carried: true }
    closed(tx, request, { ...resolvedOf(decisionOf(request)), ...carried })
  }

  function answered(tx: Tx, request: Request): void {
    tellDecided(tx, request.id)
    moveRequest(tx, { ...request, handedAt: request.handedAt ?? clock.now() }, "answered")
  }

  /** Nothing was written and the child lives: it waits again. One that was carried over is a request of its new turn now. */
  function reopen(tx: Tx, request: Request): void {
    moveRequest(tx, request, "open", {
      decision: undefined,
      decidedBy: undefined,
      decidedFrom: undefined,
      decidedAt: undefined,
      handingAt: undefined,
      carryId: undefined,
      carryTurnId: undefined,
      turnId: request.carryTurnId ?? request.turnId,
    })
    wakeAt(request.dueAt)
    if (request.carryId !== undefined) tellOpened(tx, request.id)
  }

  /** A claimed request whose answer nobody saw arrive. Where its end has been told it stays told; the transcript says both. */
  function lose(tx: Tx, request: Request, reason: string): void {
    const state = "indeterminate"
    moveRequest(tx, request, state, { reason })
    if (request.handedAt === undefined) {
      closed(tx, request, { ...expiredOf(request), state })
      return
    }
    tell(tx, request, "resolved", { ...lostDetails(request), state, reason })
    tellAfter(tx, request)
  }

  function expire(tx: Tx, request: Request, reason: string): void {
    moveRequest(tx, request, "expired", { reason })
    closed(tx, request, expiredOf(request))
  }

  /** The child that asked is gone, and nothing was written: it waits for a person all the same, if its kind can. */
  function orphan(tx: Tx, request: Request, reason: string): void {
    if (!carriesOver(request)) {
      expire(tx, request, reason)
      return
    }
    moveRequest(tx, request, "orphaned", {
      reason: `its turn was interrupted: ${reason}`,
      handingAt: undefined,
      carryId: undefined,
      carryTurnId: undefined,
    })
    wakeAt(request.dueAt)
    tellOpened(tx, request.id)
  }

  /** A person's word on an orphan: a decline ends it, an accept waits for its continuation turn. Both are told as decided. */
  function decideOrphan(tx: Tx, request: Request, decided: Decided, accepts: boolean): void {
    moveRequest(tx, request, accepts ? "accepted-for-carry" : "declined", decidedFields(decided))
    const now = known(tx, request.id)
    const { state, reason, decidedBy, decidedFrom, decidedAt } = now
    const end = { ...resolvedOf(decisionOf(now)), state }
    if (!accepts) {
      closed(tx, now, end)
      return
    }
    tellClosed(tx, now, end)
    const details = openedDetails(now, JSON.parse(now.params) as Params)
    tell(tx, now, "request", { ...details, state, reason, decidedBy, decidedFrom, decidedAt })
  }

  /** The accept of an orphan came to nothing; it is never tried again by itself. */
  function annul(tx: Tx, request: Request, reason: string): void {
    moveRequest(tx, request, "void", { reason })
    closed(tx, request, { ...expiredOf(request), state: "void", reason })
  }

  function dismiss(tx: Tx, request: Request, by: By): void {
    moveRequest(tx, request, "dismissed")
    const seen = { dismissedBy: by.actor, dismissedFrom: by.source }
    tell(tx, request, "resolved", {
      ...lostDetails(request),
      state: "dismissed",
      reason: request.reason,
      ...seen,
    })
    tellAfter(tx, request)
  }

  function closed(tx: Tx, request: Request, end: Record<string, unknown>): void {
    const { reason, decidedBy, decidedFrom, decidedAt } = known(tx, request.id)
    // A decision of the clock's says so: nobody made it.
    const why = decidedFrom === "deadline" && { reason: "deadline" }
    const payload = closedPayload(request, { ...end, ...why })
    if (wasAccepted(request)) tellAfter(tx, request, end.carried === true)
    else tellClosed(tx, request, { ...end, ...why })
    tell(tx, request, "resolved", { reason, ...payload, decidedBy, decidedFrom, decidedAt })
  }

  const tellClosed = (tx: Tx, request: Request, end: Record<string, unknown>): void =>
    void log.append(
      tx,
      requestClosed(audienceOf(request.sessionId), FRAMES[request.kind].closed, closedPayload(request, end)),
    )

  /** What became of one whose end has been told before. */
  function tellAfter(tx: Tx, { id, kind, sessionId }: Request, carried = false): void {
    const now = known(tx, id)
    log.append(
      tx,
      requestUpdated(audienceOf(sessionId), {
        [FRAMES[kind].id]: id,
        kind,
        turnId: livingTurn(now) ?? null,
        state: now.state,
        ...(carried ? { carried } : { reason: now.reason }),
      }),
    )
  }

  /** Behind the rows of those that were asked before it. */
  function tell(tx: Tx, ...told: Told): void {
    transcript.following.writeIn(tx)
    write(tx, ...told)
  }

  function write(tx: Tx, ...[request, what, details]: Told): void {
    transcript.put(tx, request.sessionId, entryOf(request, what, { details, now: clock.now() }))
  }

  return {
    open,
    enter,
    withChanges,
    claim,
    tellDecided,
    answered,
    reopen,
    lose,
    expire,
    orphan,
    decideOrphan,
    annul,
    dismiss,
  }
}
export type Moves = ReturnType<typeof createMoves>

type Told = [request: Request, what: "request" | "resolved", details: Record<string, unknown>]

function known(tx: Tx, id: string): Request {
  const request = readRequest(tx, id)
  if (!request) throw new Error(`request ${id} is not in its table`)
  return request
}
