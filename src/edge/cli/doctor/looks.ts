// What the doctor looks at besides the program, the database and the port: the login, who can read the files, the room on the
// disk, and the clock. Each finding that isn't well says what to do.

import type { Config } from "../../../base/config/config.ts"
import { placesOf } from "../../../base/config/places.ts"
import { iso } from "../../../base/kit/clock.ts"
import type { Finding } from "../doctor.ts"
import type { CliNeeds } from "../needs.ts"

export function login({ files, env }: CliNeeds, config: Config): Finding {
  const name = "login"
  const own = placesOf(config).codexHome ?? (env.HOME === undefined ? undefined : `${env.HOME}/.codex`)
  const kept = own !== undefined && files.exists(`${own}/auth.json`)
  if (kept) return { name, verdict: "ok", text: `${own}/auth.json` }
  if (config.openaiApiKey) return { name, verdict: "ok", text: "by OPENAI_API_KEY" }
  // A configured home gets a copy at the start.
  if (env.HOME !== undefined && files.exists(`${env.HOME}/.codex/auth.json`))
    return { name, verdict: "ok", text: `${env.HOME}/.codex/auth.json, which a start copies` }
  const text = `Codex is not logged in${own === undefined ? "" : ` in ${own}`}`
  return { name, verdict: "warn", text, remedy: "run `codex login`, or set OPENAI_API_KEY" }
}

const SHOWN = 3

export function loose({ files }: CliNeeds, { dataDir }: Config): Finding {
  const name = "files"
  const open = files.looseFilesIn(dataDir)
  if (open.length === 0) return { name, verdict: "ok", text: "nobody else can read or write them" }
  const some = open.slice(0, SHOWN).join(", ")
  const more = open.length > SHOWN ? ` and ${open.length - SHOWN} more` : ""
  return { name, verdict: "warn", text: `open to others: ${some}${more}`, remedy: `chmod -R go= ${dataDir}` }
}

const MIB = 1024 * 1024
/** Health calls a disk scarce below this, too. */
const SCARCE_MIB = 256
/** Not even a journal of the usual size. */
const FULL_MIB = 16

export function disk({ files }: CliNeeds, { dataDir, eventsMaxMib }: Config): Finding {
  const name = "disk"
  const left = files.roomNear(dataDir)
  if (left === null) return { name, verdict: "ok", text: "can't be looked at here" }
  const mib = Math.floor(left / MIB)
  const text = `${mib} MiB are left for ${dataDir}`
  if (mib >= SCARCE_MIB) return { name, verdict: "ok", text }
  const remedy = `make room, or set EVENTS_MAX_MIB below ${eventsMaxMib}`
  return { name, verdict: mib < FULL_MIB ? "fail" : "warn", text, remedy }
}

/** This program was made after it. */
const MADE_AFTER = Date.UTC(2026, 0, 1)
/** As far as two clocks of a machine may be apart over a restart. */
const SLACK_MS = 5 * 60_000

export function clock({ clock, inspection }: CliNeeds, config: Config, holder: number | undefined): Finding {
  const name = "clock"
  const now = clock.now()
  const last = holder === undefined ? inspection.newestAt(config) : undefined
  const wrong =
    now < MADE_AFTER
      ? "before this program was made"
      : last !== undefined && last > now + SLACK_MS
        ? `before the last event of the log (${iso(last)})`
        : undefined
  if (wrong === undefined) return { name, verdict: "ok", text: iso(now) }
  return {
    name,
    verdict: "warn",
    text: `it is ${iso(now)}, ${wrong}; ages and deadlines follow it`,
    remedy: "set the time, by NTP if you can",
  }
}
