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
  const before = files.readText(plan.file)
  files.writeText(plan.file, plan.manager === "systemd" ? unitText(plan) : plistText(plan))
  try {
    if (plan.manager === "systemd") {
      await must(needs, ["systemctl", "--user", "daemon-reload"])
      await must(needs, ["systemctl", "--user", "enable", UNIT])
    } else {
      await needs.service.run(["launchctl", "bootout", await domain(needs, LABEL)])
      await must(needs, ["launchctl", "bootstrap", await domain(needs), plan.file])
    }
  } catch (error) {
    await takeBack(needs, plan, before)
    throw error
  }
  if (plan.manager === "systemd") await restart(needs, plan)
  const stays =
    plan.manager === "systemd" ? "\n  it ends when you log out, unless you run `loginctl enable-linger`" : ""
  needs.out.write(`${plan.file} is made and runs; its data is in ${plan.dataDir}${stays}\n`)
  return 0
}

/** The manager didn't take the file: as if nothing had been asked for. */
async function takeBack(needs: CliNeeds, { file, manager }: ServicePlan, before: string | undefined) {
  const { files, service } = needs
  if (before === undefined) files.removeFolder(file)
  else files.writeText(file, before)
  if (manager === "systemd") await service.run(["systemctl", "--user", "daemon-reload"])
  else if (before !== undefined) await service.run(["launchctl", "bootstrap", await domain(needs), file])
}

/** Also where an older one runs: it takes the new file. One that doesn't start stays made: the next login starts it. */
async function restart(needs: CliNeeds, { file }: ServicePlan): Promise<void> {
  try {
    await must(needs, ["systemctl", "--user", "restart", UNIT])
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(
      `${why}\n  ${file} is made and starts at your next login. Why it doesn't start now: \`codexd service logs\`;` +
        " to remove it: `codexd service uninstall`",
      { cause: error },
    )
  }
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
  if (ended.code !== 0) {
    const failed = `\`${command.join(" ")}\` failed: ${ended.err.trim() || `code ${ended.code}`}`
    throw new Error(command[0] === "systemctl" && isUnreachable(ended) ? `${failed}\n${UNREACHABLE}` : failed)
  }
  return ended
}

const NOT_FOUND = 127
const isUnreachable = ({ code, err }: { code: number; err: string }): boolean =>
  code === NOT_FOUND || /\bbus\b|XDG_RUNTIME_DIR|not been booted/i.test(err)

const UNREACHABLE = `  Nothing is changed: the systemd of your user can't be reached from here, as in a shell of su or sudo, or in a container.
  Log in as this user and try again; or have \`sudo loginctl enable-linger\` start its systemd without a login, and try again with
  XDG_RUNTIME_DIR=/run/user/$(id -u). Where there is no systemd, let what keeps services there run \`codexd serve\`.`
