// What happens to a project and to the sessions in it: all of its sessions in one act, or none.

import { Fault } from "../../base/fault.ts"
import type { Db } from "../../base/storage/port.ts"
import { type ProjectWishes, projectRow } from "../../domain/projects/projects.ts"
import type { Rooms } from "../rooms.ts"
import type { Life } from "./life.ts"

export interface ProjectActsNeeds {
  db: Db
  rooms: Rooms
  life: Life
}

export type Destination = "unassigned" | "archive"

export function createProjectActs({ db, rooms, life }: ProjectActsNeeds) {
  const { projects, sessions } = rooms

  /** Throws `duplicate_name`. */
  const create = async (wishes: ProjectWishes) =>
    projectRow(await db.act((tx) => projects.create(tx, wishes)))

  /** With another working directory the project's agents start anew: their sessions go. */
  async function rename(id: string, wishes: ProjectWishes) {
    const { project, dead } = await db.act((tx) => {
      const before = projects.existing(id, tx)
      const project = projects.rename(tx, id, wishes)
      const moved = before.workingDirectory !== project.workingDirectory
      return { project, dead: moved ? life.dismiss(tx, id) : [] }
    })
    await life.performAll(dead)
    return projectRow(project)
  }

  /** Throws `project_not_found`; `project_not_empty` while it has a session that can be seen. */
  async function remove(id: string): Promise<void> {
    const dead = await db.act((tx) => {
      projects.existing(id, tx)
      const own = sessions.ofProject(id, tx)
      const seen = own.filter((session) => !session.vanished)
      if (seen.length > 0) {
        const about = { projectId: id, sessionCount: seen.length }
        throw new Fault("project_not_empty", "the project still has sessions", about)
      }
      for (const session of own) sessions.change(tx, session.id, { projectId: undefined })
      const dead = life.dismiss(tx, id)
      projects.remove(tx, id)
      return dead
    })
    await life.performAll(dead)
  }

  /** Takes every user session out of the project; with `archive` off the list too. Throws `not_materialized_sessions` for all. */
  async function moveAll(id: string, destination: Destination) {
    const archives = destination === "archive"
    const { moved, active, told } = await db.act((tx) => {
      projects.existing(id, tx)
      const own = sessions.ofProject(id, tx)
      const active = archives ? own.filter((session) => !session.archived) : []
      const unknown = active.filter((session) => !session.materialized || session.vanished)
      if (unknown.length > 0) {
        const about = { projectId: id, sessionIds: unknown.map((session) => session.id) }
        throw new Fault("not_materialized_sessions", "not every session can be archived", about)
      }
      const told = active.flatMap((session) => {
        const { told } = life.shelve(tx, session)
        return told === undefined ? [] : [{ sessionId: session.id, told }]
      })
      for (const session of own) sessions.assign(tx, session, undefined)
      return { moved: own.length, active: active.length, told }
    })
    const outcomes = await rooms.outbox.performAll(told)
    const refused = told.flatMap(({ sessionId }, i) => {
      const outcome = outcomes[i]
      if (outcome?.state !== "refused" || outcome.again) return []
      return [{ sessionId, takenBack: outcome.takenBack }]
    })
    if (refused.length > 0) await bringBack(id, refused)
    return {
      movedSessionCount: moved,
      archivedSessionCount: active,
      alreadyArchivedSessionCount: archives ? moved - active : 0,
    }
  }

  /** The child would not archive these sessions of the project: they are where they were. Throws `not_materialized_sessions`. */
  async function bringBack(
    projectId: string,
    refused: { sessionId: string; takenBack: boolean }[],
  ): Promise<never> {
    await db.act((tx) => {
      for (const { sessionId, takenBack } of refused) {
        const session = takenBack ? sessions.find(sessionId, tx) : undefined
        // Unless it was put somewhere else meanwhile, or the project is gone.
        if (session && session.projectId === undefined && projects.find(projectId, tx))
          sessions.assign(tx, session, projectId)
      }
    })
    const about = { projectId, sessionIds: refused.map(({ sessionId }) => sessionId) }
    throw new Fault("not_materialized_sessions", "not every session can be archived", about)
  }

  /** Deletes every user session of the project. Those that vanished are only taken out of it, and counted as skipped. */
  async function deleteAll(id: string) {
    const { dead, count, skipped } = await db.act((tx) => {
      projects.existing(id, tx)
      const own = sessions.ofProject(id, tx)
      const there = own.filter((session) => !session.vanished)
      for (const session of own)
        if (session.vanished) sessions.change(tx, session.id, { projectId: undefined })
      const dead = there.flatMap((session) => life.bury(tx, session))
      return { dead, count: there.length, skipped: own.length - there.length }
    })
    await life.performAll(dead)
    return { deletedSessionCount: count, skippedSessionCount: skipped }
  }

  return { create, rename, remove, moveAll, deleteAll }
}
export type ProjectActs = ReturnType<typeof createProjectActs>
