// The first words with a fresh child: initialize with the experimental API, without it where that is refused,
// `initialized`, and the list of its methods.

import { learnMethods, type MethodCache, type Methods } from "../methods.ts"
import type { Peer } from "../peer.ts"
import { RpcError } from "./wire.ts"

export interface ClientInfo {
  name: string
  title: string
  version: string
}

export interface Handshake {
  userAgent: string
  version: string
  experimental: boolean
  fallbacks: string[]
  methods: Methods
}

export interface HandshakeNeeds {
  peer: Peer
  clientInfo: ClientInfo
  deadlineMs: number
  /** Names the binary; without it its methods are asked for anew. */
  key: string | undefined
  cache: MethodCache
}

/** Throws what `initialize` throws. */
export async function shakeHands({
  peer,
  clientInfo,
  deadlineMs,
  key,
  cache,
}: HandshakeNeeds): Promise<Handshake> {
  const initialize = (experimentalApi: boolean) =>
    peer.call(
      "initialize",
      { clientInfo, capabilities: experimentalApi ? { experimentalApi } : {} },
      { deadlineMs },
    )
  const fallbacks: string[] = []
  let experimental = true
  const result = await initialize(true).catch((error: unknown) => {
    if (!(error instanceof RpcError)) throw error
    fallbacks.push(`the experimental API was refused: ${error.message}`)
    experimental = false
    return initialize(false)
  })
  await peer.notify("initialized")
  const methods = await learnMethods({ peer, deadlineMs, key, cache })
  if (!methods.known) fallbacks.push("the binary's methods could not be learned")
  const userAgent = agentOf(result)
  return { userAgent, version: versionOf(userAgent), experimental, fallbacks, methods }
}

const agentOf = (result: unknown): string => {
  const { userAgent } = (result ?? {}) as { userAgent?: unknown }
  return typeof userAgent === "string" ? userAgent : ""
}

/** `NAME/VERSION (…)`; NAME is the client's and may hold spaces and slashes, the version starts with a digit. */
export const versionOf = (userAgent: string): string => /\/(\d[^\s(]*)/.exec(userAgent)?.[1] ?? "unknown"
