// Times of a schedule: five or six fields of cron in a time zone. croner reads them and knows about summer time.

import { Cron } from "croner"
import { Fault } from "../../base/fault.ts"
import { iso } from "../../base/kit/clock.ts"

/** Throws `invalid_request` for a pattern or zone that can't be read, or that never comes. */
export function checkCron(cron: string, timeZone: string): void {
  try {
    new Cron(cron, { timezone: timeZone, paused: true }).nextRun()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const issues = [{ code: "custom", path: ["cron"], message }]
    throw new Fault("invalid_request", `cron: ${message}`, { issues })
  }
}

/** The first time after `afterMs`; undefined when there is none. Epoch milliseconds. */
export const nextTime = (cron: string, timeZone: string, afterMs: number): number | undefined =>
  new Cron(cron, { timezone: timeZone, paused: true }).nextRun(iso(afterMs))?.getTime()
