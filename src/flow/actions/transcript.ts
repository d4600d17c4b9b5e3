// Rows of the transcript by extensions and workers (wire-contract §5.5).

import * as v from "valibot"
import {
  type ActionNeeds,
  type ActionRow,
  type Actor,
  failed,
  id,
  outsideSession,
  outsideTurn,
  performed,
  row,
} from "./row.ts"

const moment = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)))
const schema = v.object({
  sessionId: id,
  entry: v.object({
    messageId: id,
    turnId: id,
    role: v.picklist(["user", "assistant", "system"]),
    type: id,
    content: v.pipe(v.string(), v.maxLength(1_000_000)),
    /** What is no text is kept as JSON. */
    details: v.optional(v.unknown()),
    status: v.picklist(["streaming", "complete", "canceled", "error"]),
    startedAt: moment,
    completedAt: moment,
  }),
})

export const upsertTranscript = ({ db, clock, rooms }: ActionNeeds): ActionRow =>
  row({
    schema,
    breach: ({ sessionId, entry }, scope) =>
      outsideSession(sessionId, scope) ?? outsideTurn(entry.turnId, scope),
    perform: ({ sessionId, entry }, { actor, keep }) =>
      db.act((tx) => {
        if (!rooms.sessions.find(sessionId, tx)) return failed("session_not_found", "no such session")
        const known = rooms.transcript.find(tx, sessionId, entry.messageId)
        const isOver = entry.status !== "streaming"
        rooms.transcript.say(tx, sessionId, {
          ...entry,
          details: detailsOf(entry.details),
          startedAt: entry.startedAt ?? known?.startedAt ?? clock.now(),
          completedAt: entry.completedAt ?? (isOver ? clock.now() : undefined),
          author: authorOf(actor),
        })
        return keep(tx, performed({ messageId: entry.messageId, turnId: entry.turnId }))
      }),
  })

/** A worker's rows end with its job, an extension's with their turn. */
const authorOf = (actor: Actor): string =>
  actor.kind === "worker" ? `job:${actor.jobId}` : `extension:${actor.name}`

function detailsOf(details: unknown): string | undefined {
  if (details === undefined || details === null) return undefined
  return typeof details === "string" ? details : JSON.stringify(details)
}
