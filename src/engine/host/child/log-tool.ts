// Lines of log of an extension. They cost credit, which its host gives by the second: more are dropped and counted, so that
// a loop of logging stalls nobody.

import type { FromThread } from "../link/wire.ts"

type Level = Extract<FromThread, { t: "log" }>["level"]

/** Lines that may be on their way at the start. */
export const LOG_CREDIT = 200
const MAX_TEXT = 8_000

export function createLogTool(post: (message: FromThread) => void) {
  let left = LOG_CREDIT
  let dropped = 0
  let late = 0

  function send(level: Level, fields: unknown, message: unknown): void {
    if (left <= 0) {
      dropped++
      return
    }
    left--
    const text = typeof fields === "string" && message === undefined ? fields : String(message ?? "")
    const plain = typeof fields === "string" ? undefined : asJson(fields)
    const line: FromThread = { t: "log", level, text: text.slice(0, MAX_TEXT) }
    post(plain === undefined ? line : { ...line, fields: plain })
  }

  return {
    /** `isOpen` says whether the handler whose logger it is still runs. */
    logger(isOpen: () => boolean): Record<Level, (fields: unknown, message?: unknown) => void> {
      const at = (level: Level) => (fields: unknown, message?: unknown) => {
        if (isOpen()) send(level, fields, message)
      }
      return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }
    },
    /** What it prints is logged. */
    printed(level: "info" | "error", text: string): void {
      for (const line of text.split("\n")) if (line.trim() !== "") send(level, line, undefined)
    },
    /** Something that came after its handler's time. */
    late(what: string): void {
      if (left-- > 0) post({ t: "late", what, times: 1 })
      else late++
    },
    credit(lines: number): void {
      left = Math.min(LOG_CREDIT, Math.max(0, left) + lines)
      if (late > 0) post({ t: "late", what: "more", times: late })
      late = 0
      if (dropped > 0) post({ t: "dropped", lines: dropped })
      dropped = 0
    },
  }
}

function asJson(fields: unknown): unknown {
  if (fields instanceof Error) return { error: fields.message }
  try {
    const text = JSON.stringify(fields) ?? "null"
    return text.length > MAX_TEXT ? { cut: text.slice(0, MAX_TEXT) } : JSON.parse(text)
  } catch {
    return { unreadable: true }
  }
}
