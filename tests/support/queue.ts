// The configuration of a queue in tests.

import type { Config } from "../../src/base/config/config.ts"

export const QUEUE_CONFIG = {
  orchestratorQueueEnabled: true,
  orchestratorQueueGlobalConcurrency: 2,
  orchestratorQueueProjectConcurrency: 1,
  orchestratorQueueMaxPerProject: 20,
  orchestratorQueueMaxGlobal: 500,
  orchestratorQueueBackgroundAgingMs: 15_000,
  orchestratorQueueMaxInteractiveBurst: 3,
  orchestratorQueueKeepPerProject: 200,
  orchestratorQueueMaxAgeHours: 1,
} as Config
