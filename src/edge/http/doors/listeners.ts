// The two doors of the house: TCP, and the owner's unix socket, whose folder is the owner's alone. Both lead to the same
// routes. Where no socket can be made the house opens without, and says so.

import type { Config } from "../../../base/config/config.ts"
import type { Places } from "../../../base/config/places.ts"
import { isLoopback } from "../../../base/config/rules.ts"
import type { Logger } from "../../../base/observe/logger.ts"
import { removeFile, writePrivate } from "../../../base/platform/files.ts"
import type { Listener, ListenSpec, Platform } from "../../../base/platform/port.ts"
import { placeForSocket } from "../../../base/platform/socket-path.ts"

export interface ListenersNeeds {
  platform: Pick<Platform, "listen">
  config: Pick<Config, "host" | "port" | "childEnv">
  places: Pick<Places, "socket" | "socketNote">
  logger: Logger
  spec: Omit<ListenSpec, "at">
}

/** Call it while the data lock is held. Rejects when the address can't be listened on. */
export async function openListeners({ platform, config, places, logger, spec }: ListenersNeeds) {
  const tcp = await platform.listen({ ...spec, at: { host: config.host, port: config.port } })
  const unix = await ownersDoor().catch((error: unknown) => {
    logger.warn("there is no unix socket: our own commands can't reach this daemon", { error })
    return undefined
  })

  async function ownersDoor(): Promise<Listener & { path: string }> {
    const path = placeForSocket(places.socket, config.childEnv.XDG_RUNTIME_DIR)
    // Nothing is written where nothing has to be: a start on a full disk must get past here.
    if (path === places.socket) removeFile(places.socketNote)
    else writePrivate(places.socketNote, `${path}\n`)
    const listener = await platform.listen({ ...spec, at: { path } })
    return { ...listener, path }
  }

  if (!isLoopback(config.host)) {
    const remedy = "put a proxy that speaks TLS in front, or listen on 127.0.0.1 and come through a tunnel"
    logger.warn("everybody on the way can read tokens and answers: this is plain HTTP", {
      url: tcp.url,
      remedy,
    })
  }

  return {
    url: tcp.url,
    socket: unix?.path,
    async stop(graceMs: number): Promise<void> {
      await Promise.all([tcp.stop(graceMs), unix?.stop(graceMs)])
      if (!unix) return
      removeFile(unix.path)
      removeFile(places.socketNote)
    },
  }
}
export type Listeners = Awaited<ReturnType<typeof openListeners>>
