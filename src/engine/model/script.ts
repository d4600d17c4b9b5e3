// The play: from a request to the steps of one response. Pure: the same request (and attempt) always gives the same steps.
// A response runs the directives up to and including the next tool call; the request that brings its output goes on behind it.

import { never } from "../../base/kit/never.ts"
import type { Ask, DoneCall } from "./request.ts"
import { resultOf, runningIn } from "./results.ts"
import type { CallStep } from "./tools.ts"
import { askCall, namedCall, patchCall, shellCall, waitCall } from "./tools.ts"
import type { Directive } from "./words/directives.ts"
import { readDirectives } from "./words/directives.ts"

export type Step =
  | CallStep
  | { do: "say"; text: string; paceMs: number }
  | { do: "reason"; text: string }
  | { do: "wait"; ms: number }
  | { do: "hang" }
  | { do: "fail"; status: number; message: string }
  | { do: "ratelimit"; seconds: number }
  | { do: "cut" }

export interface Script {
  steps: Step[]
  /** Reported as the input's tokens. */
  inputTokens: number
}

const CALLS = new Set<Step["do"]>(["function", "custom", "local_shell"])
const ENDS = new Set<Step["do"]>([...CALLS, "hang", "fail", "ratelimit", "cut"])
const QUOTED_CHARS = 2_000
const say = (text: string, paceMs = 0): Step => ({ do: "say", text, paceMs })

/** The steps of the response to `ask`; `attempt` counts the requests for this step of the turn from 1 (for `once`). */
export function scriptOf(given: Ask, attempt: number): Script {
  const [ask, directives] = partOf(given)
  const inputTokens = Math.ceil(ask.inputChars / 4)
  if (ask.kind === "compact") return { steps: [say(summaryOf(ask))], inputTokens }
  const running = runningIn(ask.done.at(-1)?.output ?? "")
  if (running !== undefined) return { steps: [waitCall(running)], inputTokens }

  const own = ask.done.filter((call) => call.name !== "write_stdin")
  const rest = ask.forgotten ? [] : restAfter(directives, ask, own.length)
  const steps: Step[] = []
  for (const directive of rest) {
    const step = stepOf(directive, ask, attempt)
    if (step) steps.push(step)
    if (step && ENDS.has(step.do)) break
  }
  const last = steps.at(-1)
  if (!last || !ENDS.has(last.do)) {
    if (ask.kind === "review") steps.push(say(verdictOf(directives)))
    else if (!steps.some((step) => step.do === "say")) steps.push(say(closingOf(ask, directives)))
  }
  const usage = rest.find((one) => one.kind === "usage")
  return { steps, inputTokens: usage?.kind === "usage" ? usage.tokens : inputTokens }
}

/** The part of the script that is played: what stands behind `restarted:` is for a turn that a restart cut off. */
function partOf(ask: Ask): [Ask, Directive[]] {
  const directives = readDirectives(ask.text)
  const mark = directives.findIndex(({ kind }) => kind === "restarted")
  if (mark < 0) return [ask, directives]
  if (ask.sinceRestart === undefined) return [ask, directives.slice(0, mark)]
  return [{ ...ask, done: ask.sinceRestart }, directives.slice(mark + 1)]
}

/** The directives behind the `calls`-th one that called a tool. */
function restAfter(directives: Directive[], ask: Ask, calls: number): Directive[] {
  let left = calls
  let from = 0
  for (const [index, directive] of directives.entries()) {
    if (left === 0) break
    const step = stepOf(directive, ask, 1)
    if (!step || !CALLS.has(step.do)) continue
    left--
    from = index + 1
  }
  return left > 0 ? [] : directives.slice(from)
}

function stepOf(directive: Directive, { offered }: Ask, attempt: number): Step | undefined {
  const skipped = "once" in directive && directive.once && attempt > 1
  if (skipped) return undefined
  switch (directive.kind) {
    case "echo":
      return say(directive.text)
    case "words":
      return say(numbered(directive.count), directive.paceMs)
    case "reason":
      return { do: "reason", text: directive.text }
    case "run":
      return shellCall(offered, directive.command, directive.escalate) ?? notOffered("a shell")
    case "patch":
      return patchCall(offered, directive.patch) ?? notOffered("apply_patch or a shell")
    case "call":
      return namedCall(offered, directive.tool, directive.args) ?? notOffered(directive.tool)
    case "ask":
      return (
        askCall(offered, directive.question, directive.options) ??
        notOffered(`request_user_input. The question was: ${directive.question}`)
      )
    case "slow":
      return { do: "wait", ms: directive.ms }
    case "hang":
      return { do: "hang" }
    case "fail":
      return { do: "fail", status: directive.status, message: directive.message }
    case "ratelimit":
      return { do: "ratelimit", seconds: directive.seconds }
    case "cut":
      return { do: "cut" }
    case "malformed":
      return say(`I can't read "${directive.line}". The form is: ${directive.form}`)
    case "restarted":
    case "usage":
    case "finding":
      return undefined
    default:
      return never(directive)
  }
}

const notOffered = (what: string): Step => say(`This request offers no ${what}.`)

const numbered = (count: number): string => Array.from({ length: count }, (_, i) => `w${i + 1}`).join(" ")

function closingOf(ask: Ask, directives: Directive[]): string {
  if (ask.forgotten) return "Done; the history was summarised on the way."
  const results = ask.done.filter((call) => runningIn(call.output) === undefined).map(quoted)
  if (results.length) return results.join("\n\n")
  return directives.length ? "Done." : `You said: ${ask.text.trim()}`
}

/** A tool's result with its exit code, without what differs from run to run (times, chunk ids). */
function quoted({ name, output }: DoneCall): string {
  const { code, text } = resultOf(output)
  const shown = text.length > QUOTED_CHARS ? `${text.slice(0, QUOTED_CHARS)}…` : text
  return `${name}${code === undefined ? "" : ` (exit ${code})`}:\n${shown.trimEnd() || "(no output)"}`
}

const summaryOf = (ask: Ask): string =>
  `Summary by the scripted model of ${Math.ceil(ask.inputChars / 4)} tokens of history. Nothing remains to be done.`

/** The review's answer, in the schema that codex demands. */
function verdictOf(directives: Directive[]): string {
  const findings = directives.flatMap((one) => {
    if (one.kind !== "finding") return []
    const range = { start: one.line, end: one.line }
    return [
      {
        title: one.title,
        body: `${one.title}, as the script says.`,
        confidence_score: 0.9,
        priority: 1,
        code_location: { absolute_file_path: one.path, line_range: range },
      },
    ]
  })
  const count = findings.length === 1 ? "1 finding" : `${findings.length} findings`
  return JSON.stringify({
    findings,
    overall_correctness: findings.length ? "patch is incorrect" : "patch is correct",
    overall_explanation: `The scripted review has ${count}.`,
    overall_confidence_score: 0.9,
  })
}
