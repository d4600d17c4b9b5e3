// Which of the offered tools does a directive's work, and how it is called: the binaries name and shape them differently.

import type { Offered } from "./request.ts"

export type CallStep =
  | { do: "function"; name: string; namespace?: string; args: string }
  | { do: "custom"; name: string; namespace?: string; input: string }
  | { do: "local_shell"; command: string[] }

/** Longest that `exec_command` waits before it hands back a running process. */
const YIELD_MS = 30_000

type Shell = (command: string, escalate: boolean) => CallStep

const bash = (command: string) => ["bash", "-lc", command]
const escalation = (escalate: boolean) =>
  escalate ? { sandbox_permissions: "require_escalated", justification: "The script asks for it." } : {}
const fn = (name: string, args: object): CallStep => ({ do: "function", name, args: JSON.stringify(args) })

/** In order of preference. */
const SHELLS: Record<string, Shell> = {
  exec_command: (cmd, escalate) =>
    fn("exec_command", { cmd, yield_time_ms: YIELD_MS, ...escalation(escalate) }),
  shell_command: (command, escalate) => fn("shell_command", { command, ...escalation(escalate) }),
  shell: (command, escalate) => fn("shell", { command: bash(command), ...escalation(escalate) }),
  "container.exec": (command) => fn("container.exec", { command: bash(command) }),
  local_shell: (command) => ({ do: "local_shell", command: bash(command) }),
}

/** The call that runs a shell command; undefined when no shell is offered. */
export function shellCall(offered: Offered[], command: string, escalate = false): CallStep | undefined {
  const shell = Object.entries(SHELLS).find(([name]) => offered.some((one) => one.name === name))
  return shell?.[1](command, escalate)
}

/** The call that waits on for a command which still runs. */
export const waitCall = (sessionId: number): CallStep =>
  fn("write_stdin", { session_id: sessionId, chars: "", yield_time_ms: YIELD_MS })

/** The call that applies a patch: the tool of that name, else the shell, where codex sees the patch in the command. */
export function patchCall(offered: Offered[], patch: string): CallStep | undefined {
  const own = offered.find((one) => one.name === "apply_patch")
  if (own?.type === "custom") return { do: "custom", name: "apply_patch", input: patch }
  if (own) return fn("apply_patch", { input: patch })
  return shellCall(offered, `apply_patch <<'EOF'\n${patch}\nEOF`)
}

/** The call of a tool by its name, `NAMESPACE.NAME` for one inside a namespace; undefined when it is not offered. */
export function namedCall(offered: Offered[], name: string, args: string): CallStep | undefined {
  const found = offered.find((one) => one.name === name || `${one.namespace}.${one.name}` === name)
  if (!found) return undefined
  const place =
    found.namespace === undefined ? { name: found.name } : { name: found.name, namespace: found.namespace }
  return found.type === "custom"
    ? { do: "custom", ...place, input: args }
    : { do: "function", ...place, args }
}

/** The call that asks the person; undefined when the request doesn't offer it. */
export function askCall(offered: Offered[], question: string, options: string[]): CallStep | undefined {
  if (!offered.some((one) => one.name === "request_user_input")) return undefined
  const choices = options.map((label) => ({ label, description: `Choose "${label}".` }))
  return fn("request_user_input", {
    questions: [{ id: "answer", header: "Question", question, options: choices }],
  })
}
