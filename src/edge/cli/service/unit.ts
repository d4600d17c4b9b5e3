// The systemd user unit. It hardens what doesn't reach into the sessions: whatever sets no_new_privs or makes namespaces for
// the service (in a user unit nearly every Protect…, Private…, Restrict… and SystemCall… option does) would take sudo and
// rootless containers from sessions that may use them, or the namespaces from Codex's own sandbox; a umask would show on the files that
// Codex writes in people's repositories.

import type { ServicePlan } from "./plan.ts"

/** Beyond the grace of turns: the child's own end, the last commit. */
const SLACK_S = 15

export function unitText({ command, env, drainMs }: ServicePlan): string {
  const environment = Object.entries(env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`)
  return [
    "[Unit]",
    "Description=codexd, a local control plane for Codex",
    "StartLimitIntervalSec=300",
    "StartLimitBurst=5",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${command.map((word) => quoted(word.replaceAll("$", "$$$$"))).join(" ")}`,
    ...environment,
    "WorkingDirectory=~",
    "Restart=on-failure",
    "RestartSec=2",
    "# The daemon alone is told: it drains and ends its child itself. What is left after that is killed.",
    "KillMode=mixed",
    `TimeoutStopSec=${Math.ceil(drainMs / 1_000) + SLACK_S}`,
    "# A command that takes all memory must not take the daemon along.",
    "OOMPolicy=continue",
    "# A core dump would hold tokens; a session may still raise it.",
    "LimitCORE=0:infinity",
    "LimitNOFILE=16384:524288",
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n")
}

/** One word of a unit file: `%` is a specifier, a backslash an escape. */
function quoted(word: string): string {
  if (/[\n\r]/.test(word)) throw new Error("a unit file can't hold a line break in a path or a variable")
  return `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`
}
