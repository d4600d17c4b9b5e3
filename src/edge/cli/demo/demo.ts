// `codexd demo`: the main job, seen live. A daemon in a temporary folder, the real Codex, the scripted model in place of
// OpenAI, and a client that goes through the same doors as any other. Nothing stays behind and nothing leaves the machine.

import { type Config, type Env, readConfig } from "../../../base/config/config.ts"
import { placesOf } from "../../../base/config/places.ts"
import { VARIABLES } from "../../../base/config/variables.ts"
import { createLogger, createMasks } from "../../../base/observe/logger.ts"
import type { CliNeeds } from "../needs.ts"
import { startModel } from "../scripted-model.ts"
import { createClient } from "./client.ts"
import { tour } from "./tour.ts"

/** A failure net: the demo takes about three seconds. */
const DEADLINE_MS = 60_000

/** What the demo takes from the user's settings; all else is its own. */
const KEPT = ["CODEX_BIN", "LOG_LEVEL"]

/** Resolves with the exit code: 0 when everything was seen, 1 with the reason when not. */
export async function demo(needs: CliNeeds): Promise<number> {
  const stop = Promise.withResolvers<never>()
  using _deadline = needs.clock.after(DEADLINE_MS, () =>
    stop.reject(new Error("it took more than 60 seconds")),
  )
  using _signal = needs.onSignal((signal) => stop.reject(new Error(`stopped by ${signal}`)))
  const lastWords: string[] = []
  try {
    await scene(needs, lastWords, stop.promise)
    return 0
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    needs.err.write(`\nThe demo failed: ${reason}\n${lastWords.slice(-20).join("")}`)
    return 1
  }
}

async function scene(needs: CliNeeds, lastWords: string[], stopped: Promise<never>): Promise<void> {
  const { platform, clock, out, files } = needs
  await using scope = new AsyncDisposableStack()
  // Not in the temp folder: Codex's sandbox may write there, so it is no home (decisions 41).
  const folder = scope.adopt(files.freshFolder(`${cacheFolder(needs.env)}/codexd/demo-`), files.removeFolder)
  const config = configIn(needs, folder)
  files.makeFolder(config.workspaceRoot)
  config.offline = scope.use(await startModel(needs)).offline
  const masks = createMasks()
  const log = createLogger({
    clock,
    level: config.logLevel,
    write: (line) => lastWords.push(line),
    mask: masks,
  })
  const opened = needs.openHouse({ config, platform, log, masks, clock })
  const house = scope.use(await Promise.race([opened, stopped]))
  const url = house.urls.find((one) => one.startsWith("http"))
  const token = files.readText(placesOf(config).token)?.trim()
  if (url === undefined || token === undefined) throw new Error("the daemon has no address or no token")
  const client = createClient({ url, headers: { authorization: `Bearer ${token}` }, connect: needs.connect })
  await Promise.race([tour({ client, url, write: out.write, cwd: config.workspaceRoot }), stopped])
}

function configIn(needs: CliNeeds, folder: string): Config {
  const env = Object.fromEntries(
    Object.entries(needs.env).filter(([name]) => !(name in VARIABLES) || KEPT.includes(name)),
  )
  // The folder itself is the workspace: no marker above it counts.
  const place = { cwd: `${folder}/workspace`, programDir: needs.programDir, exists: () => false }
  // The home is the folder's too: a login shell of the visitor may be slow, talkative or locked (tried: a stale lock, 60 s).
  // Every line of the tour is its own doing: no workflow names the session or looks at the change meanwhile.
  const own = { HOME: `${folder}/workspace`, API_AUTH: "token", AGENT_EXTENSION_WITHOUT: "supervisor" }
  const levelled = { LOG_LEVEL: "warn", ...env, ...own }
  return readConfig(levelled, { host: "127.0.0.1", port: "0", dataDir: `${folder}/data` }, place)
}

function cacheFolder({ XDG_CACHE_HOME, HOME }: Env): string {
  if (XDG_CACHE_HOME?.startsWith("/")) return XDG_CACHE_HOME
  if (!HOME) throw new Error("HOME is not set; the demo needs a cache folder for its files")
  return `${HOME}/.cache`
}
