// A session as clients read it: its summary, its thread with turns and items from our own ledger, and its transcript, as
// JSON text (wire-contract §1.4).

import { Fault } from "../../base/fault.ts"
import type { Session } from "../../domain/sessions/session.ts"
import { threadText } from "../../domain/turns/thread.ts"
import type { RouteNeeds } from "./routes/needs.ts"

export interface Shown {
  session: string
  thread: string
  transcript: string
}

/** After the child's history was laid beside ours, once a run. Throws when the session was deleted meanwhile. */
export async function shown(
  { rooms, reconcile }: Pick<RouteNeeds, "rooms" | "reconcile">,
  asked: Session,
): Promise<Shown> {
  const poured = await brought({ rooms, reconcile }, asked)
  return shownOf(rooms, asked.id, poured)
}

/** Brings what is stored of the session up to this moment. False where there is no room for it. */
export async function brought(
  { rooms, reconcile }: Pick<RouteNeeds, "rooms" | "reconcile">,
  asked: Session,
): Promise<boolean> {
  await reconcile.history(asked)
  return rooms.transcript.poured(asked.id)
}

export function shownOf(rooms: RouteNeeds["rooms"], sessionId: string, poured: boolean): Shown {
  const session = rooms.sessions.find(sessionId)
  if (!session) {
    throw (
      rooms.tombstones.fault(sessionId) ?? new Fault("session_not_found", "no such session", { sessionId })
    )
  }
  const { preview, createdAt, updatedAt, modelProvider, cwd, thread } = session
  const { transcript, items } = rooms.transcript.joined(sessionId, poured)
  const turns = rooms.turns.list(sessionId)
  return {
    session: JSON.stringify(rooms.sessions.summary(session)),
    thread: threadText({
      thread,
      turns,
      items,
      fresh: { preview, createdAt, updatedAt, modelProvider, cwd },
    }),
    transcript,
  }
}
