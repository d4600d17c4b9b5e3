// The projects table, and which session works as which agent for whom.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"

export interface Project {
  id: string
  name: string
  workingDirectory: string | undefined
  /** Epoch milliseconds. */
  createdAt: number
  updatedAt: number
}

/** `owner` is a project's id or `session:ID`. */
export interface AgentSession {
  owner: string
  agent: string
  sessionId: string
}

const GET = `SELECT * FROM projects WHERE id = ?`
const NAMED = `SELECT * FROM projects WHERE name_key = ?`
const ALL = `SELECT * FROM projects`
const PUT = `INSERT INTO projects (id, name, name_key, working_directory, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
    working_directory = excluded.working_directory, updated_at = excluded.updated_at`
const DROP = `DELETE FROM projects WHERE id = ?`
const AGENTS_OF = `SELECT * FROM agent_sessions WHERE owner = ? ORDER BY agent`
const PUT_AGENT = `INSERT INTO agent_sessions (owner, agent, session_id) VALUES (?, ?, ?)
  ON CONFLICT (owner, agent) DO UPDATE SET session_id = excluded.session_id`
const DROP_AGENTS = `DELETE FROM agent_sessions WHERE owner = ?`
const DROP_AGENT_SESSION = `DELETE FROM agent_sessions WHERE session_id = ?`

export const readProject = (db: Reader, id: string): Project | undefined => projectOf(db.get(GET, id))
export const projectNamed = (db: Reader, key: string): Project | undefined => projectOf(db.get(NAMED, key))
export const allProjects = (db: Reader): Project[] => db.all(ALL).flatMap((row) => projectOf(row) ?? [])
export const dropProject = (tx: Tx, id: string): void => void tx.run(DROP, id)

export function writeProject(tx: Tx, p: Project, key: string): void {
  tx.run(PUT, p.id, p.name, key, p.workingDirectory ?? null, p.createdAt, p.updatedAt)
}

export const agentsOf = (db: Reader, owner: string): AgentSession[] =>
  db.all(AGENTS_OF, owner).map((row) => ({
    owner: row.owner as string,
    agent: row.agent as string,
    sessionId: row.session_id as string,
  }))
export const writeAgent = (tx: Tx, { owner, agent, sessionId }: AgentSession): void =>
  void tx.run(PUT_AGENT, owner, agent, sessionId)
export const dropAgentsOf = (tx: Tx, owner: string): void => void tx.run(DROP_AGENTS, owner)
export const dropAgentSession = (tx: Tx, sessionId: string): void =>
  void tx.run(DROP_AGENT_SESSION, sessionId)

function projectOf(row: Row | undefined): Project | undefined {
  if (!row) return undefined
  return {
    id: row.id as string,
    name: row.name as string,
    workingDirectory: (row.working_directory as string | null) ?? undefined,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  }
}
