// What every signal of a thread carries (wire-contract §4.1): who may hear of it, its session, its turn. Remembered per
// thread, because deltas come by the hundred thousand; forgotten when anything about the session is told.

import type { Log } from "../../base/events/log.ts"
import type { Reader } from "../../base/storage/port.ts"
import type { Audience } from "../../domain/events.ts"
import type { Sessions } from "../../domain/sessions/sessions.ts"

export interface ThreadContext {
  audience: Audience
  /** `{id, title, projectId}` as JSON, or `null` for a thread that is no session yet. */
  session: string
  /** The last composed context: neighbours mostly share it. */
  turnId: string | null | undefined
  composed: string
}

/** Threads remembered at a time; more than that many streaming at once would only be slower. */
const KEPT = 1_000

export function createContexts({ sessions, log }: { sessions: Sessions; log: Log }) {
  const known = new Map<string, ThreadContext>()
  const watching = log.onTold((events) => {
    for (const { type, thread } of events)
      if (thread !== null && type.startsWith("session.")) known.delete(thread)
  })

  function of(reader: Reader, thread: string | null): ThreadContext {
    const found = thread === null ? undefined : known.get(thread)
    if (found) return found
    const session = thread === null ? undefined : sessions.find(thread, reader)
    const fresh: ThreadContext = {
      audience: { thread, hidden: session?.systemOwned ?? false },
      session: session ? JSON.stringify(brief(session)) : "null",
      turnId: undefined,
      composed: "",
    }
    if (thread !== null && session) {
      if (known.size >= KEPT) known.clear()
      known.set(thread, fresh)
    }
    return fresh
  }

  return {
    of,
    /** The context JSON of an event in that turn. */
    compose(context: ThreadContext, turnId: string | null): string {
      if (context.turnId !== turnId || context.composed === "") {
        context.turnId = turnId
        context.composed = `{"turnId":${JSON.stringify(turnId)},"session":${context.session}}`
      }
      return context.composed
    },
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  }
}
export type Contexts = ReturnType<typeof createContexts>

const brief = (s: { id: string; title: string | undefined; projectId: string | undefined }) => ({
  id: s.id,
  title: s.title ?? null,
  projectId: s.projectId ?? null,
})
