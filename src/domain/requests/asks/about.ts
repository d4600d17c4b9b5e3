// What would happen, or what is asked, in words that a person can judge. Params differ by version and by dialect, so
// everything here is a look: what isn't there isn't said.

import { commandOf, list, methodOf, object, type Params, string } from "../kinds.ts"
import { changesOf } from "./changes.ts"
import { formOf } from "./elicitation.ts"

/** One line. */
export function summaryOf(method: string, params: Params): string {
  const { topic } = methodOf({ method })
  switch (topic) {
    case "command":
      return commandOf(params) ?? networkOf(params) ?? string(params.reason) ?? "approval requested"
    case "fileChange": {
      const n = changesOf(params)?.length
      return n === undefined ? (string(params.reason) ?? "approval requested") : counted(n, "change")
    }
    case "permissions":
      return `permissions: ${permissionWords(params.permissions).join(", ") || "none"}`
    case "skill":
      return `use the skill ${string(params.skillName) ?? "?"}`
    case "userInput":
      return counted(list(params.questions).length, "question")
    case "elicitation":
      return `${string(params.serverName) ?? "an MCP server"}: ${formOf(params).message}`
    case "toolCall":
      return string(params.tool) ?? "tool call"
  }
}

/** The parts of it, by topic. */
export function aboutOf(method: string, params: Params): Record<string, unknown> {
  const { topic } = methodOf({ method })
  const reason = string(params.reason) ?? null
  switch (topic) {
    case "command":
      return {
        command: commandOf(params) ?? null,
        cwd: string(params.cwd) ?? null,
        environment: string(params.environmentId) ?? null,
        actions: list(params.commandActions ?? params.parsedCmd).map(actionOf),
        reason,
        network: networkOf(params) ?? null,
        permissions: permissionWords(params.additionalPermissions),
        // Input for a command that runs already, where the binary asks about that.
        into: params.kind === "writeStdin" ? "running command" : null,
      }
    case "fileChange":
      return { changes: changesOf(params) ?? [], reason, grantRoot: string(params.grantRoot) ?? null }
    case "permissions":
      return {
        permissions: permissionWords(params.permissions),
        cwd: string(params.cwd) ?? null,
        environment: string(params.environmentId) ?? null,
        reason,
      }
    case "skill":
      return { skill: string(params.skillName) ?? null }
    case "userInput":
      return { questions: list(params.questions).length }
    case "elicitation": {
      const { mode, message, url } = formOf(params)
      return { server: string(params.serverName) ?? null, mode, message, url, tool: toolOf(params) }
    }
    case "toolCall":
      return { tool: params.tool, namespace: string(params.namespace) ?? null }
  }
}

function networkOf({ networkApprovalContext }: Params): string | undefined {
  const { host, protocol } = object(networkApprovalContext)
  return string(host) && `network access to ${host}${string(protocol) ? ` (${protocol})` : ""}`
}

/** `reads notes.txt`: what Codex made of the command, in its newer and older spelling. */
function actionOf(action: unknown): { type: string; text: string } {
  const { type, command, cmd, path, query, name } = object(action)
  const whole = string(command) ?? string(cmd) ?? ""
  const at = string(path) ?? string(name)
  switch (type) {
    case "read":
      return { type, text: `reads ${at ?? whole}` }
    case "listFiles":
    case "list_files":
      return { type: "listFiles", text: `lists ${at ?? "files"}` }
    case "search":
      return { type, text: `searches${query ? ` for ${query}` : ""}${at ? ` in ${at}` : ""}` }
    default:
      return { type: "unknown", text: `runs ${whole}` }
  }
}

function permissionWords(profile: unknown): string[] {
  const { network, fileSystem, ...others } = object(profile)
  const { read, write, entries } = object(fileSystem)
  const words = [
    ...(object(network).enabled === true ? ["network access"] : []),
    ...list(read).map((path) => `read ${path}`),
    ...list(write).map((path) => `write ${path}`),
    ...list(entries).map(entryWords),
    // What a person is not told of would be granted all the same.
    ...Object.entries(others).flatMap(([part, asked]) =>
      asked === null || asked === undefined ? [] : [`${part}: ${JSON.stringify(asked)}`],
    ),
  ]
  // Newer binaries spell both, the older lists among them: each is said once.
  return [...new Set(words)]
}

function entryWords(entry: unknown): string {
  const { path, access } = object(entry)
  const place = object(path)
  const where = string(path) ?? string(place.path) ?? string(place.pattern) ?? specialOf(place.value)
  return `${string(access) ?? "use"} ${where ?? JSON.stringify(path ?? null)}`
}

/** A place that is named, not spelled: the root, the project's folders, the temporary ones. */
function specialOf(value: unknown): string | undefined {
  const { kind, subpath, path } = object(value)
  const name = kind === "root" ? "/ (everything)" : string(kind)
  return name && [name, string(subpath), string(path)].filter((part) => part !== undefined).join(" ")
}

/** An MCP tool that waits for its approval: newer binaries ask by an elicitation of their own making. */
function toolOf({ _meta }: Params): { title: string | null; arguments: unknown } | null {
  const meta = object(_meta)
  if (meta.codex_approval_kind !== "mcp_tool_call") return null
  return {
    title: string(meta.tool_title) ?? string(meta.tool_description) ?? null,
    arguments: meta.tool_params ?? null,
  }
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`
