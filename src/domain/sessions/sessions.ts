// The sessions: every thread that this daemon made or learned of, answered from our own table. Their titles, order and
// state are kept true by what the child tells; a change and its event are one act.

import type { Log } from "../../base/events/log.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import { type Overrides, withOverrides } from "../controls/tuple.ts"
import { type Audience, sessionCreated, sessionProjectUpdated, sessionUpdated } from "../events.ts"
import { createList } from "./list.ts"
import {
  DEFAULT_TITLE,
  type Session,
  type SessionSummary,
  sourceOf,
  summaryOf,
  type ThreadRecord,
  titleOf,
} from "./session.ts"
import { createRevisions, forgetSession, readSession, sessionsOfProject, writeSession } from "./store.ts"

export interface StartsThreads {
  /** Starts a thread; answers it as the app-server gives it. */
  startThread(start: {
    cwd: string
    controls: ReturnType<typeof withOverrides>
    dynamicTools?: unknown[] | undefined
    /** Makes known whose it is, before anything else is heard of it. */
    keep?: ((thread: ThreadRecord) => Promise<void>) | undefined
  }): Promise<ThreadRecord>
}

export interface SessionsNeeds {
  db: Db
  log: Log
  clock: Clock
  controls: ControlsRoom
  codex: StartsThreads
  defaultCwd: string
}

export interface CreateSession extends Overrides {
  cwd?: string | undefined
  dynamicTools?: unknown[] | undefined
}
/** A session of the system's own: in no list unless it is asked for, and told to its own listeners alone. */
export interface CreateOwn {
  title: string
  projectId: string | undefined
  cwd: string
  tuple: ReturnType<typeof withOverrides>
  dynamicTools: unknown[]
}

export function createSessions({ db, log, clock, controls, codex, defaultCwd }: SessionsNeeds) {
  const audienceOf = (s: Session): Audience => ({ thread: s.id, hidden: s.systemOwned })
  const summary = (s: Session, reader: Reader = db) => summaryOf(s, controls.of(s.id, reader))

  const list = createList({
    db,
    summary(id) {
      const session = readSession(db, id)
      return session && summary(session)
    },
  })
  controls.onWrite(list.stale)
  function put(tx: Tx, session: Session): void {
    list.stale(session.id)
    writeSession(tx, session)
  }

  /** Starts a thread with the default controls overlaid by `input`. Answers `{session, thread}` (wire-contract §1.5). */
  async function create(
    { cwd, dynamicTools, ...over }: CreateSession,
    done?: (tx: Tx, made: { session: SessionSummary; thread: ThreadRecord }) => void,
  ) {
    const tuple = withOverrides(controls.defaults(), over)
    const thread = await codex.startThread({ cwd: cwd ?? defaultCwd, controls: tuple, dynamicTools })
    return db.act((tx) => {
      const known = learn(tx, thread)
      const tools = dynamicTools && JSON.stringify(dynamicTools)
      const session = { ...known, title: DEFAULT_TITLE, titleIsDefault: true, dynamicTools: tools }
      put(tx, session)
      controls.keep(tx, session.id, tuple)
      const made = { session: summary(session, tx), thread }
      log.append(tx, sessionCreated(audienceOf(session), made.session))
      done?.(tx, made)
      return made
    })
  }

  /** `done` within the act that makes it; what that throws, it rejects with, and the session is not there. */
  async function createOwn(given: CreateOwn, done: (tx: Tx, session: Session) => void): Promise<Session> {
    const { title, projectId, cwd, tuple, dynamicTools } = given
    let made: Session | undefined
    const keep = async (thread: ThreadRecord): Promise<void> => {
      made = await db.act((tx) => {
        const known = learn(tx, thread)
        const own = {
          title,
          titleIsDefault: false,
          systemOwned: true,
          dynamicTools: JSON.stringify(dynamicTools),
        }
        const session = { ...known, ...own }
        put(tx, session)
        controls.keep(tx, session.id, tuple)
        log.append(tx, sessionCreated(audienceOf(session), summary(session, tx)))
        if (projectId !== undefined) assign(tx, session, projectId)
        done(tx, session)
        return session
      })
    }
    const thread = await codex.startThread({ cwd, controls: tuple, dynamicTools, keep })
    if (!made) await keep(thread)
    return readSession(db, thread.id) as Session
  }

  /** What the child says of a thread: fields that it tells replace ours, our own title stays. Archived only where it is told. */
  function learn(
    tx: Tx,
    thread: ThreadRecord,
    told: { materialized?: boolean; archived?: boolean } = {},
  ): Session {
    const known = readSession(tx, thread.id)
    const base = known ?? fresh(thread, clock)
    const session: Session = {
      ...base,
      name: thread.name ?? base.name,
      preview: thread.preview || base.preview,
      modelProvider: thread.modelProvider ?? base.modelProvider,
      cwd: thread.cwd ?? base.cwd,
      source: thread.source === undefined ? base.source : sourceOf(thread.source),
      createdAt: base.createdAt,
      updatedAt: Math.max(thread.updatedAt ?? 0, known?.updatedAt ?? 0) || base.updatedAt,
      materialized: told.materialized ?? base.materialized,
      archived: told.archived ?? base.archived,
      // What only some answers carry (the model, say) stays.
      thread: JSON.stringify({ ...(known && JSON.parse(known.thread)), ...thread, turns: undefined }),
      vanished: told.materialized ? false : base.vanished,
    }
    if (!known || !alike(known, session)) put(tx, session)
    return session
  }

  /** Changes some fields of a session that is there; silent about one that isn't. Tells `session_updated` where a client would see it. */
  function change(tx: Tx, id: string, fields: Partial<Session>, seen: string[] = []): void {
    const known = readSession(tx, id)
    if (!known) return
    const next = { ...known, ...fields }
    if (alike(known, next)) return
    put(tx, next)
    if (seen.length > 0) log.append(tx, sessionUpdated(audienceOf(next), id, seen))
  }

  /** Gives it a title: a person's, or with `name` what the child calls it. Told where it is seen. */
  function entitle(tx: Tx, id: string, by: { title: string } | { name: string | undefined }): void {
    const known = readSession(tx, id)
    if (!known) return
    const fields = "title" in by ? { title: by.title, titleIsDefault: false } : by
    const seen = titleOf({ ...known, ...fields }) !== titleOf(known)
    change(tx, id, fields, seen ? ["title"] : [])
  }

  /** Puts it into a project, or into none. Told only if it was in another. */
  function assign(tx: Tx, session: Session, projectId: string | undefined, more: object = {}): void {
    if (session.projectId === projectId) return
    change(tx, session.id, { projectId })
    const body = { ...more, sessionId: session.id, projectId: projectId ?? null }
    log.append(tx, sessionProjectUpdated(audienceOf(session), body))
  }

  /** Something happened in it: it moves to the top of the list. */
  const touch = (tx: Tx, id: string, fields: Partial<Session> = {}): void =>
    change(tx, id, { ...fields, updatedAt: Math.floor(clock.now() / 1000) })

  /** A person spoke: the session is on the child's disk from now on, and its first words are its preview. */
  function spoke(tx: Tx, id: string, text: string): void {
    const known = readSession(tx, id)
    if (known) touch(tx, id, { materialized: true, preview: known.preview || text })
  }

  /** The thread's status as the child tells it. */
  function restate(tx: Tx, id: string, status: { type: string }): void {
    const known = readSession(tx, id)
    if (known) change(tx, id, { thread: JSON.stringify({ ...JSON.parse(known.thread), status }) })
  }

  return {
    create,
    createOwn,
    learn,
    change,
    entitle,
    assign,
    touch,
    spoke,
    restate,
    summary,
    audienceOf,
    /** The user sessions of a project, vanished ones too. */
    ofProject: (projectId: string, reader: Reader = db): Session[] => sessionsOfProject(reader, projectId),
    forget(tx: Tx, id: string): void {
      list.stale(id)
      forgetSession(tx, id)
    },
    find: (id: string, reader: Reader = db): Session | undefined => readSession(reader, id),
    /** Another one, another answer to a read of the session. */
    revision: createRevisions(db),
    titleOf(id: string): string {
      const session = readSession(db, id)
      return session ? titleOf(session) : DEFAULT_TITLE
    },
    /** The page after `cursor` as JSON text, newest first. Throws `invalid_request` for a cursor that isn't ours. */
    list: list.page,
  }
}
export type Sessions = ReturnType<typeof createSessions>

function fresh(thread: ThreadRecord, clock: Clock): Session {
  const now = Math.floor(clock.now() / 1000)
  return {
    id: thread.id,
    title: undefined,
    titleIsDefault: true,
    name: thread.name ?? undefined,
    preview: thread.preview ?? "",
    materialized: false,
    archived: false,
    systemOwned: false,
    projectId: undefined,
    modelProvider: thread.modelProvider ?? "",
    cwd: thread.cwd ?? "",
    source: sourceOf(thread.source),
    createdAt: thread.createdAt ?? now,
    updatedAt: thread.updatedAt ?? now,
    thread: JSON.stringify({ ...thread, turns: undefined }),
    reconciledRun: undefined,
    innerId: undefined,
    dynamicTools: undefined,
    vanished: false,
  }
}

const alike = (a: Session, b: Session): boolean =>
  (Object.keys(b) as (keyof Session)[]).every((key) => a[key] === b[key])
