// The projects: names under which sessions are gathered, unique without regard to case, and the sessions that work as agents
// for a project or a session. Which session belongs to which project is the sessions' to say.

import type { Log } from "../../base/events/log.ts"
import { Fault } from "../../base/fault.ts"
import { type Clock, iso } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import { projectDeleted, projectUpserted } from "../events.ts"
import {
  type AgentSession,
  agentsOf,
  allProjects,
  dropAgentSession,
  dropAgentsOf,
  dropProject,
  type Project,
  projectNamed,
  readProject,
  writeAgent,
  writeProject,
} from "./store.ts"

export interface ProjectsNeeds {
  db: Db
  log: Log
  clock: Clock
}

export interface ProjectWishes {
  name: string
  /** Absent keeps what holds, null clears. */
  workingDirectory?: string | null | undefined
}

export function createProjects({ db, log, clock }: ProjectsNeeds) {
  /** Throws `duplicate_name` with the id of the project that has the name. */
  function create(tx: Tx, { name, workingDirectory }: ProjectWishes): Project {
    refuseTaken(tx, name)
    const at = clock.now()
    const project: Project = {
      id: newId(),
      name,
      workingDirectory: workingDirectory ?? undefined,
      createdAt: at,
      updatedAt: at,
    }
    return upsert(tx, project)
  }

  /** Also without a change it is told; `updatedAt` only moves with one. Throws `project_not_found`, `duplicate_name`. */
  function rename(tx: Tx, id: string, { name, workingDirectory }: ProjectWishes): Project {
    const known = existing(tx, id)
    refuseTaken(tx, name, id)
    const folder = workingDirectory === undefined ? known.workingDirectory : (workingDirectory ?? undefined)
    const changed = known.name !== name || known.workingDirectory !== folder
    const updatedAt = changed ? clock.now() : known.updatedAt
    return upsert(tx, { ...known, name, workingDirectory: folder, updatedAt })
  }

  function upsert(tx: Tx, project: Project): Project {
    writeProject(tx, project, keyOf(project.name))
    log.append(tx, projectUpserted(projectRow(project)))
    return project
  }

  function refuseTaken(tx: Tx, name: string, by?: string): void {
    const other = projectNamed(tx, keyOf(name))
    if (other && other.id !== by)
      throw new Fault("duplicate_name", "another project has this name", { projectId: other.id })
  }

  function existing(reader: Reader, id: string): Project {
    const project = readProject(reader, id)
    if (!project) throw new Fault("project_not_found", "no such project", { projectId: id })
    return project
  }

  return {
    create,
    rename,
    /** Throws `project_not_found`. */
    existing: (id: string, reader: Reader = db): Project => existing(reader, id),
    find: (id: string, reader: Reader = db): Project | undefined => readProject(reader, id),
    /** By name, as people sort. */
    list: () =>
      allProjects(db)
        .sort((a, b) => ORDER.compare(a.name, b.name))
        .map(projectRow),
    /** The row and its agents' mapping; its sessions are the caller's matter. */
    remove(tx: Tx, id: string): void {
      dropProject(tx, id)
      dropAgentsOf(tx, id)
      log.append(tx, projectDeleted(id))
    },
    /** The sessions that work for `owner`: a project's id or `session:ID`. */
    agents: (owner: string, reader: Reader = db): AgentSession[] => agentsOf(reader, owner),
    keepAgent: (tx: Tx, agent: AgentSession): void => writeAgent(tx, agent),
    dropAgents: (tx: Tx, owner: string): void => dropAgentsOf(tx, owner),
    /** A session is gone: it works for nobody. */
    dropAgent: (tx: Tx, sessionId: string): void => dropAgentSession(tx, sessionId),
  }
}
export type Projects = ReturnType<typeof createProjects>

const ORDER = new Intl.Collator(undefined, { sensitivity: "base", numeric: true })
const keyOf = (name: string): string => name.normalize("NFC").trim().toLowerCase()

/** The contract's project (wire-contract §1.3). */
export const projectRow = (p: Project) => ({
  projectId: p.id,
  name: p.name,
  workingDirectory: p.workingDirectory ?? null,
  createdAt: iso(p.createdAt),
  updatedAt: iso(p.updatedAt),
})
/** The owner's name of agents that work for one session. */
export const ownerOfSession = (sessionId: string): string => `session:${sessionId}`
