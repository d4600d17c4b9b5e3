// A session's life beyond its making: named, archived, brought back, assigned, deleted. What is decided is true here at once
// and in one act; the child is told from the outbox, in the same order, now or when there is one.

import type { Log } from "../../base/events/log.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { sessionDeleted } from "../../domain/events.ts"
import { ownerOfSession } from "../../domain/projects/projects.ts"
import {
  type FormerThread,
  forgetFormer,
  formerThreads,
  keepFormer,
} from "../../domain/sessions/former/store.ts"
import type { Outcome } from "../../domain/sessions/outbox/outbox.ts"
import type { OutboxRow } from "../../domain/sessions/outbox/store.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Rooms } from "../rooms.ts"
import type { DeleteBody } from "./tells.ts"

export interface LifeNeeds {
  db: Db
  log: Log
  clock: Clock
  rooms: Rooms
  /** A session came into a project. */
  joined?(tx: Tx, sessionId: string): void
}

export interface Removed {
  title: string
  deletedFileCount: number
}

/** The body of the archiving that made the session archived: another one only repeats it. */
const UNDECIDED = "undecided"

export function createLife({ db, log, clock, rooms, joined }: LifeNeeds) {
  const { sessions, projects, tombstones, outbox } = rooms

  /** As it is within this act. Throws `session_deleted` or `session_not_found`: another client may have been first. */
  function existing(tx: Tx, id: string): Session {
    const session = sessions.find(id, tx)
    if (session) return session
    throw tombstones.fault(id, tx) ?? new Fault("session_not_found", "no such session", { sessionId: id })
  }

  /** Throws `assigned_project_not_found`. */
  function mustHaveProject(sessionId: string, projectId: string | null, reader: Reader = db): void {
    if (projectId === null || projects.find(projectId, reader)) return
    throw new Fault("assigned_project_not_found", "no such project", { sessionId, projectId })
  }

  async function rename(id: string, title: string) {
    const { session, told } = await db.act((tx) => {
      existing(tx, id)
      sessions.entitle(tx, id, { title })
      return {
        session: sessions.summary(existing(tx, id), tx),
        told: outbox.put(tx, id, "name", { name: title }),
      }
    })
    await outbox.perform(id, told)
    return session
  }

  /** Throws `not_materialized` where the child says that it never had the thread, or lost it. */
  async function archive(id: string): Promise<void> {
    const { undecided, told } = await db.act((tx) => shelve(tx, existing(tx, id)))
    if (told === undefined) return
    const outcome = await outbox.perform(id, told)
    if (outcome.state !== "refused") await db.act((tx) => quieten(tx, id))
    if (!undecided || outcome.state !== "refused" || outcome.again) return
    const { fault } = outcome
    if (fault.code !== "not_found") throw fault
    throw new Fault("not_materialized", "the app-server has no such thread on its disk", { sessionId: id })
  }

  /**
   * The child is not told of a session that it doesn't have on its disk: that one is archived here only. Who archives while it is
   * `undecided` whether the child agrees shares the act of the first, and its outcome; a refusal of any later act says nothing.
   */
  function shelve(tx: Tx, was: Session) {
    const pending = was.archived ? outbox.lastArchive(tx, was.id) : undefined
    sessions.change(tx, was.id, { archived: true }, ["archived"])
    if (pending) return { undecided: JSON.parse(pending.body) === UNDECIDED, told: pending.id }
    if (!was.materialized) {
      quieten(tx, was.id)
      return { undecided: false, told: undefined }
    }
    const told = outbox.put(tx, was.id, "archive", was.archived ? undefined : UNDECIDED)
    return { undecided: !was.archived, told }
  }

  /** Nobody is asked in an archived session. */
  function quieten(tx: Tx, id: string): void {
    if (sessions.find(id, tx)?.archived) rooms.requests.endSession(tx, id, "its session was archived")
  }

  /** The child refused an act: an archiving is taken back, also when nobody waits for it. Not where another act on it follows, or was first. */
  function refused(tx: Tx, { act, sessionId, body }: OutboxRow): boolean {
    if (act !== "archive" || JSON.parse(body) !== UNDECIDED) return false
    if (!sessions.find(sessionId, tx)?.archived || outbox.archiving(tx, sessionId)) return false
    sessions.change(tx, sessionId, { archived: false }, ["archived"])
    return true
  }

  async function unarchive(id: string): Promise<void> {
    const told = await db.act((tx) => {
      const session = existing(tx, id)
      sessions.change(tx, id, { archived: false }, ["archived"])
      if (!session.materialized) return undefined
      const told = outbox.put(tx, id, "unarchive")
      // An archived thread can't be named: a name that was given meanwhile is told now.
      keepName(tx, session)
      return told
    })
    if (told !== undefined) await outbox.perform(id, told)
  }

  /** Puts the session into a project, or with null into none. Its own agents worked for its old place: they go. */
  async function assign(id: string, projectId: string | null) {
    const { answer, workers } = await db.act((tx) => {
      mustHaveProject(id, projectId, tx)
      const session = existing(tx, id)
      const previousProjectId = session.projectId ?? null
      const answer = { status: "ok", sessionId: id, projectId, previousProjectId }
      if (previousProjectId === projectId) return { answer, workers: [] }
      sessions.assign(tx, session, projectId ?? undefined, answer)
      if (projectId !== null) joined?.(tx, id)
      return { answer, workers: dismiss(tx, ownerOfSession(id)) }
    })
    await performAll(workers)
    return answer
  }

  /** Ours first: afterwards nothing of it is left here, and the child is told to let it go. */
  async function remove(id: string): Promise<Removed> {
    const { title, dead } = await db.act((tx) => {
      const session = existing(tx, id)
      return { title: sessions.summary(session, tx).title, dead: bury(tx, session) }
    })
    const [own] = await performAll(dead)
    return { title, deletedFileCount: own?.state === "done" ? own.files : 0 }
  }

  /** Another thread answers for the session from now on: it gets its name, and one that did before never shows again. */
  const keepAlias = ({ outer, inner, path, ...tools }: KeptAlias): Promise<void> =>
    db.act((tx) => {
      const session = existing(tx, outer)
      keepFormer(tx, outer, { id: session.innerId ?? outer, path: pathOf(session) })
      if (session.innerId !== undefined) {
        const former = { sessionId: session.innerId, title: undefined, innerId: undefined }
        tombstones.put(tx, { ...former, deletedAt: clock.now() })
      }
      const thread = JSON.stringify({ ...JSON.parse(session.thread), path })
      sessions.change(tx, outer, { innerId: inner, thread, ...tools })
      keepName(tx, session)
    })

  /** What the child could not be told while the thread was away: a person's title. */
  function keepName(tx: Tx, { id, title, titleIsDefault }: Session): void {
    if (title !== undefined && !titleIsDefault) outbox.put(tx, id, "name", { name: title })
  }

  /** Within an act: the session, and those that work for it. Answers what the child has to be told, its own first. */
  function bury(tx: Tx, session: Session): Told[] {
    const { id } = session
    const active = rooms.turns.active(id, tx)
    const audience = sessions.audienceOf(session)
    const stone = { sessionId: id, title: sessions.summary(session, tx).title, deletedAt: clock.now() }
    rooms.requests.endSession(tx, id, "its session was deleted")
    log.forget(tx, id)
    rooms.requests.forget(tx, id)
    rooms.offers.forget(tx, id)
    rooms.suggestions.forget(tx, id)
    rooms.workerBook.forget(tx, id)
    rooms.transcript.forget(tx, id)
    rooms.turns.forget(tx, id)
    rooms.controls.forget(tx, id)
    projects.dropAgent(tx, id)
    sessions.forget(tx, id)
    tombstones.put(tx, { ...stone, innerId: session.innerId })
    const body: DeleteBody = {
      innerId: session.innerId ?? null,
      path: pathOf(session),
      former: formersOf(tx, session),
    }
    forgetFormer(tx, id)
    const told = { sessionId: id, told: outbox.put(tx, id, "delete", body), turnId: active?.id }
    log.append(tx, sessionDeleted(audience, tombstones.bodyOf(stone)))
    return [told, ...dismiss(tx, ownerOfSession(id))]
  }

  /** The sessions that worked for `owner` have nobody to work for. */
  function dismiss(tx: Tx, owner: string): Told[] {
    const workers = projects.agents(owner, tx).flatMap(({ sessionId }) => sessions.find(sessionId, tx) ?? [])
    projects.dropAgents(tx, owner)
    return workers.flatMap((worker) => bury(tx, worker))
  }

  /** After the commit of burials: what was held in memory goes, running turns are stopped, the child is told. */
  async function performAll(dead: Told[]): Promise<Outcome[]> {
    for (const { sessionId, turnId } of dead) {
      rooms.transcript.silence(sessionId)
      rooms.streaming.endAll(sessionId)
      rooms.turns.deleted(sessionId)
      // Not awaited: the deletion ends the turn too, and there may be nobody left to answer.
      if (turnId !== undefined) {
        const whatever = { threadId: sessionId, turnId, isSame: () => true }
        rooms.codex.interruptTurn(whatever).catch(() => {})
      }
    }
    return outbox.performAll(dead)
  }

  return {
    keepAlias,
    mustHaveProject,
    rename,
    archive,
    unarchive,
    assign,
    remove,
    shelve,
    refused,
    bury,
    dismiss,
    performAll,
  }
}
export type Life = ReturnType<typeof createLife>

export interface KeptAlias {
  outer: string
  inner: string
  /** Where the child keeps the new thread, as it says. */
  path: unknown
  /** The tools that the new thread was given, as JSON, where they are others. */
  dynamicTools?: string
}

/** An act of the outbox that was put with a burial. */
export interface Told {
  sessionId: string
  told: number
  /** The turn that was running. */
  turnId: string | undefined
}

/** Where the child keeps the thread that answers for the session. */
function pathOf({ thread }: Session): string | null {
  const { path } = JSON.parse(thread) as { path?: unknown }
  return typeof path === "string" ? path : null
}

/** Its own first thread is one of them as soon as another answers, whether it was noted or not. */
function formersOf(tx: Tx, { id, innerId }: Session): FormerThread[] {
  const noted = formerThreads(tx, id)
  const isNoted = innerId === undefined || noted.some((one) => one.id === id)
  return isNoted ? noted : [...noted, { id, path: null }]
}
