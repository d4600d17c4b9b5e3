// What the queue keeps in mind of its rows: how many each owner has, and which groups have a head. It follows committed acts
// only (a ledger of the database), so that an act that is rolled back or repeated leaves nothing behind.

import type { Effect, Ledger, Reader, Tx } from "../../base/storage/port.ts"
import { isOver, type JobState } from "./job.ts"
import type { Candidate, Head } from "./pick.ts"
import { countsOf, type GroupKey, headOf, readyGroups } from "./store.ts"

/** A row moved. Without `was` it is new, without `is` it is gone. */
export interface Moved {
  kind: "job"
  job: GroupKey & { n: number; id: string; createdAt?: number }
  was: JobState | undefined
  is: JobState | undefined
  /** It is queued, but not before its time. */
  waitsUntil?: number | undefined
}

interface Group extends GroupKey {
  head: Head | undefined
  /** The head is to be read anew. */
  stale: boolean
}

interface Owner {
  name: string
  counts: Record<JobState, number>
  groups: Map<string, Group>
  streak: number
  servedAt: number
}

export interface Seat extends Candidate<Head & { group: GroupKey }> {
  running: number
}

const none = (): Record<JobState, number> => ({ queued: 0, running: 0, completed: 0, failed: 0, canceled: 0 })
const activeOf = (counts: Record<JobState, number>): number => counts.queued + counts.running
const finishedOf = (counts: Record<JobState, number>): number =>
  counts.completed + counts.failed + counts.canceled

export interface BoardNeeds {
  db: Reader
  /** After a commit that moved rows. */
  onMoved(moves: Moved[]): void
}

export function createBoard({ db, onMoved }: BoardNeeds) {
  const owners = new Map<string, Owner>()
  const totals = none()
  /** What the acts of this tick have added so far. A tick that is lost leaves too much here, until the next commit. */
  let added = { total: 0, owners: new Map<string, number>() }
  let streak = 0
  let served = 0

  function ownerOf(name: string): Owner {
    const known = owners.get(name)
    if (known) return known
    const made = { name, counts: none(), groups: new Map<string, Group>(), streak: 0, servedAt: 0 }
    owners.set(name, made)
    return made
  }
  function groupOf(owner: Owner, { lane, type }: GroupKey): Group {
    const key = `${lane} ${type}`
    const known = owner.groups.get(key)
    if (known) return known
    const made: Group = { owner: owner.name, lane, type, head: undefined, stale: true }
    owner.groups.set(key, made)
    return made
  }

  /** Reads everything anew. */
  function load(): void {
    owners.clear()
    Object.assign(totals, none())
    for (const { owner, state, n } of countsOf(db)) {
      ownerOf(owner).counts[state] += n
      totals[state] += n
    }
    for (const key of readyGroups(db)) groupOf(ownerOf(key.owner), key)
  }

  function count(owner: Owner, { was, is }: Moved): void {
    if (was) {
      owner.counts[was] -= 1
      totals[was] -= 1
    }
    if (is) {
      owner.counts[is] += 1
      totals[is] += 1
    }
  }

  function regroup(owner: Owner, moved: Moved): void {
    const { job, was, is, waitsUntil } = moved
    if (is === "queued" && waitsUntil === undefined) {
      const group = groupOf(owner, job)
      if (!group.head || job.n < group.head.n) group.stale = true
    }
    if (was === "queued" && is !== "queued") {
      const group = owner.groups.get(`${job.lane} ${job.type}`)
      if (group && (!group.head || job.n === group.head.n)) group.stale = true
    }
    if (was === "queued" && is === "running") {
      served += 1
      owner.servedAt = served
      owner.streak = job.lane === "interactive" ? owner.streak + 1 : 0
      streak = job.lane === "interactive" ? streak + 1 : 0
    }
  }

  const ledger: Ledger = {
    write: () => undefined,
    committed(effects: Effect[]) {
      if (added.total !== 0) added = { total: 0, owners: new Map() }
      const moves: Moved[] = []
      for (const effect of effects as { kind: string }[])
        if (effect.kind === "job") moves.push(effect as Moved)
      if (moves.length === 0) return
      for (const moved of moves) {
        const owner = ownerOf(moved.job.owner)
        count(owner, moved)
        regroup(owner, moved)
        const { counts, groups } = owner
        if (activeOf(counts) + finishedOf(counts) === 0 && groups.size === 0) owners.delete(owner.name)
      }
      onMoved(moves)
    },
  }

  function refresh(group: Group, reader: Reader): Head | undefined {
    if (group.stale) {
      group.head = headOf(reader, group)
      group.stale = false
    }
    return group.head
  }

  /** The oldest of an owner's lane, over the types that are not paused. Groups without a head are dropped. */
  function oldest(owner: Owner, lane: string, { reader, isPaused }: Look): Seat["interactive"] {
    let best: Seat["interactive"]
    for (const [key, group] of owner.groups) {
      if (group.lane !== lane || isPaused(group.type)) continue
      const head = refresh(group, reader)
      if (!head) owner.groups.delete(key)
      else if (!best || head.n < best.n) best = { ...head, group }
    }
    return best
  }

  function seatOf(owner: Owner, look: Look): Seat | undefined {
    const interactive = oldest(owner, "interactive", look)
    const background = oldest(owner, "background", look)
    if (!interactive && !background) return undefined
    const { name, streak: own, servedAt, counts } = owner
    return { owner: name, interactive, background, streak: own, servedAt, running: counts.running }
  }

  return {
    ledger,
    load,
    /** Within an act. */
    move(tx: Tx, moved: Moved): void {
      tx.emit(moved)
      const { was, is, job } = moved
      const more = Number(is !== undefined && !isOver(is)) - Number(was !== undefined && !isOver(was))
      if (more === 0) return
      added.total += more
      added.owners.set(job.owner, (added.owners.get(job.owner) ?? 0) + more)
    },
    /** Queued and running ones, with those of the acts under way. */
    depth(owner: string): { total: number; own: number } {
      const known = owners.get(owner)
      return {
        total: activeOf(totals) + added.total,
        own: (known ? activeOf(known.counts) : 0) + (added.owners.get(owner) ?? 0),
      }
    },
    /** Everybody who may start something now. Read in the act that claims; the heads may be kept, the seats not. */
    seats(look: Look & { perOwner: number }): Map<string, Seat> {
      const seats = new Map<string, Seat>()
      for (const owner of owners.values()) {
        if (owner.groups.size === 0 || owner.counts.running >= look.perOwner) continue
        const seat = seatOf(owner, look)
        if (seat) seats.set(owner.name, seat)
      }
      return seats
    },
    /** The heads of one owner as they are within this act, which nobody else may learn of. */
    reseat(seat: Seat, look: Look): void {
      const owner = owners.get(seat.owner)
      const fresh = owner && seatOf({ ...owner, groups: unread(owner.groups) }, look)
      seat.interactive = fresh?.interactive
      seat.background = fresh?.background
    },
    /** The group's head was not what was thought. */
    doubt({ owner, lane, type }: GroupKey): void {
      const group = owners.get(owner)?.groups.get(`${lane} ${type}`)
      if (group) group.stale = true
    },
    get streak() {
      return streak
    },
    get served() {
      return served
    },
    hasReady: (): boolean => totals.queued > 0,
    totals: (): Readonly<Record<JobState, number>> => totals,
    owners: (): number => owners.size,
    finished: (owner: string): Readonly<Record<JobState, number>> => owners.get(owner)?.counts ?? none(),
    /** Owners with more finished jobs than that. */
    surplus: (keep: number): string[] =>
      [...owners.values()].filter(({ counts }) => finishedOf(counts) > keep).map(({ name }) => name),
  }
}
const unread = (groups: Map<string, Group>): Map<string, Group> =>
  new Map([...groups].map(([key, group]) => [key, { ...group, stale: true }]))

export type Board = ReturnType<typeof createBoard>

export interface Look {
  reader: Reader
  isPaused(type: string): boolean
}
