// Calls of tools as the model made them and read their outputs: what older binaries keep of commands and patches.

import type { Item } from "../../domain/transcript/entry.ts"
import { type Fields, fieldsOf, listOf, parsed, textOf } from "./fields.ts"
import { wordsOf } from "./items.ts"

const COMMANDS: ReadonlySet<string> = new Set([
  "exec_command",
  "shell",
  "shell_command",
  "local_shell",
  "container.exec",
])
/** Their effects are told otherwise, or are none. */
const SILENT: ReadonlySet<string> = new Set(["write_stdin", "update_plan"])

/** The item of a call whose output is still to come. */
export function itemOfCall(call: Fields, cwd: string): Item | undefined {
  const id = textOf(call.call_id)
  const name = call.type === "local_shell_call" ? "local_shell" : textOf(call.name)
  if (id === "" || SILENT.has(name)) return undefined
  const args = fieldsOf(call.type === "local_shell_call" ? call.action : parsed(textOf(call.arguments)))
  const command = COMMANDS.has(name) ? wordsOf(args.cmd ?? args.command) : ""
  const changes = patchOf(command === "" ? textOf(call.input) : command)
  if (changes.length > 0) return { type: "fileChange", id, changes, status: "inProgress" }
  if (command !== "") {
    const folder = textOf(args.workdir) || textOf(args.working_directory) || cwd
    return { type: "commandExecution", id, command, cwd: folder, status: "inProgress" }
  }
  const given = call.input === undefined ? args : call.input
  return { type: "dynamicToolCall", id, tool: name, arguments: given, status: "inProgress" }
}

/** The same item, with what came of it. */
export function answered(item: Item, output: unknown): Item {
  const { text, exitCode, durationMs } = outputOf(output)
  const status = exitCode === undefined || exitCode === 0 ? "completed" : "failed"
  if (item.type === "fileChange") return { ...item, status }
  if (item.type === "commandExecution")
    return {
      ...item,
      status,
      aggregatedOutput: text,
      exitCode: exitCode ?? null,
      durationMs: durationMs ?? null,
    }
  return { ...item, status, contentItems: [{ type: "inputText", text }], success: status === "completed" }
}

interface Output {
  text: string
  exitCode: number | undefined
  durationMs: number | undefined
}

/** Plain text, text behind some lines about the process, or JSON with the text and the code in it. */
function outputOf(output: unknown): Output {
  const whole =
    typeof output === "string"
      ? output
      : textOf(fieldsOf(output).content) ||
        listOf(output)
          .map((one) => textOf(fieldsOf(one).text))
          .join("\n")
  const told = fieldsOf(parsed(whole))
  if (typeof told.output === "string") {
    const { exit_code, duration_seconds } = fieldsOf(told.metadata)
    return { text: told.output, exitCode: numberOf(exit_code), durationMs: msOf(duration_seconds) }
  }
  const [, about, text] = /^((?:(?!Output:\n)[^\n]*\n){0,6})Output:\n([\s\S]*)$/.exec(whole) ?? []
  if (about === undefined || text === undefined)
    return { text: whole, exitCode: undefined, durationMs: undefined }
  const code = /(?:Process exited with code|Exit code:) (-?\d+)/.exec(about)?.[1]
  const inner = outputOf(text)
  return {
    text: inner.text,
    exitCode: code === undefined ? inner.exitCode : Number(code),
    durationMs: msOf(numberOf(/Wall time: ([\d.]+) seconds/.exec(about)?.[1])),
  }
}

/** The changes that a patch in Codex's own language makes; none for another text. */
function patchOf(text: string): Fields[] {
  const patch = /\*\*\* Begin Patch\n([\s\S]*?)\n?\*\*\* End Patch/.exec(text)?.[1]
  if (patch === undefined) return []
  const changes: { path: string; kind: Fields; diff: string }[] = []
  for (const line of patch.split("\n")) {
    const [, verb, path] = /^\*\*\* (Add|Update|Delete) File: (.+)$/.exec(line) ?? []
    const last = changes.at(-1)
    if (verb !== undefined && path !== undefined)
      changes.push({ path, kind: { type: verb.toLowerCase() }, diff: "" })
    else if (last?.kind.type === "add") last.diff += `${line.replace(/^\+/, "")}\n`
    else if (last) last.diff += `${line}\n`
  }
  return changes
}

const numberOf = (value: unknown): number | undefined => {
  const number = typeof value === "string" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) ? number : undefined
}
const msOf = (seconds: unknown): number | undefined => {
  const found = numberOf(seconds)
  return found === undefined ? undefined : Math.round(found * 1000)
}
