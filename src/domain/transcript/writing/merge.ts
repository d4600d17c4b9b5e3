// How what is written meets the row that is there (wire-contract §3.4, §3.5): a terminal row is never reopened by a streaming
// one, times only widen, and nobody but the app-server rewrites what the app-server said.

import { type Entry, type EntryStatus, isTerminal } from "../entry.ts"
import type { EntryRow } from "../store.ts"

export interface Writing {
  /** The app-server's item behind it, as JSON. */
  item?: string | undefined
  /** A job begins anew: its row streams again, whatever it was. */
  reopen?: boolean | undefined
}

export function merged(known: EntryRow, next: Entry, writing: Writing = {}): EntryRow {
  if (known.item !== undefined && writing.item === undefined) return beside(known, next)
  const keeps = isTerminal(known.status) && next.status === "streaming" && !writing.reopen
  const { content, details, status } = keeps ? known : { ...next, details: next.details ?? known.details }
  return {
    ...known,
    ...next,
    author: next.author ?? known.author,
    content,
    details,
    status,
    ...timesOf(known, next),
    item: keeps ? known.item : (writing.item ?? known.item),
  }
}

const RANK: Record<EntryStatus, number> = { streaming: 0, complete: 1, canceled: 2, error: 3 }

/** Something about an item from somebody else: the higher status and the longer text count, its place and kind stay. */
function beside(known: EntryRow, next: Entry): EntryRow {
  const prefersNext = RANK[next.status] > RANK[known.status]
  return {
    ...known,
    content: longer(known.content, next.content, prefersNext),
    details:
      next.details === undefined ? known.details : longer(known.details ?? "", next.details, prefersNext),
    status: prefersNext ? next.status : known.status,
    ...timesOf(known, next),
  }
}

function longer(known: string, next: string, prefersNext: boolean): string {
  const [ours, theirs] = [known.trim().length, next.trim().length]
  if (ours === theirs) return prefersNext ? next : known
  return ours > theirs ? known : next
}

function timesOf(known: Entry, next: Entry): Pick<Entry, "startedAt" | "completedAt"> {
  const startedAt = least(known.startedAt, next.startedAt)
  const completedAt = most(known.completedAt, next.completedAt)
  return {
    startedAt,
    completedAt: completedAt === undefined ? undefined : Math.max(completedAt, startedAt ?? completedAt),
  }
}

const least = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
const most = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.max(a, b)
