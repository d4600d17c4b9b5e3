// What can be seen of the house from outside, put together: the meters with their gauges, and the audit.

import type { Config } from "../../base/config/config.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db } from "../../base/storage/port.ts"
import { createTrail, type Trail } from "../../domain/trail/trail.ts"
import { createExposition } from "./exposition.ts"
import { type GaugeNeeds, readGauges } from "./gauges.ts"
import type { Measures } from "./measures.ts"

export interface SeeingNeeds extends Omit<GaugeNeeds, "meters"> {
  measures: Measures
}

const DAY_MS = 86_400_000

export function openSeeing(needs: SeeingNeeds) {
  const { measures, rooms } = needs
  const { meters } = measures
  readGauges({ ...needs, meters })
  return {
    metrics: createExposition(meters),
    sessionOf: (requestId: string): string | undefined => rooms.requests.find(requestId)?.sessionId,
  }
}

export interface TrailNeeds {
  config: Config
  db: Db
  clock: Clock
  onFault(error: unknown): void
}

/** The audit, shortened from now on as it is configured. */
export function openTrail({ config, db, clock, onFault }: TrailNeeds): Trail {
  const keep = { maxAgeMs: config.auditMaxAgeDays * DAY_MS, maxEntries: config.auditMaxEntries }
  const trail = createTrail({ db, clock, keep, onFault })
  trail.start()
  return trail
}
