// A change of files that waits for a person: an explanation, what a careful supervisor sees, then what the settings allow to be
// done about it, by the risk. Declining goes before accepting; a person's decision goes before both.

import type { FileChangeApprovalRequested, JobInput } from "../../../src/engine/host/contract.ts"
import type { FileChangeSettings } from "../settings.ts"
import { type Effect, effect, quoted, rowEffect } from "./instruction.ts"
import { jobOf, type Promised, placeLine } from "./job.ts"

const KIND = "file_change_supervisor_review"

/** Undefined where nothing is to be done. */
export function fileChangeJob(
  { context, summary, details, fileChangeStatus }: FileChangeApprovalRequested,
  settings: FileChangeSettings,
): JobInput | undefined {
  const { projectId, sourceSessionId: sessionId, turnId, itemId, approvalId, anchorItemId } = context
  const place = { projectId, sessionId, turnId }
  const rows = settings.diffExplainability ? rowsOf(sessionId, turnId, anchorItemId || itemId) : []
  const isPending = fileChangeStatus === "pending_approval" && Boolean(approvalId)
  const auto = autoEffects(settings, isPending ? approvalId : undefined)
  const effects = [...rows.map(rowEffect), ...auto]
  if (effects.length === 0) return undefined
  return jobOf({
    jobKind: KIND,
    ...place,
    dedupeKey: [KIND, sessionId, turnId, itemId || approvalId || "na"].join(":"),
    paragraphs: [
      "Judge a change of files that Codex asks to make, before it is made.",
      `${placeLine(place)} Item ${itemId}, approval ${approvalId} (${fileChangeStatus}). ${summary}`,
      `What the user asked for:\n${quoted("request", context.userRequest)}`,
      `The turn so far:\n${quoted("turn", context.turnTranscript)}`,
      `The change:\n${quoted("change", readable(details))}`,
      steps(rows, settings, isPending),
    ],
    effects,
    more: {
      itemId,
      approvalId,
      anchorItemId,
      ...(rows.length > 0 && { supplementalTargets: rows }),
    },
  })
}

function rowsOf(sessionId: string, turnId: string, anchor: string): Promised[] {
  const at = `${sessionId}::${turnId}::${anchor || "unknown-item"}`
  return [
    {
      messageId: `file-change-explain::${at}`,
      type: "fileChange.explainability",
      placeholderTexts: ["Analysing the proposed change…", "Explanation pending."],
      completeFallback: "The change was looked at; no explanation was written.",
      errorFallback: "The change could not be explained.",
      canceledFallback: "The explanation was cancelled.",
    },
    {
      messageId: `file-change-supervisor-insight::${at}`,
      type: "fileChange.supervisorInsight",
      placeholderTexts: ["The supervisor is looking at the change…", "Supervisor queued."],
      completeFallback: "The supervisor looked at the change and wrote nothing.",
      errorFallback: "The supervisor could not judge the change.",
      canceledFallback: "The supervisor's look at the change was cancelled.",
    },
  ]
}

/** Said while the turn still waits, a word to it reaches the model together with the decision. */
function autoEffects(
  { approve, reject, steer }: FileChangeSettings,
  approvalId: string | undefined,
): Effect[] {
  const effects: Effect[] = []
  if (steer.enabled) {
    const when = { risk: { atLeast: steer.threshold } }
    effects.push(effect("turn.steer.create", { fixed: {}, free: { input: 4_000 } }, { when }))
  }
  if (approvalId === undefined) return effects
  const decide = (decision: "accept" | "decline", when: Effect["when"] & object) =>
    effect("approval.decide", { fixed: { approvalId, decision }, free: {} }, { when, group: "decision" })
  if (reject.enabled) effects.push(decide("decline", { risk: { atLeast: reject.threshold } }))
  if (approve.enabled) effects.push(decide("accept", { risk: { atMost: approve.threshold } }))
  return effects
}

function steps(rows: Promised[], { approve, reject, steer }: FileChangeSettings, isPending: boolean): string {
  const all: string[] = []
  const [explanation, insight] = rows
  if (explanation)
    all.push(
      `Explain the change in the row ${explanation.messageId}: what it does and why, in a few sentences of Markdown.`,
    )
  if (insight)
    all.push(
      `Then write the row ${insight.messageId}: the level of risk that you see, why, and what the person who decides should look at.`,
    )
  if (steer.enabled)
    all.push(
      `If the risk is at least ${steer.threshold}, say to the running turn how it should go on instead: one message, as the user would write it.`,
    )
  if (isPending && reject.enabled)
    all.push(`If the risk is at least ${reject.threshold}, decline the change.`)
  if (isPending && approve.enabled)
    all.push(
      `If the risk is at most ${approve.threshold}, accept the change${reject.enabled ? ", unless you have declined it" : ""}.`,
    )
  return `Judge the risk, then do this in this order; a person who was first has won, go on with what is left:\n${all
    .map((one, at) => `${at + 1}. ${one}`)
    .join("\n")}`
}

/** Each change with its own lines; what was cut, or is something else, as it came. */
function readable(details: string): string {
  try {
    const { changes } = JSON.parse(details) as { changes?: { path?: string; kind?: string; diff?: string }[] }
    if (!Array.isArray(changes)) return details
    return changes
      .map(({ path = "(no path)", kind = "change", diff = "" }) => `${kind} ${path}\n${diff}`)
      .join("\n\n")
  } catch {
    return details
  }
}
