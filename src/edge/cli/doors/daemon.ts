// A call to the daemon that runs on this data folder, over its unix socket and with the owner's token.

import type { Config } from "../../../base/config/config.ts"
import { placesOf } from "../../../base/config/places.ts"
import type { CliNeeds } from "../needs.ts"

export interface Asking {
  method: "GET" | "POST" | "DELETE"
  /** Below /api. */
  target: string
  body?: unknown
  /** Lines of JSON, sent as they are in place of a body. */
  lines?: string
}

/** The answer's JSON. Throws an Error for people: no daemon runs, or it says no. */
export const askDaemon = async <T>(needs: CliNeeds, config: Config, asking: Asking): Promise<T> =>
  JSON.parse(await askForText(needs, config, asking)) as T

/** The answer as it came. Throws like `askDaemon`. */
export async function askForText(
  { files, callOver }: CliNeeds,
  config: Config,
  { method, target, body, lines }: Asking,
): Promise<string> {
  const { socket, socketNote, token } = placesOf(config)
  const path = files.readText(socketNote)?.trim() || socket
  const secret = files.readText(token)?.trim()
  const headers = {
    ...(secret && { authorization: `Bearer ${secret}` }),
    ...(lines !== undefined && { "content-type": "application/x-ndjson" }),
  }
  const sent =
    lines !== undefined ? { body: lines } : body === undefined ? {} : { body: JSON.stringify(body) }
  const { status, text } = await callOver({ path, method, target: `/api${target}`, headers, ...sent }).catch(
    (error: unknown) => {
      throw absent(error)
        ? new Error(`no daemon is running in ${config.dataDir}; start one with \`codexd\``)
        : error
    },
  )
  if (status < 400) return text
  const answer = JSON.parse(text) as { message?: string; status?: string }
  throw new Error(answer.message ?? `the daemon says ${answer.status ?? status}`)
}

const absent = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ECONNREFUSED")
