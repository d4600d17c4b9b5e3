// The suite of the vertical: every check in order, against one daemon and one version of codex. It speaks to processes only,
// so any runner on any runtime can drive it.

import { type CodexVersion, codexBin, type DaemonSpec, openPlace, type Place } from "../support/daemon.ts"
import { deathChecks } from "./checks/deaths.ts"
import { requestChecks } from "./checks/requests.ts"
import { serviceChecks } from "./checks/service.ts"
import { sessionChecks } from "./checks/sessions.ts"
import { streamChecks } from "./checks/stream.ts"
import { turnChecks } from "./checks/turns.ts"
import { type Check, untilReady, type World } from "./world.ts"

/** In this order: the deaths come last, they restart the daemon. */
export const VERTICAL: readonly Check[] = [
  ...serviceChecks,
  ...sessionChecks,
  ...turnChecks,
  ...requestChecks,
  ...streamChecks,
  ...deathChecks,
]

/** A world with a running daemon and a child that is ready. Disposing it looks for survivors. */
export async function openWorld(
  spec: DaemonSpec,
  codexVersion: CodexVersion,
): Promise<World & AsyncDisposable> {
  const place: Place = openPlace(`vertical-${codexVersion}`)
  const world: World & AsyncDisposable = {
    place,
    codexVersion,
    daemon: await place.start(spec),
    async restart(signal) {
      const exit = await world.daemon.end(signal)
      world.daemon = await place.start(spec)
      return exit
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
  await untilReady(world)
  return world
}

export const verticalSpec = (command: readonly string[], version: CodexVersion): DaemonSpec => ({
  command,
  codexBin: codexBin(version),
})
