// What the routes are given.

import type { Clock } from "../../../base/kit/clock.ts"
import type { PageParts } from "../../../base/platform/page-parts.ts"
import type { Db } from "../../../base/storage/port.ts"
import type { Keys } from "../../../domain/keys/keys.ts"
import type { Trail } from "../../../domain/trail/trail.ts"
import type { Hooks } from "../../../domain/triggers/hooks.ts"
import type { Schedules } from "../../../domain/triggers/schedules.ts"
import type { CarryOver } from "../../../flow/acts/carry.ts"
import type { ControlActs } from "../../../flow/acts/controls.ts"
import type { Life } from "../../../flow/acts/life.ts"
import type { ProjectActs } from "../../../flow/acts/projects.ts"
import type { TranscriptActs } from "../../../flow/acts/transcript.ts"
import type { Extensions } from "../../../flow/extensions/extensions.ts"
import type { Reconcile } from "../../../flow/ingest/past/reconcile.ts"
import type { Jobs } from "../../../flow/jobs/jobs.ts"
import type { Capabilities } from "../../../flow/pass/capabilities.ts"
import type { Passing } from "../../../flow/pass/pass.ts"
import type { Rollouts } from "../../../flow/rollouts/import.ts"
import type { Rooms } from "../../../flow/rooms.ts"
import type { Suggest } from "../../../flow/workers/suggest.ts"
import type { Sockets } from "../../stream/socket.ts"
import type { Events } from "../../stream/sse.ts"
import type { Gate } from "../guards.ts"
import type { Rbac } from "../rbac.ts"
import type { MetricsNeeds } from "./metrics.ts"

export interface RouteNeeds {
  extensions: Extensions
  rbac: Rbac
  rooms: Rooms
  controlActs: ControlActs
  life: Life
  carry: CarryOver
  projectActs: ProjectActs
  transcriptActs: TranscriptActs
  rollouts: Rollouts
  jobs: Jobs
  schedules: Schedules
  hooks: Hooks
  suggest: Suggest
  db: Db
  reconcile: Reconcile
  gate: Gate
  keys: Keys
  passing: Passing
  pageParts: PageParts
  capabilities: Capabilities
  /** API_RPC. */
  rpc: boolean
  sockets: Sockets
  events: Events
  clock: Clock
  version: string
  trail: Pick<Trail, "list">
  metrics: MetricsNeeds["metrics"]
  /** Whether work can be taken now: it can be stored, Codex is there or comes when it is needed, and nobody is closing. */
  readiness(): { ready: boolean }
  health(): Record<string, unknown> & { status: string }
  /** Its status alone, for strangers: costs next to nothing. */
  healthStatus(): string
}
