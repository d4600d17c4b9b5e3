// A body is no larger than its route takes, and has to be all there within a minute, however busily it drips: a sender that
// never ends holds nothing for ever. Imports count for themselves.

import type { MiddlewareHandler } from "hono"
import { bodyLimit } from "hono/body-limit"
import { Fault } from "../../../base/fault.ts"
import { type Clock, systemClock } from "../../../base/kit/clock.ts"
import { TIMERS } from "../../../base/kit/timers.ts"

const MIB = 1024 * 1024

/** Throws `body_too_large`. */
export function upTo(mib: number): MiddlewareHandler {
  const limit = bodyLimit({
    maxSize: mib * MIB,
    onError: () => {
      throw new Fault("body_too_large", `the body is too large: at most ${mib} MiB`)
    },
  })
  // A request that announces no body has none; hono would wrap it in a new one, which Node's can't be.
  return (c, next) =>
    c.req.header("content-length") || c.req.header("transfer-encoding") ? limit(c, next) : next()
}

/** Reads the body; whoever reads it again gets the same text. Throws `request_timeout`. */
export function inTime(clock: Clock = systemClock): MiddlewareHandler {
  return async (c, next) => {
    const late = Promise.withResolvers<never>()
    const seconds = TIMERS.bodyDeadlineMs / 1_000
    const refuse = () =>
      late.reject(new Fault("request_timeout", `the body was not all there after ${seconds} s`))
    const deadline = clock.after(TIMERS.bodyDeadlineMs, refuse)
    try {
      await Promise.race([c.req.text(), late.promise])
    } finally {
      deadline[Symbol.dispose]()
    }
    return next()
  }
}
