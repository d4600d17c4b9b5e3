// What a request carries through the routes.

import type { Peer } from "../../base/platform/port.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Who } from "./doors/admit.ts"

export interface HttpEnv {
  Bindings: { peer: Peer }
  Variables: {
    requestId: string
    /** What is there for this method and path; undefined: nothing. */
    route?: { method: string; path: string }
    /** Who asks; set once they were let in (doors/admit.ts). */
    who?: Who
    /** The session that was made, where the path names none. */
    about?: string
  }
}

/** After the gates of a session's route have been passed. */
export interface SessionEnv extends HttpEnv {
  Variables: HttpEnv["Variables"] & { sessionId: string; session: Session }
}
