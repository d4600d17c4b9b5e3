// What a request carries through the routes.

import type { Peer } from "../../base/platform/port.ts"
import type { Session } from "../../domain/sessions/session.ts"

export interface HttpEnv {
  Bindings: { peer: Peer }
  Variables: { requestId: string }
}

/** After the gates of a session's route have been passed. */
export interface SessionEnv extends HttpEnv {
  Variables: HttpEnv["Variables"] & { sessionId: string; session: Session }
}
