// The hosts of a generation: one that extensions share, and one of its own for each that may have killed the shared one, until
// it has proved itself (decisions 27). Every thread has a number; what a host says is handed to whom it is about.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Platform } from "../../../base/platform/port.ts"
import { type HostChild, type HostCommand, startHostChild } from "../link/host-child.ts"
import type { FromHost } from "../link/wire.ts"

/** Handlers that must have returned before an extension may live with others again. */
const PROOF = 25

export interface HomesNeeds {
  platform: Pick<Platform, "spawn">
  clock: Clock
  host: HostCommand
  hear(home: Home, message: FromHost): void
  printed(home: Home, text: string): void
  ended(home: Home, reason: string): void
}

export interface Home {
  readonly child: HostChild
  /** The extension that lives alone in it. */
  readonly alone: string | undefined
  /** Threads in it: their numbers and whose they are. */
  readonly threads: Map<number, string>
  /** Whose thread can't be ended otherwise: the cause of what comes. */
  guilty: string | undefined
}

export function createHomes({ platform, clock, host, hear, printed, ended }: HomesNeeds) {
  const homes = new Map<string, Home>()
  /** Extensions that live alone, and how many of their handlers have returned since. */
  const alone = new Map<string, number>()
  let lastThread = 0

  function open(key: string, name: string | undefined): Home {
    const home: Home = {
      child: startHostChild({
        ...host,
        platform,
        clock,
        hear: (message) => hear(home, message),
        printed: (text) => printed(home, text),
        ended(reason) {
          if (homes.get(key) === home) homes.delete(key)
          ended(home, reason)
        },
      }),
      alone: name,
      threads: new Map(),
      guilty: undefined,
    }
    homes.set(key, home)
    return home
  }

  return {
    /** Where the extension lives from its next start on. Throws when no host can be started. */
    homeOf(name: string): Home {
      const own = alone.has(name) ? name : undefined
      const key = own === undefined ? "shared" : `alone ${own}`
      return homes.get(key) ?? open(key, own)
    },
    newThread(home: Home, name: string): number {
      home.threads.set(++lastThread, name)
      return lastThread
    },
    /** From its next start on it has a host of its own. */
    setApart(name: string): void {
      alone.set(name, 0)
    },
    proved(name: string): void {
      const returned = alone.get(name)
      if (returned === undefined) return
      if (returned + 1 >= PROOF) alone.delete(name)
      else alone.set(name, returned + 1)
    },
    all: (): Home[] => [...homes.values()],
  }
}
export type Homes = ReturnType<typeof createHomes>
