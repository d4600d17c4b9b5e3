// What the tables of this floor are given: the rooms below, and the child.

import type { ControlsRoom } from "../domain/controls/controls.ts"
import type { Requests } from "../domain/requests/requests.ts"
import type { Sessions } from "../domain/sessions/sessions.ts"
import type { Streaming } from "../domain/transcript/streaming.ts"
import type { Transcript } from "../domain/transcript/transcript.ts"
import type { Turns } from "../domain/turns/turns.ts"
import type { Codex } from "../engine/runtime/codex.ts"

export interface Rooms {
  sessions: Sessions
  controls: ControlsRoom
  turns: Turns
  transcript: Transcript
  streaming: Streaming
  requests: Requests
  codex: Codex
}
