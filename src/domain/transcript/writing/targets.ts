// The rows that a job promises beforehand (wire-contract §3.6): a placeholder while it runs and, whatever becomes of it, an end.
// Pure, and saying the same twice changes nothing: also what a crash cut off is settled by them.

import type { Entry } from "../entry.ts"

export interface Target {
  messageId: string
  type: string
  placeholderTexts?: readonly string[] | undefined
  completeFallback?: string | undefined
  errorFallback?: string | undefined
  canceledFallback?: string | undefined
}

/** What all targets of a job have in common. */
export interface TargetsOf {
  turnId: string
  /** `job:ID`. */
  author: `job:${string}`
  anchorItemId?: string | undefined
  approvalId?: string | undefined
}

export interface JobEnd {
  outcome: "complete" | "error" | "canceled"
  /** Why, for an error. */
  reason?: string | undefined
}

interface Meeting {
  target: Target
  about: TargetsOf
  known: Entry | undefined
  now: number
}

/** The row of a target whose job begins; undefined where it is there already. To be put with `reopen`. */
export function openedTarget({ target, about, known, now }: Meeting): Entry | undefined {
  if (known?.status === "complete" || known?.status === "streaming") return undefined
  const content = target.placeholderTexts?.[0] ?? `${target.type}: under way`
  return { ...base(target, about, known), content, status: "streaming", startedAt: known?.startedAt ?? now }
}

/** The row of a target whose job has ended; undefined where nothing would change. */
export function endedTarget({ target, about, known, now }: Meeting, end: JobEnd): Entry | undefined {
  const { outcome } = end
  if (known?.status === "complete" && outcome !== "complete") return undefined
  const hasText = known !== undefined && !isPlaceholder(target, known.content)
  const content = hasText ? known.content : fallback(target, end)
  if (known?.status === outcome && known.content === content) return undefined
  const startedAt = known?.startedAt ?? now
  return { ...base(target, about, known), content, status: outcome, startedAt, completedAt: now }
}

function base({ messageId, type }: Target, about: TargetsOf, known: Entry | undefined) {
  const { turnId, author, anchorItemId, approvalId } = about
  const links = anchorItemId === undefined && approvalId === undefined ? {} : { anchorItemId, approvalId }
  const details = known?.details ?? (Object.keys(links).length > 0 ? JSON.stringify(links) : undefined)
  return {
    messageId,
    turnId,
    role: "system" as const,
    type,
    author,
    ...(details !== undefined && { details }),
  }
}

function isPlaceholder({ placeholderTexts = [], type }: Target, content: string): boolean {
  const said = content.trim().toLowerCase()
  const known = [...placeholderTexts, `${type}: under way`]
  return said === "" || known.some((text) => text.trim().toLowerCase() === said)
}

function fallback(target: Target, { outcome, reason }: JobEnd): string {
  const { type, completeFallback, errorFallback, canceledFallback } = target
  switch (outcome) {
    case "complete":
      return completeFallback ?? `${type}: done, without a text of its own`
    case "canceled":
      return canceledFallback ?? `${type}: canceled`
    case "error": {
      const text = errorFallback ?? `${type}: failed`
      return reason ? `${text} (${reason})` : text
    }
  }
}
