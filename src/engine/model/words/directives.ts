// The words a person may type, one directive a line (docs/scripted-model.md). Anything else in the message is prose.

import { readEffects } from "./effects.ts"

export type Directive =
  | { kind: "echo"; text: string }
  | { kind: "run"; command: string; escalate: boolean }
  | { kind: "call"; tool: string; args: string }
  | { kind: "ask"; question: string; options: string[] }
  | { kind: "patch"; patch: string }
  | { kind: "words"; count: number; paceMs: number }
  | { kind: "reason"; text: string }
  | { kind: "slow"; ms: number }
  | { kind: "hang" }
  | { kind: "fail"; status: number; message: string; once: boolean }
  | { kind: "ratelimit"; seconds: number; once: boolean }
  | { kind: "cut"; once: boolean }
  | { kind: "restarted" }
  | { kind: "usage"; tokens: number }
  | { kind: "finding"; path: string; line: number; title: string }
  | { kind: "malformed"; line: string; form: string }

interface Reader {
  form: string
  /** `more` takes the lines that follow, up to `end` or the message's end. */
  read: (rest: string, more: () => string[]) => Directive | undefined
}

const MAX_WORDS = 1_000_000
const MAX_MS = 3_600_000

const READERS: Record<string, Reader> = {
  echo: { form: "echo: TEXT", read: (rest) => ({ kind: "echo", text: rest.replaceAll("\\n", "\n") }) },
  run: {
    form: "run: SHELL COMMAND",
    read: (rest) => (rest ? { kind: "run", command: rest, escalate: false } : undefined),
  },
  escalate: {
    form: "escalate: SHELL COMMAND",
    read: (rest) => (rest ? { kind: "run", command: rest, escalate: true } : undefined),
  },
  call: { form: "call: TOOL {JSON}", read: readCall },
  ask: { form: "ask: QUESTION | OPTION | OPTION", read: readAskLine },
  patch: { form: "patch: PATH, then lines up to `end`; or patch: PATH | LINE | LINE", read: readPatch },
  words: { form: "words: N [MS]", read: readWords },
  reason: { form: "reason: TEXT", read: (rest) => (rest ? { kind: "reason", text: rest } : undefined) },
  slow: {
    form: "slow: MS",
    read: (rest) => withNumber(rest, MAX_MS, (ms) => ({ kind: "slow", ms })),
  },
  hang: { form: "hang:", read: () => ({ kind: "hang" }) },
  fail: { form: "fail: [once] STATUS [MESSAGE]", read: readFail },
  ratelimit: { form: "ratelimit: [once] [SECONDS]", read: readRateLimit },
  cut: { form: "cut: [once]", read: (rest) => ({ kind: "cut", once: /^once\b/i.test(rest) }) },
  restarted: { form: "restarted:", read: () => ({ kind: "restarted" }) },
  usage: {
    form: "usage: TOKENS",
    read: (rest) => withNumber(rest, Number.MAX_SAFE_INTEGER, (tokens) => ({ kind: "usage", tokens })),
  },
  finding: { form: "finding: PATH:LINE TITLE", read: readFinding },
}

/** The name of a directive and what follows it; a bare `cut` or `hang` needs no colon. */
const LINE = /^\s*(?:([a-z]+):\s*(.*?)|(cut|hang))\s*$/i

/** The directives of a message, in order. */
export function readDirectives(text: string): Directive[] {
  const effects = readEffects(text)
  if (effects) return effects
  const lines = text.split(/\r?\n/)
  const found: Directive[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ""
    const [, named, rest = "", bare] = LINE.exec(line) ?? []
    const name = (named ?? bare ?? "").toLowerCase()
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined
    if (!reader) continue
    const more = () => {
      const from = at + 1
      const end = lines.findIndex((one, index) => index >= from && one.trim() === "end")
      const until = end < 0 ? lines.length : end
      at = until
      return lines.slice(from, until)
    }
    found.push(reader.read(rest, more) ?? { kind: "malformed", line: line.trim(), form: reader.form })
  }
  return found
}

function withNumber(text: string, max: number, make: (n: number) => Directive): Directive | undefined {
  return /^\d+$/.test(text) && Number(text) <= max ? make(Number(text)) : undefined
}

function readCall(rest: string): Directive | undefined {
  const [, tool = "", args = ""] = /^(\S+)\s*(.*)$/.exec(rest) ?? []
  if (!tool) return undefined
  if (!args) return { kind: "call", tool, args: "{}" }
  try {
    JSON.parse(args)
    return { kind: "call", tool, args }
  } catch {
    return undefined
  }
}

function readAskLine(rest: string): Directive | undefined {
  const [question = "", ...options] = rest.split("|").map((one) => one.trim())
  const kept = options.filter(Boolean)
  return question ? { kind: "ask", question, options: kept.length ? kept : ["Yes", "No"] } : undefined
}

function readPatch(rest: string, more: () => string[]): Directive | undefined {
  if (rest.includes("|")) {
    const [path = "", ...lines] = rest.split("|").map((one) => one.trim())
    return path ? { kind: "patch", patch: addFile(path, lines) } : undefined
  }
  const lines = more()
  // A whole patch is used as it is, for updates and deletions.
  if (lines[0]?.trim() === "*** Begin Patch") return { kind: "patch", patch: lines.join("\n").trimEnd() }
  return rest ? { kind: "patch", patch: addFile(rest, lines) } : undefined
}

const addFile = (path: string, lines: string[]): string =>
  ["*** Begin Patch", `*** Add File: ${path}`, ...lines.map((line) => `+${line}`), "*** End Patch"].join("\n")

function readWords(rest: string): Directive | undefined {
  const [, count = "", pace = "0"] = /^(\d+)(?:\s+(\d+))?$/.exec(rest) ?? []
  if (!count || Number(count) > MAX_WORDS || Number(pace) > MAX_MS) return undefined
  return { kind: "words", count: Number(count), paceMs: Number(pace) }
}

function readFail(rest: string): Directive | undefined {
  const [, once, status = "", message = ""] = /^(once\s+)?([45]\d\d)\b\s*(.*)$/i.exec(rest) ?? []
  if (!status) return undefined
  return {
    kind: "fail",
    status: Number(status),
    message: message || "the script asked for a failure",
    once: !!once,
  }
}

function readRateLimit(rest: string): Directive | undefined {
  const [whole, once, seconds = "60"] = /^(once\b\s*)?(\d+)?$/i.exec(rest) ?? []
  return whole === undefined ? undefined : { kind: "ratelimit", seconds: Number(seconds), once: !!once }
}

function readFinding(rest: string): Directive | undefined {
  const [, path = "", line = "", title = ""] = /^(\S+?):(\d+)\s+(.+)$/.exec(rest) ?? []
  return path ? { kind: "finding", path, line: Number(line), title } : undefined
}
