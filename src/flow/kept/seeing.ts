// What can be seen of the house from outside, put together: the meters with their gauges, and the audit.

import type { Logger } from "../../base/observe/logger.ts"
import { createTrail } from "../../domain/trail/trail.ts"
import { createExposition } from "./exposition.ts"
import { type GaugeNeeds, readGauges } from "./gauges.ts"
import type { Measures } from "./measures.ts"

export interface SeeingNeeds extends Omit<GaugeNeeds, "meters"> {
  logger: Logger
  measures: Measures
  onFault(error: unknown): void
}

const DAY_MS = 86_400_000

export function openSeeing(needs: SeeingNeeds) {
  const { config, db, clock, measures, rooms, onFault } = needs
  const { meters } = measures
  readGauges({ ...needs, meters })
  const keep = { maxAgeMs: config.auditMaxAgeDays * DAY_MS, maxEntries: config.auditMaxEntries }
  const trail = createTrail({ db, clock, keep, onFault })
  trail.start()
  return {
    trail,
    metrics: createExposition(meters),
    sessionOf: (requestId: string): string | undefined => rooms.requests.find(requestId)?.sessionId,
    [Symbol.dispose]: () => trail[Symbol.dispose](),
  }
}
