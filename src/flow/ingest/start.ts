// The child's life bound to ours: what it says goes to the tables, its end settles what it held, its states are told, and
// when it is ready its threads are compared with ours.

import type { Log } from "../../base/events/log.ts"
import type { Logger } from "../../base/observe/logger.ts"
import type { Db } from "../../base/storage/port.ts"
import { runtimeUpdated } from "../../domain/events.ts"
import type { Codex } from "../../engine/runtime/codex.ts"
import type { RunExit, RuntimeState } from "../../engine/runtime/lifecycle.ts"
import type { Supervisor } from "../../engine/runtime/supervisor.ts"
import type { Acts } from "../acts/acts.ts"
import type { CarryOver } from "../acts/carry.ts"
import type { Ingest } from "./ingest.ts"
import type { Owed } from "./owed.ts"
import type { Reconcile } from "./past/reconcile.ts"

export interface StartNeeds {
  supervisor: Supervisor
  codex: Codex
  ingest: Ingest
  acts: Acts
  carry: CarryOver
  reconcile: Reconcile
  owed: Owed
  db: Db
  log: Log
  logger: Logger
}

/** Hears the child until disposed. Before the first start, so that nothing is missed. */
export function hearChild({
  supervisor,
  codex,
  ingest,
  acts,
  carry,
  reconcile,
  owed,
  db,
  log,
  logger,
}: StartNeeds): Disposable {
  const scope = new DisposableStack()

  function bury(exit: RunExit, runId: string): void {
    const reason = `the app-server ended (${exit.reason ?? exit.signal ?? `code ${exit.code}`})`
    owed.owe((tx, after) => acts.endRun(tx, { runId, reason }, after))
    if (!owed.pay()) logger.warn("what the app-server held can't be settled yet: the disk is full", { runId })
  }

  let last = ""
  function tell(state: RuntimeState): void {
    if (state.name === "ready") {
      void reconcile.catchUp()
      carry.resume()
    }
    // Told when something that a client can see is different, not with every count.
    const told = JSON.stringify({ ...state, unknownNotifications: undefined, unreadableLines: undefined })
    if (told === last) return
    last = told
    db.act((tx) => log.append(tx, runtimeUpdated(state))).catch((error: unknown) => {
      logger.warn("a state of the runtime could not be told", { error })
    })
  }

  scope.use(codex.onMessages((batch, run) => ingest.take(batch, run.id)))
  scope.use(supervisor.onExit((exit, run) => bury(exit, run.id)))
  scope.use(supervisor.onState(tell))
  return scope
}
