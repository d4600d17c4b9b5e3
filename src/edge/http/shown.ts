// A session as clients read it: its summary, its thread with turns and items from our own ledger, and its transcript, as
// JSON text (wire-contract §1.4).

import { Fault } from "../../base/fault.ts"
import type { Session } from "../../domain/sessions/session.ts"
import { plainEntry } from "../../domain/transcript/transcript.ts"
import { threadText } from "../../domain/turns/thread.ts"
import type { RouteNeeds } from "./routes/needs.ts"

export interface Shown {
  session: string
  thread: string
  transcript(): string
}

/** After the child's history was laid beside ours, once a run. Throws when the session was deleted meanwhile. */
export async function shown(
  { rooms, reconcile }: Pick<RouteNeeds, "rooms" | "reconcile">,
  asked: Session,
): Promise<Shown> {
  await reconcile.history(asked)
  const rows = await rooms.transcript.read(asked.id)
  const session = rooms.sessions.find(asked.id)
  if (!session) {
    const sessionId = asked.id
    throw (
      rooms.tombstones.fault(sessionId) ?? new Fault("session_not_found", "no such session", { sessionId })
    )
  }
  const { preview, updatedAt } = session
  return {
    session: JSON.stringify(rooms.sessions.summary(session)),
    thread: threadText(session.thread, rooms.turns.list(session.id), rows, { preview, updatedAt }),
    transcript: () => JSON.stringify(rows.map(plainEntry)),
  }
}
