// What the tables of this floor are given: the rooms below, and the child.

import type { ControlsRoom } from "../domain/controls/controls.ts"
import type { Offers } from "../domain/offers/offers.ts"
import type { Projects } from "../domain/projects/projects.ts"
import type { Raw } from "../domain/raw/raw.ts"
import type { Requests } from "../domain/requests/requests.ts"
import type { Outbox } from "../domain/sessions/outbox/outbox.ts"
import type { Sessions } from "../domain/sessions/sessions.ts"
import type { Tombstones } from "../domain/sessions/tombstones/tombstones.ts"
import type { Transfer } from "../domain/sessions/transfer/transfer.ts"
import type { Suggestions } from "../domain/suggestions/suggestions.ts"
import type { Search } from "../domain/transcript/search/asking/search.ts"
import type { Streaming } from "../domain/transcript/streaming.ts"
import type { Transcript } from "../domain/transcript/transcript.ts"
import type { Turns } from "../domain/turns/turns.ts"
import type { Usage } from "../domain/turns/usage/usage.ts"
import type { WorkerBook } from "../domain/workers/workers.ts"
import type { Codex } from "../engine/runtime/codex.ts"

export interface Rooms {
  sessions: Sessions
  tombstones: Tombstones
  outbox: Outbox
  projects: Projects
  controls: ControlsRoom
  turns: Turns
  transcript: Transcript
  streaming: Streaming
  search: Search
  transfer: Transfer
  raw: Raw
  usage: Usage
  requests: Requests
  offers: Offers
  suggestions: Suggestions
  workerBook: WorkerBook
  codex: Codex
}
