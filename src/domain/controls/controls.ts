// Which tuple holds for a session: its own, else the default, which is the stored one unless defaults are locked. Every
// change is told, by the names of what changed; values of settings never go into an event.

import type { Log } from "../../base/events/log.ts"
import type { Reader, Tx } from "../../base/storage/port.ts"
import { type Audience, controlsUpdated, settingsUpdated } from "../events.ts"
import { sameJson, settingOf } from "./settings.ts"
import { readControls, removeControls, writeControls } from "./store.ts"
import { type Controls, type Overrides, withOverrides } from "./tuple.ts"

export interface ControlsNeeds {
  db: Reader
  log: Log
  /** The tuple of the environment (DEFAULT_APPROVAL_POLICY and its like). */
  configured: Controls
  /** SESSION_DEFAULTS_LOCKED: the configured tuple is the default whatever is stored, and nobody changes it. */
  locked: boolean
  audienceOf(sessionId: string, reader: Reader): Audience
}

export type ControlScope = "session" | "default"
/** Whose tuple: a session's, or the default by way of any session. */
export interface Whose {
  sessionId: string
  scope: ControlScope
}
export interface Written {
  before: Controls
  after: Controls
  /** Names of the tuple's fields that differ; none when the write changed nothing that holds. */
  changed: (keyof Controls)[]
}

const DEFAULT_SCOPE = "default"
const FIELDS = ["model", "approvalPolicy", "networkAccess", "filesystemSandbox", "settings"] as const
export const LOCK_REASON = "the defaults are set by the configuration (SESSION_DEFAULTS_LOCKED=true)"

export function createControls({ db, log, configured, locked, audienceOf }: ControlsNeeds) {
  const defaults = (reader: Reader = db): Controls =>
    (locked ? undefined : readControls(reader, DEFAULT_SCOPE)) ?? configured
  const of = (sessionId: string, reader: Reader = db): Controls =>
    readControls(reader, sessionId) ?? defaults(reader)
  const tupleOf = ({ scope, sessionId }: Whose, reader: Reader = db): Controls =>
    scope === "default" ? defaults(reader) : of(sessionId, reader)

  const hearers: ((sessionId?: string) => void)[] = []
  function stale(scope: string): void {
    for (const hear of hearers) hear(scope === DEFAULT_SCOPE ? undefined : scope)
  }
  function keep(tx: Tx, scope: string, controls: Controls): void {
    writeControls(tx, scope, controls)
    stale(scope)
  }

  /** Writes a whole tuple, also one that is like what holds: a session's own then stays when the default moves. */
  function write(tx: Tx, whose: Whose, after: Controls): Written {
    const before = tupleOf(whose, tx)
    const changed = FIELDS.filter((field) => !sameJson(before[field], after[field]))
    keep(tx, whose.scope === "default" ? DEFAULT_SCOPE : whose.sessionId, after)
    tell(tx, whose, { before, after, changed })
    return { before, after, changed }
  }

  function tell(tx: Tx, { scope, sessionId }: Whose, { before, after, changed }: Written): void {
    const audience = scope === "default" ? undefined : audienceOf(sessionId, tx)
    const { settings, ...policies } = after
    const fields = changed.filter((field) => field !== "settings")
    if (fields.length > 0) log.append(tx, controlsUpdated(audience, { changed: fields, controls: policies }))
    if (!changed.includes("settings")) return
    const keys = [...new Set([...Object.keys(before.settings), ...Object.keys(settings)])]
    const moved = keys.filter((key) => !sameJson(settingOf(before.settings, key), settingOf(settings, key)))
    log.append(tx, settingsUpdated(audience, moved))
  }

  return {
    defaults,
    /** The tuple that holds for this session; `reader` inside an act is its Tx. */
    of,
    tupleOf,
    write,
    locked,
    /** Its own from now on, told to nobody: for a session that is only just made. */
    keep,
    /** What came with a message holds from now on (wire-contract §1.6), over what holds by now. */
    stick: (tx: Tx, sessionId: string, over: Overrides): Written =>
      write(tx, { sessionId, scope: "session" }, withOverrides(of(sessionId, tx), over)),
    /** The session is gone. */
    forget(tx: Tx, sessionId: string): void {
      removeControls(tx, sessionId)
      stale(sessionId)
    },
    /** Called inside the act with the session whose tuple is another now, without one when it may be any session's. */
    onWrite: (hear: (sessionId?: string) => void): void => void hearers.push(hear),
    /** What clients see of both scopes (wire-contract §1.9). */
    snapshot: (sessionId: string, reader: Reader = db) => ({
      sessionId,
      controls: of(sessionId, reader),
      defaults: defaults(reader),
      defaultsEditable: !locked,
      defaultLockReason: locked ? LOCK_REASON : null,
    }),
  }
}
export type ControlsRoom = ReturnType<typeof createControls>
