// The session that works as an agent for an owner: made when a first job needs it, kept, and made anew when it was made with
// something else than it would be made with now. Everything it was told before its first job it is told once.

import type { Config } from "../../../base/config/config.ts"
import { Fault, isFault } from "../../../base/fault.ts"
import { digestOf } from "../../../base/kit/digest.ts"
import type { Db, Reader } from "../../../base/storage/port.ts"
import type { Controls } from "../../../domain/controls/tuple.ts"
import { ownerOfSession } from "../../../domain/projects/projects.ts"
import type { Session } from "../../../domain/sessions/session.ts"
import type { Life } from "../../acts/life.ts"
import type { Rooms } from "../../rooms.ts"
import type { Allowed } from "./agent-config.ts"
import type { Agent } from "./agents.ts"
import { toolsFor } from "./tools.ts"

export interface ProvisionNeeds {
  db: Db
  config: Pick<Config, "workspaceRoot">
  rooms: Rooms
  life: Pick<Life, "remove">
}

/** Whom it works for. */
interface Owner {
  projectId: string | undefined
  title: string
  cwd: string
}

const LONGEST_NAME = 140

export function createProvision({ db, config, rooms, life }: ProvisionNeeds) {
  const { projects, sessions, workerBook } = rooms

  /** Throws for an owner that is not there. */
  function ownerNamed(owner: string, reader: Reader = db): Owner {
    const project = projects.find(owner, reader)
    if (project) {
      const { id, name, workingDirectory } = project
      return {
        projectId: id,
        title: name.slice(0, LONGEST_NAME),
        cwd: workingDirectory ?? config.workspaceRoot,
      }
    }
    const source = sessions.find(owner.slice(ownerOfSession("").length), reader)
    if (!source || owner !== ownerOfSession(source.id)) throw new Error(`there is no ${owner} to work for`)
    const title = sessions.summary(source, reader).title
    return { projectId: undefined, title, cwd: source.cwd || config.workspaceRoot }
  }

  /** The session, ready for a turn. */
  async function sessionFor(owner: string, agent: Agent): Promise<Session> {
    const { cwd } = ownerNamed(owner)
    const tools = toolsFor(agent.actions)
    const stamp = await digestOf({ tools, cwd, model: agent.model, start: agent.policies.start.tuple })
    const known = projects.agents(owner).find((one) => one.agent === agent.name)
    const session = known && sessions.find(known.sessionId)
    if (session && !session.archived && !session.vanished && workerBook.stampOf(session.id) === stamp)
      return session
    if (known) await drop(known.sessionId)
    return make({ owner, agent, stamp })
  }

  async function make({
    owner,
    agent,
    stamp,
  }: {
    owner: string
    agent: Agent
    stamp: string
  }): Promise<Session> {
    const { title, projectId, cwd } = ownerNamed(owner)
    const tuple = { ...rooms.controls.defaults(), ...agent.policies.start.tuple, settings: {} }
    const given = { title: `${title} ${agent.name}`, projectId, cwd, dynamicTools: toolsFor(agent.actions) }
    try {
      return await sessions.createOwn(
        { ...given, tuple: { ...tuple, model: agent.model ?? tuple.model } },
        (tx, { id }) => {
          // It may have gone while the thread was made.
          ownerNamed(owner, tx)
          projects.keepAgent(tx, { owner, agent: agent.name, sessionId: id })
          workerBook.stamp(tx, id, stamp)
        },
      )
    } catch (error) {
      if (!isFault(error, "method_not_supported")) throw error
      const message =
        "worker_tools_unavailable: this codex gives a worker no tools, and without them it can do nothing"
      throw new Fault("method_not_supported", `${message} (${error.message})`, error.details)
    }
  }

  async function drop(sessionId: string): Promise<void> {
    await life.remove(sessionId).catch(async (error: unknown) => {
      if (!isFault(error, "session_not_found") && !isFault(error, "session_deleted")) throw error
      await db.act((tx) => projects.dropAgent(tx, sessionId))
    })
  }

  /** What a turn of it runs with. A model that one job named is not the next one's. */
  function tupleFor(
    { id, thread }: Session,
    { tuple }: Allowed,
    model: string | undefined,
  ): Omit<Controls, "settings"> {
    const { model: own } = JSON.parse(thread) as { model?: string }
    return { ...tuple, model: model ?? own ?? rooms.controls.of(id).model }
  }

  return { sessionFor, drop, tupleFor }
}
export type Provision = ReturnType<typeof createProvision>
