// The sessions: every thread that this daemon made or learned of, answered from our own table. Their titles, order and
// state are kept true by what the child tells; a change and its event are one act.

import type { Log } from "../../base/events/log.ts"
import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Reader, Tx } from "../../base/storage/port.ts"
import type { ControlsRoom } from "../controls/controls.ts"
import { type Overrides, withOverrides } from "../controls/tuple.ts"
import { type Audience, sessionCreated, sessionUpdated } from "../events.ts"
import { DEFAULT_TITLE, type Session, sourceOf, summaryOf, type ThreadRecord } from "./session.ts"
import { type Place, pageOfSessions, readSession, writeSession } from "./store.ts"

export interface StartsThreads {
  /** Starts a thread; answers it as the app-server gives it. */
  startThread(start: {
    cwd: string
    controls: ReturnType<typeof withOverrides>
    dynamicTools?: unknown[] | undefined
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

export function createSessions({ db, log, clock, controls, codex, defaultCwd }: SessionsNeeds) {
  const audienceOf = (s: Session): Audience => ({ thread: s.id, hidden: s.systemOwned })
  const summary = (s: Session, reader: Reader = db) => summaryOf(s, controls.of(s.id, reader))

  /** Starts a thread with the default controls overlaid by `input`. Answers `{session, thread}` (wire-contract §1.5). */
  async function create({ cwd, dynamicTools, ...over }: CreateSession) {
    const tuple = withOverrides(controls.defaults(), over)
    const thread = await codex.startThread({ cwd: cwd ?? defaultCwd, controls: tuple, dynamicTools })
    const session = await db.act((tx) => {
      const known = readSession(tx, thread.id) ?? fresh(thread, clock)
      const tools = dynamicTools && JSON.stringify(dynamicTools)
      const session = { ...known, title: DEFAULT_TITLE, titleIsDefault: true, dynamicTools: tools }
      writeSession(tx, session)
      controls.keep(tx, session.id, tuple)
      log.append(tx, sessionCreated(audienceOf(session), summary(session, tx)))
      return session
    })
    return { session: summary(session), thread }
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
      thread: JSON.stringify({ ...thread, turns: undefined }),
    }
    if (!known || !alike(known, session)) writeSession(tx, session)
    return session
  }

  /** Changes some fields of a session that is there; silent about one that isn't. Tells `session_updated` where a client would see it. */
  function change(tx: Tx, id: string, fields: Partial<Session>, seen: string[] = []): void {
    const known = readSession(tx, id)
    if (!known) return
    const next = { ...known, ...fields }
    if (alike(known, next)) return
    writeSession(tx, next)
    if (seen.length > 0) log.append(tx, sessionUpdated(audienceOf(next), id, seen))
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
    learn,
    change,
    touch,
    spoke,
    restate,
    summary,
    audienceOf,
    find: (id: string, reader: Reader = db): Session | undefined => readSession(reader, id),
    /** The page after `cursor`, newest first. `nextCursor` is null at the end. Throws `invalid_request` for a cursor that isn't ours. */
    list(ask: {
      archived: boolean
      includeSystemOwned: boolean
      limit: number
      cursor?: string | undefined
    }) {
      const after = ask.cursor === undefined ? undefined : placeOf(ask.cursor)
      const rows = pageOfSessions(db, { ...ask, limit: ask.limit + 1, after })
      const page = rows.slice(0, ask.limit)
      const last = page.at(-1)
      return {
        data: page.map((s) => summary(s)),
        nextCursor: rows.length > page.length && last ? cursorOf(last) : null,
        archived: ask.archived,
      }
    },
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
  }
}

const alike = (a: Session, b: Session): boolean =>
  (Object.keys(b) as (keyof Session)[]).every((key) => a[key] === b[key])

const cursorOf = ({ updatedAt, createdAt, id }: Place): string => btoa(`${updatedAt}/${createdAt}/${id}`)

function placeOf(cursor: string): Place {
  const [updatedAt, createdAt, ...id] = decoded(cursor).split("/")
  const place = { updatedAt: Number(updatedAt), createdAt: Number(createdAt), id: id.join("/") }
  if (Number.isFinite(place.updatedAt) && Number.isFinite(place.createdAt) && place.id) return place
  throw new Fault("invalid_request", "the cursor is none of ours", {
    issues: [{ code: "custom", path: ["cursor"], message: "unknown cursor" }],
  })
}

function decoded(cursor: string): string {
  try {
    return atob(cursor)
  } catch {
    return ""
  }
}
