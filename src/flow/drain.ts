// The end of the daemon's day: no new turns, a bounded grace for those that run.

import type { Log } from "../base/events/log.ts"
import type { Clock } from "../base/kit/clock.ts"
import type { Rooms } from "./rooms.ts"

export interface DrainNeeds {
  rooms: Pick<Rooms, "turns" | "requests">
  log: Log
  clock: Clock
}

/** Takes no more turns. Resolves when none runs but those that wait for a person, or after `graceMs`. */
export async function drain({ rooms, log, clock }: DrainNeeds, graceMs: number): Promise<void> {
  rooms.turns.drain()
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    const waiting = rooms.requests.openTurns()
    if (rooms.turns.running().every((turn) => waiting.has(`${turn.sessionId} ${turn.id}`))) resolve()
  }
  using _hearing = log.onTold(look)
  using _net = clock.after(graceMs, resolve)
  look()
  await promise
}
