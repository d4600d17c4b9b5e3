// `codexd service install | uninstall | status | logs`: the daemon as a service of the user's own, started at login and
// again when it fails (docs/operations.md).

import type { Command } from "commander"
import { resolvePath } from "../../../base/config/paths.ts"
import { type ConfigFlags, configOf } from "../config.ts"
import type { CliNeeds } from "../needs.ts"
import { readingConfig } from "../reading.ts"
import { LABEL, planOf, type ServicePlan, UNIT } from "./plan.ts"
import { plistText } from "./plist.ts"
import { unitText } from "./unit.ts"

export function serviceWords(program: Command, needs: CliNeeds, done: (code: number) => void): void {
  const words = program.command("service").description("run the daemon as a service of yours")
  readingConfig(words.command("install").description("make it, start it now and at every login"))
    .option("--host <address>", "address to listen on")
    .option("--port <number>", "port to listen on")
    .action(async (flags: ConfigFlags) => done(await install(needs, flags)))
  words
    .command("uninstall")
    .description("stop it and remove it; its data stays")
    .action(async () => done(await uninstall(needs)))
  words
    .command("status")
    .description("how it is, as the service manager says")
    .action(async () => done(await shown(needs, STATUS)))
  words
    .command("logs")
    .description("its last lines")
    .option("-n, --lines <number>", "how many", "200")
    .action(async ({ lines }: { lines: string }) => done(await shown(needs, (plan) => logs(plan, lines))))
}

function planned(needs: CliNeeds, { envFile, ...flags }: ConfigFlags): ServicePlan {
  const { env, service, cwd } = needs
  const file = envFile === undefined ? {} : { envFile: resolvePath(cwd, envFile) }
  const config = configOf(needs, { ...flags, ...file })
  return planOf({ os: service.os, env, program: service.program, config, flags: { ...flags, ...file } })
}

async function install(needs: CliNeeds, flags: ConfigFlags): Promise<number> {
  const plan = planned(needs, flags)
  const { files } = needs
  files.makeFolder(plan.file.slice(0, plan.file.lastIndexOf("/")))
  files.makeFolder(`${plan.dataDir}/logs`)
  files.writeText(plan.file, plan.manager === "systemd" ? unitText(plan) : plistText(plan))
  if (plan.manager === "systemd") {
    await must(needs, ["systemctl", "--user", "daemon-reload"])
    await must(needs, ["systemctl", "--user", "enable", UNIT])
    // Also where an older one runs: it takes the new file.
    await must(needs, ["systemctl", "--user", "restart", UNIT])
  } else {
    await needs.service.run(["launchctl", "bootout", await domain(needs, LABEL)])
    await must(needs, ["launchctl", "bootstrap", await domain(needs), plan.file])
  }
  const stays =
    plan.manager === "systemd" ? "\n  it ends when you log out, unless you run `loginctl enable-linger`" : ""
  needs.out.write(`${plan.file} is made and runs; its data is in ${plan.dataDir}${stays}\n`)
  return 0
}

async function uninstall(needs: CliNeeds): Promise<number> {
  const plan = planned(needs, {})
  if (!needs.files.exists(plan.file)) {
    needs.out.write(`there is no ${plan.file}: nothing to remove\n`)
    return 0
  }
  if (plan.manager === "systemd") await must(needs, ["systemctl", "--user", "disable", "--now", UNIT])
  else await needs.service.run(["launchctl", "bootout", await domain(needs, LABEL)])
  needs.files.removeFolder(plan.file)
  if (plan.manager === "systemd") await must(needs, ["systemctl", "--user", "daemon-reload"])
  needs.out.write(`${plan.file} is removed; its data stays in ${plan.dataDir}\n`)
  return 0
}

const STATUS = async (plan: ServicePlan, needs: CliNeeds): Promise<string[]> =>
  plan.manager === "systemd"
    ? ["systemctl", "--user", "status", "--no-pager", UNIT]
    : ["launchctl", "print", await domain(needs, LABEL)]

async function logs(plan: ServicePlan, lines: string): Promise<string[]> {
  if (!/^[1-9]\d{0,5}$/.test(lines)) throw new Error("--lines: a whole number from 1 is expected")
  return plan.manager === "systemd"
    ? ["journalctl", "--user", "--no-pager", "-o", "cat", "-n", lines, "-u", UNIT]
    : ["tail", "-n", lines, `${plan.dataDir}/logs/service.log`]
}

/** What the manager says, and its exit code. */
async function shown(
  needs: CliNeeds,
  command: (plan: ServicePlan, needs: CliNeeds) => Promise<string[]>,
): Promise<number> {
  const { code, out, err } = await needs.service.run(await command(planned(needs, {}), needs))
  needs.out.write(out)
  needs.err.write(err)
  return code
}

/** launchd's name of the user's own services, or of one of them. */
async function domain(needs: CliNeeds, service?: string): Promise<string> {
  const { out } = await must(needs, ["id", "-u"])
  return [`gui/${out.trim()}`, ...(service ? [service] : [])].join("/")
}

async function must(needs: CliNeeds, command: string[]) {
  const ended = await needs.service.run(command)
  if (ended.code !== 0)
    throw new Error(`\`${command.join(" ")}\` failed: ${ended.err.trim() || `code ${ended.code}`}`)
  return ended
}
