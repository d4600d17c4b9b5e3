// The thread as clients read it: the last known thread with `turns[]` from our own ledger, not a fresh read (decisions 19).

import type { Turn } from "./store.ts"

export interface ThreadParts {
  /** The stored thread's JSON without turns. */
  thread: string
  turns: Turn[]
  /** The items of each turn as they are stored: JSON separated by commas. */
  items: ReadonlyMap<string, string>
  /** What we know better than the thread. */
  fresh: Record<string, unknown>
}

/** JSON text: items are put in unparsed. */
export function threadText({ thread, turns, items, fresh }: ThreadParts): string {
  const head = JSON.stringify({ ...JSON.parse(thread), ...fresh, turns: undefined })
  const body = turns.map((turn) => turnText(turn, items.get(turn.id) ?? "")).join(",")
  return `${head.slice(0, -1)},"turns":[${body}]}`
}

function turnText(turn: Turn, items: string): string {
  const { id, kind, status, error, startedAt, completedAt, policy } = turn
  const times = {
    startedAt: seconds(startedAt),
    completedAt: seconds(completedAt),
    durationMs: startedAt === undefined || completedAt === undefined ? null : completedAt - startedAt,
  }
  const head = JSON.stringify({ id, kind, status, ...times })
  const substituted = policy === undefined ? "" : `,"policy":${policy}`
  return `${head.slice(0, -1)}${substituted},"error":${error ?? "null"},"items":[${items}]}`
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000))
