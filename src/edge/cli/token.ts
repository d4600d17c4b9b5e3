// `codexd token`: prints the API token, alone on a line, for `Authorization: Bearer $(codexd token)`.

import { placesOf } from "../../base/config/places.ts"
import { type ConfigFlags, configOf } from "./config.ts"
import type { CliNeeds } from "./needs.ts"

/** Throws when the data folder has no token yet. */
export async function token(needs: CliNeeds, flags: ConfigFlags): Promise<number> {
  const path = placesOf(configOf(needs, flags)).token
  const text = needs.files.readText(path)?.trim()
  if (!text) throw new Error(`there is no API token in ${path}; start the daemon once to make it`)
  needs.out.write(`${text}\n`)
  return 0
}
