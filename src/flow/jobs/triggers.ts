// What a schedule or a webhook may start, by name: whose job it is, and which session it comes from.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Masks } from "../../base/observe/logger.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { createHooks } from "../../domain/triggers/hooks.ts"
import { createSchedules, type Starts } from "../../domain/triggers/schedules.ts"
import { isOver } from "../../engine/queue/job.ts"
import type { Jobs } from "./jobs.ts"

interface Kind {
  owner(payload: Record<string, unknown>): string
  source?(payload: Record<string, unknown>): string
}
const word = (value: unknown): string => (typeof value === "string" ? value : "")

export const KINDS: Readonly<Record<string, Kind>> = {
  "session.message": {
    owner: ({ sessionId }) => `session:${word(sessionId)}`,
    source: ({ sessionId }) => word(sessionId),
  },
  "session.create": { owner: ({ projectId }) => word(projectId) },
  agent_instruction: {
    owner: ({ projectId }) => word(projectId),
    source: ({ sourceSessionId }) => word(sourceSessionId),
  },
}

function createStarts(jobs: Jobs): Starts {
  function kindOf(name: string): Kind {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
    if (!kind)
      throw new Fault("unknown_job_type", `nothing of this name can be started: ${name}`, { type: name })
    return kind
  }
  return {
    check(kind, payload) {
      kindOf(kind)
      jobs.queue().check(kind, payload)
    },
    add(tx: Tx, { kind: type, payload, dedupeKey }) {
      const kind = kindOf(type)
      const fields = payload as Record<string, unknown>
      return jobs.queue().add(tx, {
        type,
        owner: kind.owner(fields),
        source: kind.source?.(fields),
        payload,
        dedupeKey,
        dedupe: "drop_duplicate",
      })
    },
    isOver(jobId, tx) {
      const job = jobs.queue().find(jobId, tx)
      return !job || isOver(job.state)
    },
  }
}

export interface TriggersNeeds {
  db: Db
  clock: Clock
  masks: Masks
  jobs: Jobs
  onFault(error: unknown): void
}

/** Schedules and webhooks over the queue. Nothing comes due before `start`, or while the queue is switched off. */
export function createTriggers({ jobs, ...needs }: TriggersNeeds) {
  const starts = createStarts(jobs)
  const schedules = createSchedules({ ...needs, starts })
  let running: Disposable | undefined
  return {
    schedules,
    hooks: createHooks({ ...needs, starts }),
    start(): void {
      if (jobs.enabled) running ??= schedules.start()
    },
    [Symbol.dispose]: () => running?.[Symbol.dispose](),
  }
}
