// What every check of the suite is given: a running daemon with some version of codex behind it, and the few moves that
// most checks begin with. A check waits for frames; deadlines are only nets.

import { strict as assert } from "node:assert"
import { ask, type Body, type Frame, type Listener, listen, type Reply } from "../support/client.ts"
import type { CodexVersion, Daemon, Exit, Place } from "../support/daemon.ts"

export interface World {
  place: Place
  /** The daemon of now: a check may have killed the one before. */
  daemon: Daemon
  codexVersion: CodexVersion
  /** Ends the daemon and starts it anew on the same folder. */
  restart(signal: NodeJS.Signals): Promise<Exit>
}

export interface Check {
  name: string
  run(world: World): Promise<void>
}

export interface Summary {
  sessionId: string
  title: string
  materialized: boolean
  modelProvider: string
  approvalPolicy: string
  sessionControls: Record<string, unknown>
  createdAt: number
  updatedAt: number
  cwd: string
  source: string
  projectId: string | null
}
export interface Entry {
  messageId: string
  turnId: string
  role: string
  type: string
  content: string
  details?: string
  status: string
  startedAt?: number
  completedAt?: number
}
export interface Turn {
  id: string
  status: string
  startedAt: number
  completedAt: number
  durationMs: number | null
  error: { message: string } | null
  items: { type: string; id: string; [key: string]: unknown }[]
}
export interface SessionRead {
  session: Summary
  thread: { id: string; turns: Turn[]; preview: string; [key: string]: unknown }
  transcript: Entry[]
}
export interface Health extends Body {
  codex: { running: boolean; pid: number | null; initialized: boolean; lastExit?: { signal: string | null } }
  runtime: { state: string; version: string | null; restarts: number; unreadableLines: number }
  reasons: string[]
}
export interface Row {
  approvalId?: string
  requestId?: string
  method: string
  threadId: string
  turnId: string | null
  itemId: string | null
  summary: string
  details: Record<string, unknown>
  createdAt: string
  status: string
}

/** All that reading and writing need of it. */
type Served = Pick<World, "daemon">

export const get = <T = Body>({ daemon }: Served, path: string): Promise<Reply<T>> => ask<T>(daemon.url, path)
export const post = <T = Body>({ daemon }: Served, path: string, json: unknown = {}): Promise<Reply<T>> =>
  ask<T>(daemon.url, path, { json })

export const hear = ({ daemon }: Served, query = ""): Promise<Listener> => listen(daemon, query)

export async function health(world: Served): Promise<Health> {
  const reply = await get<Health>(world, "/api/health")
  assert.equal(reply.status, 200)
  return reply.body
}

/** Resolves when the child of a run other than `notPid` is ready. */
export async function untilReady(world: Served, notPid?: number | null): Promise<Health> {
  const listener = await hear(world, "families=system")
  const isUp = ({ codex }: Health) => codex.initialized && codex.pid !== notPid
  let report = await health(world)
  for (let heard = 0; !isUp(report); report = await health(world)) {
    await listener.until((f) => f.type === "runtime_updated", "the runtime changes", heard)
    heard = listener.frames.length
  }
  listener.close()
  return report
}

/** A session that asks before commands and may then do anything in its own folder. */
export async function newSession(world: World, input: Record<string, unknown> = {}): Promise<string> {
  const asks = {
    cwd: world.daemon.work,
    approvalPolicy: "untrusted",
    filesystemSandbox: "danger-full-access",
  }
  const { status, body } = await post<SessionRead>(world, "/api/sessions", { ...asks, ...input })
  assert.equal(status, 200, JSON.stringify(body))
  return body.session.sessionId
}

export async function send(world: World, sessionId: string, text: string, more = {}): Promise<string> {
  const { status, body } = await post(world, `/api/sessions/${sessionId}/messages`, { text, ...more })
  assert.equal(status, 202, JSON.stringify(body))
  assert.equal(body.status, "accepted")
  assert.equal(body.sessionId, sessionId)
  return body.turnId as string
}

export const isNotification = (method: string, turnId?: string) => (frame: Frame) => {
  if (frame.type !== "notification" || frame.payload.method !== method) return false
  const { params } = frame.payload
  return turnId === undefined || params?.turnId === turnId || params?.turn?.id === turnId
}

export const ended = (listener: Listener, turnId: string): Promise<Frame> =>
  listener.until(isNotification("turn/completed", turnId), `the end of turn ${turnId}`)

/** A whole turn, seen on a listener of its own. */
export async function runTurn(world: World, sessionId: string, text: string) {
  const listener = await hear(world, `threadId=${sessionId}`)
  const turnId = await send(world, sessionId, text)
  const end = await ended(listener, turnId)
  return { listener, turnId, end }
}

export const approvalOf = (listener: Listener, turnId: string): Promise<Frame> =>
  listener.until((f) => f.type === "approval" && f.payload.turnId === turnId, "an approval")

export const decide = (world: World, approvalId: unknown, decision: string, more = {}): Promise<Reply> =>
  post(world, `/api/approvals/${approvalId}/decision`, { decision, ...more })

export async function read(world: World, sessionId: string): Promise<SessionRead> {
  const { status, body } = await get<SessionRead>(world, `/api/sessions/${sessionId}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
export const turnIn = ({ thread }: SessionRead, turnId: string): Turn => {
  const turn = thread.turns.find((t) => t.id === turnId)
  assert.ok(turn, `no turn ${turnId} in ${JSON.stringify(thread.turns.map((t) => t.id))}`)
  return turn
}
export const entriesOf = ({ transcript }: SessionRead, turnId: string): Entry[] =>
  transcript.filter((e) => e.turnId === turnId)
