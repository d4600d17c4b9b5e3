// What extensions and workers do is in the audit like what people do: who, which action, in which session, and its outcome.

import type { Clock } from "../../base/kit/clock.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Trail } from "../../domain/trail/trail.ts"
import type { Actions, AskedAction } from "../actions/perform.ts"

export interface AuditedNeeds {
  clock: Clock
  logger: Logger
  trail: Pick<Trail, "record">
  auditFailed(): void
}

type Perform = Actions["perform"]

/** The same door; what went through it is entered before its outcome is told. */
export const audited =
  (perform: Perform, { clock, logger, trail, auditFailed }: AuditedNeeds): Perform =>
  async (asked: AskedAction) => {
    const began = clock.mono()
    const done = await perform(asked)
    const { actor, scope, type } = asked
    const entry = {
      who: `${actor.kind}:${actor.name}`,
      via: actor.kind,
      origin: "daemon",
      method: "ACTION",
      route: type,
      session: scope.sessionId,
      params: JSON.stringify(scope),
      status: undefined,
      result: done.status,
      ms: clock.mono() - began,
      requestId: undefined,
    }
    try {
      await trail.record(entry)
    } catch (error) {
      auditFailed()
      logger.error("an action could not be entered in the audit", { action: type, error })
    }
    return done
  }
