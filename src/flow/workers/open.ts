// The workers' parts put together: one call of the plan.

import type { Config } from "../../base/config/config.ts"
import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db } from "../../base/storage/port.ts"
import type { Life } from "../acts/life.ts"
import type { Rooms } from "../rooms.ts"
import { createAgents, type Loaded } from "./agent/agents.ts"
import { createProvision } from "./agent/provision.ts"
import { createAnswers } from "./job/answers.ts"
import { createEarly } from "./job/early.ts"
import { createHands, type Performs } from "./job/hands.ts"
import { createRows } from "./job/rows.ts"
import { createWorkerTurns } from "./job/turn.ts"
import { createWorkers } from "./workers.ts"

export interface OpenWorkersNeeds {
  config: Config
  clock: Clock
  db: Db
  log: Log
  rooms: Rooms
  life: Pick<Life, "remove">
  perform: Performs
  /** The agents of the extensions that are loaded. */
  loaded(): Loaded[]
  /** Resolves once they have been looked for: jobs that a kill cut off may come before. */
  whenLoaded(): Promise<void>
  onFault(error: unknown): void
}

export function openWorkers(needs: OpenWorkersNeeds) {
  const { config, clock, db, rooms, perform, onFault } = needs
  const rows = createRows(needs)
  const hands = createHands(perform)
  return createWorkers({
    db,
    now: clock.now,
    rooms,
    whenLoaded: needs.whenLoaded,
    agentNamed: createAgents({ ...needs, trustMode: config.agentExtensionTrustMode }),
    provision: createProvision(needs),
    turns: createWorkerTurns(needs),
    rows,
    hands,
    answers: createAnswers({ db, rows, hands, onFault }),
    earlyFor: createEarly({
      ...needs,
      suggestions: rooms.suggestions,
      waitMs: config.orchestratorSuggestRequestWaitMs,
    }),
  })
}
