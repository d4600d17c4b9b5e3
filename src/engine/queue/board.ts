// What the queue keeps in mind of its rows: how many each owner has, and which groups have a head. It follows committed acts
// only (a ledger of the database), so that an act that is rolled back or repeated leaves nothing behind.

import type { Effect, Ledger, Reader, Tx } from "../../base/storage/port.ts"
import {
  advance,
  type Cursor,
  cursorOf,
  type Group,
  isEmpty,
  join,
  leave,
  newGroup,
  read,
  reread,
} from "./heads.ts"
import { isOver, type JobState, type Lane } from "./job.ts"
import type { Candidate, Head } from "./pick.ts"
import { countsOf, type GroupKey, readyGroups } from "./store.ts"

/** A row moved. Without `was` it is new, without `is` it is gone. */
export interface Moved {
  kind: "job"
  job: GroupKey & { n: number; id: string; createdAt?: number }
  was: JobState | undefined
  is: JobState | undefined
  /** It is queued, but not before its time. */
  waitsUntil?: number | undefined
}

interface Owner {
  name: string
  counts: Record<JobState, number>
  groups: Map<string, Group>
  streak: number
  servedAt: number
}

export interface Seat extends Candidate<Head & { cursor: Cursor }> {
  running: number
  cursors: Cursor[]
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
  /** Windows that were read within an act. If its tick is lost, they may show what never was. */
  const unproven = new Set<Group>()
  let streak = 0
  let served = 0

  function ownerOf(name: string): Owner {
    const known = owners.get(name)
    if (known) return known
    const made = { name, counts: none(), groups: new Map<string, Group>(), streak: 0, servedAt: 0 }
    owners.set(name, made)
    return made
  }
  function groupOf(owner: Owner, key: GroupKey): Group {
    const name = nameOf(key)
    const known = owner.groups.get(name)
    if (known) return known
    const made = newGroup(key)
    owner.groups.set(name, made)
    return made
  }

  /** Reads everything anew. */
  function load(): void {
    owners.clear()
    unproven.clear()
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
    if (is === "queued" && waitsUntil === undefined)
      join(groupOf(owner, job), { n: job.n, createdAt: job.createdAt ?? 0 })
    if (was === "queued" && is !== "queued") {
      const group = owner.groups.get(nameOf(job))
      if (group) leave(group, job.n)
      if (group && isEmpty(group)) owner.groups.delete(nameOf(job))
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
      for (const group of unproven) {
        const owner = owners.get(group.owner)
        if (isEmpty(group)) owner?.groups.delete(nameOf(group))
      }
      unproven.clear()
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

  /** The act that read them was lost, or is repeated. */
  function distrust(): void {
    for (const group of unproven) group.stale = true
    unproven.clear()
  }

  function cursorsOf(owner: Owner, { reader, isPaused }: Look): Cursor[] {
    const cursors: Cursor[] = []
    for (const group of owner.groups.values()) {
      if (isPaused(group.type)) continue
      if (group.stale) {
        read(group, group, reader)
        group.stale = false
        unproven.add(group)
      }
      if (group.heads.length > 0) cursors.push(cursorOf(group))
    }
    return cursors
  }

  function seatOf(owner: Owner, look: Look): Seat | undefined {
    const cursors = cursorsOf(owner, look)
    if (cursors.length === 0) return undefined
    const interactive = oldest(cursors, "interactive")
    const background = oldest(cursors, "background")
    const { name, streak: own, servedAt, counts } = owner
    return { owner: name, interactive, background, streak: own, servedAt, running: counts.running, cursors }
  }

  return {
    ledger,
    load,
    distrust,
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
      distrust()
      const seats = new Map<string, Seat>()
      for (const owner of owners.values()) {
        if (owner.groups.size === 0 || owner.counts.running >= look.perOwner) continue
        const seat = seatOf(owner, look)
        if (seat) seats.set(owner.name, seat)
      }
      return seats
    },
    /** Its lane's next head, within this act only. `taken` is false where the head was not what was thought. */
    reseat(seat: Seat, lane: Lane, { reader, taken }: { reader: Reader; taken: boolean }): void {
      const head = seat[lane]
      if (!head) return
      if (taken) advance(head.cursor, reader)
      else reread(head.cursor, reader)
      seat[lane] = oldest(seat.cursors, lane)
    },
    /** The group's heads were not what was thought. */
    doubt({ owner, lane, type }: GroupKey): void {
      const group = owners.get(owner)?.groups.get(nameOf({ lane, type }))
      if (group) group.stale = true
    },
    get streak() {
      return streak
    },
    get served() {
      return served
    },
    hasReady: (): boolean => totals.queued > 0,
    /** False: somebody else has written. Far cheaper than to read everything anew. */
    agrees: ({ queued, running }: { queued: number; running: number }): boolean =>
      queued === totals.queued && running === totals.running,
    totals: (): Readonly<Record<JobState, number>> => totals,
    owners: (): number => owners.size,
    finished: (owner: string): Readonly<Record<JobState, number>> => owners.get(owner)?.counts ?? none(),
    /** Owners with more finished jobs than that. */
    surplus: (keep: number): string[] =>
      [...owners.values()].filter(({ counts }) => finishedOf(counts) > keep).map(({ name }) => name),
  }
}
const nameOf = ({ lane, type }: Pick<GroupKey, "lane" | "type">): string => `${lane} ${type}`

/** The oldest of a lane, over the types that are not paused. */
function oldest(cursors: Cursor[], lane: Lane): Seat["interactive"] {
  let best: Seat["interactive"]
  for (const cursor of cursors) {
    const head = cursor.group.lane === lane ? cursor.heads[cursor.at] : undefined
    if (head && (!best || head.n < best.n)) best = { n: head.n, createdAt: head.createdAt, cursor }
  }
  return best
}

export type Board = ReturnType<typeof createBoard>

export interface Look {
  reader: Reader
  isPaused(type: string): boolean
}
