// Brings the older Codex binaries that the tests run against, each into a folder of its own under the user's cache.
// Safe when two run at once: a version is installed aside and moved into place whole.

import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const VERSIONS = ["0.105.0", "0.130.0", "0.150.1"]
const home = join(homedir(), ".cache/codexd-codex")

mkdirSync(home, { recursive: true })
for (const version of VERSIONS) fetchVersion(version)

function fetchVersion(version) {
  const place = join(home, version)
  if (existsSync(join(place, "node_modules/@openai/codex/package.json"))) return
  const aside = mkdtempSync(join(home, `.${version}-`))
  try {
    writeFileSync(join(aside, "package.json"), `{"private":true,"name":"codex-${version}"}\n`)
    const args = ["install", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--loglevel=error"]
    const npm = spawnSync("npm", [...args, `@openai/codex@${version}`], {
      cwd: aside,
      stdio: ["ignore", 2, 2],
    })
    if (npm.status !== 0) throw new Error(`npm could not install @openai/codex@${version}`)
    if (!existsSync(place)) renameSync(aside, place)
  } catch (error) {
    // Another run may have been faster: then its copy stands and ours is not needed.
    if (!existsSync(join(place, "node_modules/@openai/codex/package.json"))) throw error
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}
