// Actions on what is ours: hand work to the queue, name a session that nobody named, give a suggestion (wire-contract §5.5).

import * as v from "valibot"
import { ownerOfSession } from "../../domain/projects/projects.ts"
import { DEFAULT_TITLE, titleOf } from "../../domain/sessions/session.ts"
import { newJobOf } from "../jobs/new-job.ts"
import { jobView } from "../jobs/view.ts"
import {
  type ActionNeeds,
  type ActionRow,
  type Breach,
  failed,
  failureOf,
  id,
  type Outcome,
  outsideSession,
  performed,
  row,
  type Scope,
  text,
} from "./row.ts"

const job = v.object({
  type: id,
  projectId: id,
  sourceSessionId: v.optional(id),
  payload: v.record(v.string(), v.unknown()),
})
const title = v.object({ sessionId: id, title: text(200) })
const suggestion = v.pipe(
  v.object({
    sessionId: id,
    requestKey: id,
    status: v.picklist(["streaming", "complete", "error", "canceled"]),
    suggestion: v.optional(text(8_000)),
    error: v.optional(text(4_000)),
  }),
  v.check(
    ({ status, suggestion }) => status !== "complete" || suggestion !== undefined,
    "suggestion: a complete one has a text",
  ),
)

export const enqueue = ({ db, jobs }: ActionNeeds): ActionRow =>
  row({
    schema: job,
    breach: ({ projectId, sourceSessionId, payload }, scope) =>
      outsideProject(projectId, scope) ??
      (sourceSessionId === undefined ? undefined : outsideSession(sourceSessionId, scope)) ??
      outsideWith(payload, scope),
    async perform(given, { scope, keep }) {
      const sourceSessionId = given.sourceSessionId ?? scope.sessionId
      try {
        const queue = jobs().queue()
        return await db.act((tx) => {
          const { job, outcome } = queue.add(tx, newJobOf({ ...given, sourceSessionId }))
          const isNew = outcome === "enqueued"
          const details = { enqueueStatus: isNew ? outcome : "already_queued", job: jobView(job) }
          return keep(tx, { status: isNew ? "performed" : "already_resolved", details })
        })
      } catch (error) {
        return failureOf(error)
      }
    },
  })

/** A project, or the session itself as the owner of jobs that are in none. */
function outsideProject(received: string, { projectId, sessionId }: Scope): Breach | undefined {
  const isOwn = sessionId !== undefined && received === ownerOfSession(sessionId)
  if (received === projectId || isOwn) return undefined
  return { code: "scope_project_mismatch", expected: projectId ?? null, received }
}

/** What the payload names is held to the same scope: a message to another session is not in reach of this one's events. */
function outsideWith(payload: Record<string, unknown>, scope: Scope): Breach | undefined {
  for (const key of ["sessionId", "sourceSessionId"]) {
    const received = payload[key]
    const breach = typeof received === "string" ? outsideSession(received, scope) : undefined
    if (breach) return breach
  }
  return typeof payload.projectId === "string" ? outsideProject(payload.projectId, scope) : undefined
}

export const renameSession = ({ db, rooms }: ActionNeeds): ActionRow =>
  row({
    schema: title,
    breach: ({ sessionId }, scope) => outsideSession(sessionId, scope),
    async perform({ sessionId, title }, { keep }) {
      const { sessions, outbox } = rooms
      const done = await db.act((tx): { outcome: Outcome; told?: number } => {
        const session = sessions.find(sessionId, tx)
        if (!session) return { outcome: failed("session_not_found", "no such session") }
        const known = titleOf(session)
        if (known !== DEFAULT_TITLE)
          return { outcome: keep(tx, { status: "already_resolved", details: { sessionId, title: known } }) }
        sessions.entitle(tx, sessionId, { title })
        const told = outbox.put(tx, sessionId, "name", { name: title })
        return { outcome: keep(tx, performed({ sessionId, title })), told }
      })
      // Where the child can't be told now it is told later: the name stands.
      if (done.told !== undefined) await outbox.perform(sessionId, done.told)
      return done.outcome
    },
  })

export const upsertSuggestion = ({ db, rooms }: ActionNeeds): ActionRow =>
  row({
    schema: suggestion,
    breach: ({ sessionId }, scope) => outsideSession(sessionId, scope),
    perform: (given, { keep }) =>
      db.act((tx) => {
        const { sessionId, requestKey } = given
        if (!rooms.sessions.find(sessionId, tx)) return failed("session_not_found", "no such session")
        const { status } = rooms.suggestions.upsert(tx, given)
        return keep(tx, performed({ sessionId, requestKey, status }))
      }),
  })
