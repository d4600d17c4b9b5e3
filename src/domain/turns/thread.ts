// The thread as clients read it: the last known thread with `turns[]` from our own ledger, not a fresh read (decisions 19).

import type { EntryRow } from "../transcript/store.ts"
import type { Turn } from "./store.ts"

/** JSON text: items are put in as they are stored, unparsed. `thread` is the stored thread's JSON without turns. */
export function threadText(
  thread: string,
  turns: Turn[],
  entries: EntryRow[],
  fresh: Record<string, unknown>,
): string {
  const items = new Map<string, string[]>()
  for (const { turnId, item } of entries) {
    if (item === undefined) continue
    const list = items.get(turnId)
    if (list) list.push(item)
    else items.set(turnId, [item])
  }
  const head = JSON.stringify({ ...JSON.parse(thread), ...fresh, turns: undefined })
  const body = turns.map((turn) => turnText(turn, items.get(turn.id) ?? [])).join(",")
  return `${head.slice(0, -1)},"turns":[${body}]}`
}

function turnText(turn: Turn, items: string[]): string {
  const { id, kind, status, error, startedAt, completedAt, policy } = turn
  const times = {
    startedAt: seconds(startedAt),
    completedAt: seconds(completedAt),
    durationMs: startedAt === undefined || completedAt === undefined ? null : completedAt - startedAt,
  }
  const head = JSON.stringify({ id, kind, status, ...times })
  const substituted = policy === undefined ? "" : `,"policy":${policy}`
  return `${head.slice(0, -1)}${substituted},"error":${error ?? "null"},"items":[${items.join(",")}]}`
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000))
