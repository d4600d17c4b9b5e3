// The daemon's program in its other roles: the host of extensions, and the thread of one of them. Both begin small, because
// a host must be back in milliseconds.

import { systemClock } from "./base/kit/clock.ts"
import type { Platform } from "./base/platform/port.ts"
import { isThread, ownProcess, ownThread, takePrinting } from "./base/platform/self.ts"
import { serveHost } from "./engine/host/child/program.ts"
import { serveThread } from "./engine/host/child/thread.ts"
import { HOST_COMMAND, INSIDE } from "./engine/host/link/command.ts"

/** True when this process or thread belongs to extensions; then it serves until it is ended from outside. */
export function servesExtensions(
  startThread: (url: URL) => ReturnType<Platform["worker"]>,
  own: URL,
): boolean {
  if (isThread()) {
    serveThread({ up: ownThread(), clock: systemClock, importModule, takePrinting })
    return true
  }
  if (process.argv[2] !== HOST_COMMAND) return false
  serveHost({ self: ownProcess(), clock: systemClock, startThread: () => startThread(own) })
  return true
}

async function importModule(entry: string): Promise<Record<string, unknown>> {
  const inside = entry.startsWith(INSIDE)
  const { CARRIED } = inside ? await import("./carried.ts") : { CARRIED: {} as Record<string, undefined> }
  const module = inside ? await CARRIED[entry.slice(INSIDE.length)]?.load() : await import(entry)
  return module as Record<string, unknown>
}
