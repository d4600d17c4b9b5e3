// Which job is next: over the heads of each owner's lanes, never over the rows (an aged priority in ORDER BY costs 8 ms at
// 100,000 queued, measurements.md). Interactive before background, but no background job waits for ever; among equals the
// owner that was served longest ago.

export interface Head {
  /** Growing with age's opposite: the lower, the older. */
  n: number
  createdAt: number
}

/** An owner that may start a job now, and the oldest that it has in each lane. */
export interface Candidate<H extends Head = Head> {
  owner: string
  interactive: H | undefined
  background: H | undefined
  /** Interactive starts of this owner since its last background one. */
  streak: number
  /** Grows with every start in the house; 0: never served. */
  servedAt: number
}

export interface Rules {
  now: number
  /** A background job this old may be forced. */
  agingMs: number
  /** Interactive starts in a row, of its owner or of the house, before an aged background job is forced. */
  burst: number
  /** Interactive starts of the whole house since its last background one. */
  streak: number
}

export interface Picked<C> {
  candidate: C
  lane: "interactive" | "background"
  forced: boolean
}

/** The best of them; undefined if none has anything. */
export function pick<C extends Candidate>(candidates: Iterable<C>, rules: Rules): Picked<C> | undefined {
  let best: Picked<C> | undefined
  for (const candidate of candidates) {
    const own = ofOwner(candidate, rules)
    if (own && (!best || isBefore(own, best))) best = own
  }
  return best
}

function ofOwner<C extends Candidate>(candidate: C, rules: Rules): Picked<C> | undefined {
  const { interactive, background, streak } = candidate
  if (background && isForced(background, streak, rules))
    return { candidate, lane: "background", forced: true }
  if (interactive) return { candidate, lane: "interactive", forced: false }
  return background && { candidate, lane: "background", forced: false }
}

const isForced = (head: Head, streak: number, { now, agingMs, burst, streak: all }: Rules): boolean =>
  now - head.createdAt >= agingMs && Math.max(streak, all) >= burst

function isBefore<C extends Candidate>(a: Picked<C>, b: Picked<C>): boolean {
  if (a.forced !== b.forced) return a.forced
  if (a.lane !== b.lane) return a.lane === "interactive"
  if (a.candidate.servedAt !== b.candidate.servedAt) return a.candidate.servedAt < b.candidate.servedAt
  return headOf(a).n < headOf(b).n
}

const headOf = ({ candidate, lane }: Picked<Candidate>): Head =>
  (lane === "interactive" ? candidate.interactive : candidate.background) ?? { n: Infinity, createdAt: 0 }
