// Turns frames into lines that a person can follow.

import { type Frame, fieldsOf } from "./client.ts"

const MARGIN = " ".repeat(17)

/** Writes one line a frame, words of the answer joined on one line. */
export function createNarrator(write: (text: string) => void) {
  let speaking = false
  const line = (frame: Frame, text: string) => {
    write(`${speaking ? "\n" : ""}   ${(frame.at ?? "").slice(11, 23).padEnd(12)}  ${text}\n`)
    speaking = false
  }
  return (frame: Frame): void => {
    const payload = fieldsOf(frame.payload)
    if (frame.type !== "notification") {
      const told = TOLD[frame.type]?.(frame, payload)
      if (told !== undefined) line(frame, told)
      return
    }
    const params = fieldsOf(payload.params)
    if (payload.method === "item/agentMessage/delta") {
      if (!speaking) line(frame, "the model says:")
      write(`${speaking ? "" : MARGIN}${String(params.delta).replaceAll("\n", `\n${MARGIN}`)}`)
      speaking = true
      return
    }
    const told = NOTIFIED[String(payload.method)]?.(params)
    if (told !== undefined) line(frame, told)
  }
}

const TOLD: Record<string, (frame: Frame, payload: Record<string, unknown>) => string | undefined> = {
  ready: ({ text }) => {
    const { resume, head } = fieldsOf(JSON.parse(text))
    return `the stream is ready (resume: ${resume}, head: ${head})`
  },
  approval: (_, { summary }) => `approval is asked for: ${summary}`,
  approval_resolved: (_, { decision, status }) => `approval ${status}: ${decision ?? "–"}`,
}

const NOTIFIED: Record<string, (params: Record<string, unknown>) => string | undefined> = {
  "turn/started": (params) => `turn started (${fieldsOf(params.turn).id})`,
  "turn/completed": (params) => `turn ${fieldsOf(params.turn).status}`,
  "item/started": ({ item }) => itemLine("started", fieldsOf(item)),
  "item/completed": ({ item }) => itemLine("completed", fieldsOf(item)),
}

function itemLine(state: string, item: Record<string, unknown>): string | undefined {
  if (item.type !== "commandExecution") return undefined
  if (state === "started") return `command wants to run: ${item.command}`
  return `command ${item.status}, exit code ${item.exitCode}: ${String(item.aggregatedOutput ?? "").trimEnd()}`
}
