// What codex hands back for a tool, in the wordings of its versions: an exit code, a body, or a process that still runs.

import * as v from "valibot"

const HEAD =
  /^(?:(?:Chunk ID|Wall time|Process exited|Process running|Exit code|Original token count|Total output lines)\b[^\n]*\n)+Output:\n?/
const CODE = /^(?:Process exited with code|Exit code:) (-?\d+)$/m

/** The older shells answer in JSON. */
const envelope = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({ output: v.string(), metadata: v.looseObject({ exit_code: v.number() }) }),
)

export interface ToolResult {
  code: number | undefined
  text: string
}

/** Peels the heads off a tool's output; a patch through the shell has two. */
export function resultOf(output: string): ToolResult {
  let text = output
  let code: number | undefined
  for (;;) {
    const head = HEAD.exec(text)?.[0]
    if (head === undefined) break
    const [, said] = CODE.exec(head) ?? []
    code = said === undefined ? code : Number(said)
    text = text.slice(head.length)
  }
  const wrapped = v.safeParse(envelope, text)
  if (!wrapped.success) return { code, text }
  return { code: wrapped.output.metadata.exit_code, text: wrapped.output.output }
}

/** The session id of a command that was handed back while it ran. */
export function runningIn(output: string): number | undefined {
  const head = HEAD.exec(output)?.[0] ?? ""
  const [, id] = /^Process running with session ID (\d+)$/m.exec(head) ?? []
  return id === undefined ? undefined : Number(id)
}
