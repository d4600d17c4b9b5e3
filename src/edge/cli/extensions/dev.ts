// `codexd extensions dev PATH`: the daemon with one more extension, which is loaded anew when a file of it is saved. What is
// wrong is said at once; the last good one goes on meanwhile.

import { resolvePath } from "../../../base/config/paths.ts"
import type { ConfigFlags } from "../config.ts"
import type { CliNeeds, House } from "../needs.ts"
import { serve } from "../serve.ts"

/** Editors write a file in several steps. */
const SETTLE_MS = 100

export async function developExtension(
  needs: CliNeeds,
  path: string,
  flags: ConfigFlags & { offline?: boolean },
): Promise<number> {
  const folder = resolvePath(needs.cwd, path)
  if (!needs.files.isFolder(folder)) throw new Error(`there is no folder ${folder}`)
  return await serve(needs, flags, {
    configured: (config) => void config.agentExtensionConfiguredRoots.push(folder),
    opened: (house) => watch(needs, house, folder),
  })
}

function watch({ clock, err, files }: CliNeeds, house: House, folder: string): Disposable {
  let settling: Disposable | undefined
  let under: Promise<void> = Promise.resolve()
  async function reload(): Promise<void> {
    const from = clock.mono()
    const outcome = await house.reloadExtensions("codexd extensions dev")
    const ms = Math.round(clock.mono() - from)
    if (outcome.result === "loaded") {
      const loaded = outcome.rows.map(({ name, events }) => `${name} (${events.join(", ") || "no events"})`)
      err.write(`reloaded in ${ms} ms: ${loaded.join("; ")}\n`)
    } else if (outcome.result === "failed") {
      const lines = outcome.errors.map(
        ({ extension, code, message }) => `  ${extension}: ${code}: ${message}`,
      )
      err.write(`not reloaded, the last good one goes on:\n${lines.join("\n")}\n`)
    }
  }
  const watching = files.watchFolder(folder, () => {
    settling?.[Symbol.dispose]()
    settling = clock.after(SETTLE_MS, () => {
      // One after the other: what is saved while one runs is taken by the next.
      under = under.then(reload)
    })
  })
  err.write(`${folder} is watched: saving a file loads it anew\n`)
  return {
    [Symbol.dispose]() {
      settling?.[Symbol.dispose]()
      watching[Symbol.dispose]()
    },
  }
}
