// A call to the daemon that runs on this data folder, over its unix socket and with the owner's token.

import type { Config } from "../../../base/config/config.ts"
import { placesOf } from "../../../base/config/places.ts"
import type { CliNeeds } from "../needs.ts"

export interface Asking {
  method: "GET" | "POST" | "DELETE"
  /** Below /api. */
  target: string
  body?: unknown
}

/** The answer's JSON. Throws an Error for people: no daemon runs, or it says no. */
export async function askDaemon<T>(
  { files, callOver }: CliNeeds,
  config: Config,
  { method, target, body }: Asking,
): Promise<T> {
  const { socket, socketNote, token } = placesOf(config)
  const path = files.readText(socketNote)?.trim() || socket
  const secret = files.readText(token)?.trim()
  const headers = secret ? { authorization: `Bearer ${secret}` } : {}
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const { status, text } = await callOver({ path, method, target: `/api${target}`, headers, ...sent }).catch(
    (error: unknown) => {
      throw absent(error)
        ? new Error(`no daemon is running in ${config.dataDir}; start one with \`codexd\``)
        : error
    },
  )
  const answer = JSON.parse(text) as T & { message?: string; status?: string }
  if (status < 400) return answer
  throw new Error(answer.message ?? `the daemon says ${answer.status ?? status}`)
}

const absent = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ECONNREFUSED")
