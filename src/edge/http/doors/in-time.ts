// A body has to be all there within a minute, however busily it drips: a sender that never ends holds nothing for ever.
// Imports count for themselves.

import type { MiddlewareHandler } from "hono"
import { Fault } from "../../../base/fault.ts"
import { type Clock, systemClock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"

/** Reads the body; whoever reads it again gets the same text. Throws `request_timeout`. */
export function inTime(clock: Clock = systemClock): MiddlewareHandler {
  return async (c, next) => {
    const late = Promise.withResolvers<never>()
    const seconds = TIMERS.bodyDeadlineMs / 1_000
    const fault = new Fault("request_timeout", `the body was not all there after ${seconds} s`)
    const deadline = clock.after(TIMERS.bodyDeadlineMs, () => late.reject(fault))
    try {
      await Promise.race([c.req.text(), late.promise])
    } finally {
      deadline[Symbol.dispose]()
    }
    return next()
  }
}
