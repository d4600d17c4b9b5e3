// The payloads of the core events (wire-contract §4.2), put together from the rooms when they are delivered.

import type { Offer } from "../../domain/offers/store.ts"
import type { Entry } from "../../domain/transcript/entry.ts"
import type { FileChangeApprovalRequested, TurnCompleted } from "../../engine/host/contract.ts"
import type { Rooms } from "../rooms.ts"

const MAX_DETAILS = 50_000
const MAX_REQUEST = 8_000
const MAX_TRANSCRIPT = 24_000
const MAX_SNAPSHOT = 40_000
export const NO_REQUEST = "The user's request is unavailable."

type Places = Pick<Rooms, "sessions" | "requests" | "offers"> & { entries(of: Offer): Entry[] }

/** Undefined when its session is gone, or in no project any more: then it is nobody's. */
export function approvalPayload(rooms: Places, offer: Offer): FileChangeApprovalRequested | undefined {
  const session = rooms.sessions.find(offer.sessionId)
  if (!session?.projectId || offer.requestId === undefined) return undefined
  const entries = rooms.entries(offer)
  const request = rooms.requests.find(offer.requestId)
  const params = request ? (JSON.parse(request.params) as Record<string, unknown>) : {}
  const row =
    entries.find(({ messageId }) => messageId === offer.itemId) ??
    entries.findLast(({ type }) => type === "fileChange")
  const anchor = offer.itemId ?? row?.messageId ?? `approval-${offer.requestId}`
  const changes = changesIn(params) ?? changesOf(row)
  const upTo = entries.findIndex(({ messageId }) => messageId === anchor)
  return {
    context: {
      ...placeOf(offer, session.projectId),
      itemId: anchor,
      approvalId: offer.requestId,
      anchorItemId: anchor,
      userRequest: userRequest(entries),
      turnTranscript: cut(transcript(upTo < 0 ? entries : entries.slice(0, upTo + 1)), MAX_TRANSCRIPT),
    },
    summary: request?.summary ?? "Changes of files",
    details: cut(
      JSON.stringify({ status: "pending_approval", changes: (changes ?? []).map(brief) }, null, 2),
      MAX_DETAILS,
    ),
    sourceEvent: offer.source,
    fileChangeStatus: "pending_approval",
  }
}

export function turnPayload(rooms: Places, offer: Offer): TurnCompleted | undefined {
  const session = rooms.sessions.find(offer.sessionId)
  if (!session?.projectId) return undefined
  const entries = rooms.entries(offer)
  return {
    context: { ...placeOf(offer, session.projectId), userRequest: userRequest(entries) },
    hadFileChangeRequests: true,
    turnTranscriptSnapshot: cut(transcript(entries), MAX_SNAPSHOT),
    fileChangeRequestCount: rooms.offers.fileChangesIn(offer.sessionId, offer.turnId),
  }
}

const placeOf = ({ sessionId, turnId }: Offer, projectId: string) => ({
  projectId,
  sourceSessionId: sessionId,
  threadId: sessionId,
  turnId,
})

/** The changes that a request names: `changes`, `item.changes` or `fileChange.changes`, if one of them has a diff. */
export function changesIn(params: Record<string, unknown>): unknown[] | undefined {
  const inside = (value: unknown) => (value as { changes?: unknown } | null | undefined)?.changes
  return [params.changes, inside(params.item), inside(params.fileChange)].find(
    (one): one is unknown[] => Array.isArray(one) && one.some(hasDiff),
  )
}

const hasDiff = (change: unknown): boolean => {
  const { diff } = (change ?? {}) as { diff?: unknown }
  return typeof diff === "string" && diff.trim() !== ""
}

/** Those of a row for a file change. */
export function changesOf(row: Pick<Entry, "type" | "details"> | undefined): unknown[] | undefined {
  if (row?.type !== "fileChange" || row.details === undefined) return undefined
  try {
    return changesIn(JSON.parse(row.details) as Record<string, unknown>)
  } catch {
    return undefined
  }
}

function brief(change: unknown): Record<string, unknown> {
  const { path, kind, diff } = (change ?? {}) as Record<string, unknown>
  const named = typeof kind === "object" && kind !== null ? (kind as { type?: unknown }).type : kind
  return { path, kind: named, diff }
}

const userRequest = (entries: readonly Entry[]): string => {
  const text = entries.find(({ role, content }) => role === "user" && content.trim() !== "")?.content
  return text === undefined ? NO_REQUEST : cut(text, MAX_REQUEST)
}

const transcript = (entries: readonly Entry[]): string =>
  entries.map(({ role, type, content }) => `${role.toUpperCase()} [${type}]: ${content}`).join("\n")

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most)}\n[cut: ${text.length - most} more characters]`
