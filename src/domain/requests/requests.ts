// Requests of the child to a person: approvals, tool input, tool calls. One machine for all kinds, in the table and nowhere
// else. First answer wins: it is claimed before it is written to the child. Every move and its event are one act.

import type { Log } from "../../base/events/log.ts"
import { Fault, isFault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { type Audience, requestClosed, requestOpened } from "../events.ts"
import type { Transcript } from "../transcript/transcript.ts"
import { summaryOf } from "./asks/about.ts"
import { questionsOf } from "./asks/questions.ts"
import { FRAMES, itemOf, type Kind, METHODS, type Params, string } from "./kinds.ts"
import { rowOf } from "./row.ts"
import {
  forgetRequests,
  insertRequest,
  moveRequest,
  noteHanded,
  oldestOpenAt,
  openRequests,
  type Request,
  readRequest,
  requestByRpc,
} from "./store.ts"
import { type Decision, fitted, resolvedOf, verdictOf } from "./verdict.ts"

export interface AnswersRequests {
  /**
   * Hands the result to the child of that run. Resolves when the pipe took it. Throws `runtime_unavailable` when nothing was
   * written; any other failure means that it may have been.
   */
  answer(runId: string, rpcId: string | number, result: unknown): Promise<void>
}

export interface RequestsNeeds {
  db: Db
  log: Log
  clock: Clock
  transcript: Transcript
  codex: AnswersRequests
  /** Who may hear of a session's events. */
  audienceOf(sessionId: string): Audience
  onFault(error: unknown): void
}

export interface Asked {
  runId: string
  rpcId: string | number
  method: string
  sessionId: string
  /** The running turn, for requests that name none. */
  activeTurn: string | undefined
  params: Params
}

export function createRequests({ db, log, clock, transcript, codex, audienceOf, onFault }: RequestsNeeds) {
  const delivering = new Map<string, Promise<void>>()

  /** Takes a request of the child in. The id is ours: the child's own start again with every run. */
  function open(tx: Tx, asked: Asked, id: string): void {
    const { runId, rpcId, method, sessionId, activeTurn } = asked
    const kind = METHODS[method]?.kind
    const params = withChanges(tx, asked)
    if (!kind) throw new Error(`${method} is no request that a person answers`)
    insertRequest(tx, {
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
      createdAt: clock.now(),
    })
    const request = known(tx, id)
    log.append(tx, requestOpened(audienceOf(sessionId), FRAMES[kind].opened, rowOf(request)))
    tell(tx, request, "request", openedDetails(request, params))
  }

  /** A file change that doesn't say what would change has its item's changes: a person must see what is asked. */
  function withChanges(tx: Tx, { method, sessionId, params }: Asked): Params {
    const itemId = itemOf(params)
    if (method !== "item/fileChange/requestApproval" || params.changes !== undefined || !itemId) return params
    const changes = transcript.itemOf(tx, sessionId, itemId)?.changes
    return changes === undefined ? params : { ...params, changes }
  }

  /**
   * A person's decision. The same decision again is `ok` once more; another one, or one that is being written, is
   * `request_reconciled`; an unknown id or an expired request `request_not_found` (wire-contract §9.3).
   */
  async function decide(
    id: string,
    asked: Decision,
    by: string,
  ): Promise<{ request: Request; decided: Decision }> {
    const claimed = await db.act((tx) => claim(tx, id, asked, by))
    const { request, decided } = claimed
    if (claimed.again) {
      // The same answer is being written for somebody else: both hear how that ends.
      await delivering.get(id)
      return claimed
    }
    const delivery = deliver(request, decided)
    delivering.set(id, delivery)
    try {
      await delivery
    } finally {
      delivering.delete(id)
    }
    return claimed
  }

  async function deliver(request: Request, decided: Decision): Promise<void> {
    try {
      const rpcId = JSON.parse(request.rpcId) as string | number
      await codex.answer(request.runId, rpcId, verdictOf(request, decided))
    } catch (error) {
      await db.act((tx) => giveBack(tx, request.id, error))
      throw undelivered(request, error)
    }
    // The child has its answer. Where this can't be stored now, it is told when the child shows that it has it.
    await db.act((tx) => tellDecided(tx, request.id)).catch(onFault)
  }

  /** What was decided is told once, by whoever comes first: the hand-over, or the child that shows it. */
  function tellDecided(tx: Tx, id: string): void {
    const request = readRequest(tx, id)
    if (!request?.decision || request.handedAt !== undefined) return
    noteHanded(tx, id, clock.now())
    closed(tx, request, resolvedOf(JSON.parse(request.decision) as Decision))
  }

  function claim(tx: Tx, id: string, asked: Decision, by: string) {
    const request = readRequest(tx, id)
    if (request?.kind !== asked.kind || request.state === "expired") {
      throw new Fault("request_not_found", "no such request", { [FRAMES[asked.kind].id]: id })
    }
    const decided = fitted(request, asked)
    const decision = JSON.stringify(decided)
    if (request.state !== "open") return { again: repeated(request, decision), request, decided }
    moveRequest(tx, request, "claimed", { decision, decidedBy: by, decidedAt: clock.now() })
    return { again: false, request, decided }
  }

  /** Nothing was written and the child lives: the request is open again. Otherwise nobody knows whether it was answered. */
  function giveBack(tx: Tx, id: string, error: unknown): void {
    const request = readRequest(tx, id)
    if (request?.state !== "claimed") return
    if (isFault(error, "runtime_unavailable")) {
      moveRequest(tx, request, "open", { decision: undefined, decidedBy: undefined, decidedAt: undefined })
    } else lose(tx, request, "the answer may not have reached the app-server")
  }

  /** The child showed that it has its answer, or that it needs none any more. */
  function resolved(tx: Tx, runId: string, rpcId: string | number): void {
    const request = requestByRpc(tx, runId, JSON.stringify(rpcId))
    if (request?.state === "claimed") answered(tx, request)
    if (request?.state === "open") expire(tx, request, "the app-server no longer needs an answer")
  }

  /** Ends what is open; what was claimed has its answer, or nobody knows whether it had. */
  function expireWhere(
    tx: Tx,
    which: { sessionId?: string; turnId?: string; runId?: string },
    end: RequestEnd,
  ): void {
    for (const request of openRequests(tx, which.sessionId)) {
      if (which.turnId !== undefined && request.turnId !== which.turnId) continue
      if (which.runId !== undefined && request.runId !== which.runId) continue
      if (request.state === "open") expire(tx, request, end.reason)
      else if (end.claimed === "answered") answered(tx, request)
      else lose(tx, request, end.reason)
    }
  }

  function answered(tx: Tx, request: Request): void {
    tellDecided(tx, request.id)
    moveRequest(tx, { ...request, handedAt: request.handedAt ?? clock.now() }, "answered")
  }

  /** A claimed request whose answer nobody saw arrive. Where its end has been told it stays told. */
  function lose(tx: Tx, request: Request, reason: string): void {
    moveRequest(tx, request, "indeterminate", { reason })
    if (request.handedAt === undefined) closed(tx, request, { ...expiredOf(request), state: "indeterminate" })
  }

  function expire(tx: Tx, request: Request, reason: string): void {
    moveRequest(tx, request, "expired", { reason })
    closed(tx, request, expiredOf(request))
  }

  function closed(tx: Tx, request: Request, end: Record<string, unknown>): void {
    const { closed: frame, id } = FRAMES[request.kind]
    const payload = { [id]: request.id, ...end }
    log.append(tx, requestClosed(audienceOf(request.sessionId), frame, payload))
    const by = readRequest(tx, request.id)
    tell(tx, request, "resolved", {
      ...payload,
      reason: by?.reason,
      decidedBy: by?.decidedBy,
      decidedAt: by?.decidedAt,
    })
  }

  function tell(
    tx: Tx,
    request: Request,
    what: "request" | "resolved",
    details: Record<string, unknown>,
  ): void {
    const { entry } = FRAMES[request.kind]
    transcript.put(tx, request.sessionId, {
      messageId: `${entry}-${request.id}`,
      turnId: request.turnId ?? entry,
      role: "system",
      type: `${entry.replace("-", "_")}.${what}`,
      content: `${what === "request" ? "Requested" : "Resolved"}: ${request.summary}`,
      details: JSON.stringify(details),
      status: "complete",
      startedAt: request.createdAt,
      completedAt: clock.now(),
    })
  }

  return {
    open,
    decide,
    resolved,
    expireWhere,
    /** What waits for a person in a session, oldest first, as rows of the contract. */
    list: (sessionId: string, kind: Kind) =>
      openRequests(db, sessionId)
        .filter((r) => r.kind === kind && r.state === "open")
        .map(rowOf),
    /** Its session is gone, and what was asked in it with it. */
    forget: (tx: Tx, sessionId: string): void => forgetRequests(tx, sessionId),
    /** Not over, of any session. */
    pending: (): Request[] => openRequests(db),
    oldestOpenAt: (): number | undefined => oldestOpenAt(db),
    newId,
  }
}
export type Requests = ReturnType<typeof createRequests>

export interface RequestEnd {
  reason: string
  /** What a claimed request becomes: `answered` where the child ended the turn itself, else `indeterminate`. */
  claimed: "answered" | "indeterminate"
}

function known(tx: Tx, id: string): Request {
  const request = readRequest(tx, id)
  if (!request) throw new Error(`request ${id} is not in its table`)
  return request
}

const expiredOf = ({ kind }: Request) =>
  kind === "tool_call" ? { status: "expired", success: false } : { status: "expired" }

function repeated(request: Request, decision: string): true {
  const same = request.decision === decision && request.state !== "indeterminate"
  if (same) return true
  // Tool calls alone have a word for an answer that is being written (§1.8); to approvals the claim is the decision (§9.3).
  const writing = request.state === "claimed" && request.handedAt === undefined
  const code = writing && request.kind === "tool_call" ? "conflict" : "already_resolved"
  throw new Fault("request_reconciled", "the request was decided otherwise", {
    [FRAMES[request.kind].id]: request.id,
    threadId: request.sessionId,
    code,
  })
}

function undelivered(request: Request, cause: unknown): Fault {
  return new Fault(
    "request_undelivered",
    "the answer did not reach the app-server",
    { [FRAMES[request.kind].id]: request.id },
    { cause },
  )
}

function openedDetails(request: Request, params: Params): Record<string, unknown> {
  const base = { method: request.method, createdAt: new Date(request.createdAt).toISOString() }
  if (request.kind === "tool_input")
    return { ...base, questions: questionsOf(request.method, params), ...params }
  if (request.kind === "tool_call") return { ...base, tool: params.tool, callId: params.callId, ...params }
  return { ...base, ...params }
}
