// `codexd scripted-model`, and the same model for `serve --offline` and the demo.

import type { ListenSpec } from "../../base/platform/port.ts"
import type { CliNeeds } from "./needs.ts"

/** The name that Codex calls the model by. */
const MODEL = "scripted"

/** Requests of the model carry a whole conversation. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/** Serves the model on loopback (any free port unless told otherwise) until disposed. */
export async function startModel(
  { platform, scriptedModel, clock }: CliNeeds,
  at: Extract<ListenSpec["at"], { host: string }> = { host: "127.0.0.1", port: 0 },
) {
  const model = await scriptedModel(clock)
  const listener = await platform.listen({
    at,
    fetch(request, peer) {
      peer.holdOpen()
      return model.fetch(request)
    },
    socket: {
      open: (socket) => socket.close(1008, "no websocket here"),
      message() {},
      drain() {},
      close() {},
    },
    maxLagBytes: MAX_BODY_BYTES,
    maxBodyBytes: MAX_BODY_BYTES,
  })
  return {
    offline: { baseUrl: listener.url, model: MODEL },
    [Symbol.asyncDispose]: () => listener.stop(0),
  }
}

/** Resolves with the exit code once a signal came. */
export async function scriptedModel(needs: CliNeeds, flags: { host: string; port: string }): Promise<number> {
  const port = /^\d+$/.test(flags.port) ? Number(flags.port) : Number.NaN
  if (!(port <= 65_535)) throw new Error(`--port: ${JSON.stringify(flags.port)} is no port`)
  const stopped = Promise.withResolvers<void>()
  using _ = needs.onSignal(() => stopped.resolve())
  await using model = await startModel(needs, { host: flags.host, port })
  needs.out.write(`the scripted model is up at ${model.offline.baseUrl}/v1\n`)
  await stopped.promise
  return 0
}
