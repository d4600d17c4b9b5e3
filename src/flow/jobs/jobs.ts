// The queue of the house: the engine with our table of types, our limits, and the frames that it causes. Where it is switched
// off, whoever asks for it is told so.

import type { Config } from "../../base/config/config.ts"
import type { Log } from "../../base/events/log.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Db } from "../../base/storage/port.ts"
import { type Audience, jobEvent } from "../../domain/events.ts"
import type { JobKinds } from "../../engine/queue/job.ts"
import { createQueue, type Queue } from "../../engine/queue/queue.ts"
import { endOf, jobFrame } from "./view.ts"

export interface JobsNeeds {
  config: Config
  db: Db
  log: Log
  clock: Clock
  logger: Logger
  kinds: JobKinds
  audienceOf(sessionId: string): Audience
  measures?: JobMeasures
}

/** Told of every start and end, within its act. */
export interface JobMeasures {
  jobStarted(type: string, waitedMs: number): void
  jobEnded(type: string, outcome: string, ranMs: number): void
}

/** Running jobs get this long when the daemon stops (wire-contract §6.9). */
const DRAIN_MS = 2_000

export function createJobs(needs: JobsNeeds) {
  const { config, logger } = needs
  const queue = config.orchestratorQueueEnabled ? openQueue(needs) : undefined
  return {
    /** Throws `queue_disabled`. */
    queue(): Queue {
      if (queue) return queue
      throw new Fault("queue_disabled", "the job queue is switched off (ORCHESTRATOR_QUEUE_ENABLED)")
    },
    enabled: queue !== undefined,
    async start(): Promise<void> {
      const found = await queue?.start()
      if (found && found.recovered + found.unknown > 0)
        logger.info("jobs of the run before were found", { ...found })
    },
    drain: async (): Promise<void> => queue?.drain(DRAIN_MS),
    /** By state. */
    counts(): Record<string, number> {
      if (!queue) return {}
      const { owners: _, held: __, ...counts } = queue.stats()
      return counts
    },
    /** wire-contract §1.1, and who holds it up. */
    health() {
      if (!queue) return { enabled: false }
      const { owners, held, ...counts } = queue.stats()
      return { enabled: true, ...counts, projects: owners, paused: queue.paused(), held }
    },
  }
}
export type Jobs = ReturnType<typeof createJobs>

function openQueue({ config, db, log, clock, logger, kinds, audienceOf, measures }: JobsNeeds): Queue {
  return createQueue({
    db,
    clock,
    worker: newId(),
    newId,
    kinds,
    rules: {
      concurrency: config.orchestratorQueueGlobalConcurrency,
      perOwner: config.orchestratorQueueProjectConcurrency,
      limits: {
        perOwner: config.orchestratorQueueMaxPerProject,
        total: config.orchestratorQueueMaxGlobal,
      },
      agingMs: config.orchestratorQueueBackgroundAgingMs,
      burst: config.orchestratorQueueMaxInteractiveBurst,
      keep: {
        perOwner: config.orchestratorQueueKeepPerProject,
        maxAgeMs: config.orchestratorQueueMaxAgeHours * 3_600_000,
      },
    },
    tell(tx, change, { job, progress, outcome }) {
      const audience = job.source === undefined ? { thread: null } : audienceOf(job.source)
      const isEnd = change === "completed" || change === "failed" || change === "canceled"
      if (change === "started" && job.attempt <= 1)
        measures?.jobStarted(job.type, clock.now() - job.createdAt)
      if (isEnd && job.lastAttemptAt !== undefined)
        measures?.jobEnded(job.type, change, clock.now() - job.lastAttemptAt)
      const more = { ...(progress && { progress }), ...(outcome && { outcome }), ...(isEnd && endOf(job)) }
      log.append(tx, jobEvent(change, audience, jobFrame(job, more)))
    },
    onFault: (error) => logger.error("the queue met a fault", { error }),
  })
}
