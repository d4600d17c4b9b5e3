// Writes of controls and settings: the tuple, its provenance row in the transcript and the events are one act. The row says
// who changed what; values that look like secrets are masked in it, for history is not where they are kept.

import { Fault, isFault } from "../../base/fault.ts"
import { type Clock, iso } from "../../base/kit/clock.ts"
import { newId } from "../../base/kit/ids.ts"
import type { Masks } from "../../base/observe/logger.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import { LOCK_REASON, type Whose, type Written } from "../../domain/controls/controls.ts"
import { masked, maskedText } from "../../domain/controls/secrets.ts"
import { type Settings, sameJson, settingOf } from "../../domain/controls/settings.ts"
import type { ApprovalPolicy, Controls } from "../../domain/controls/tuple.ts"
import type { Rooms } from "../rooms.ts"

export interface ControlActsNeeds {
  db: Db
  clock: Clock
  masks: Masks
  rooms: Pick<Rooms, "sessions" | "controls" | "transcript" | "tombstones">
}

export interface Writing extends Whose {
  actor: string
  source: string
}
/** A tuple as it is asked for: without `settings` those that hold are kept. */
export type AskedControls = Omit<Controls, "settings"> & { settings?: Settings | undefined }

/** The turn that provenance rows name (wire-contract §1.9). */
const ROWS_TURN = "session-controls"

export function createControlActs({ db, clock, masks, rooms }: ControlActsNeeds) {
  const { controls, sessions, transcript, tombstones } = rooms

  /** An act on a session that is there; one that went while the request was under way is deleted, or not found. */
  const act = <T>(sessionId: string, fn: (tx: Tx) => T): Promise<T> =>
    db
      .act((tx) => {
        if (sessions.find(sessionId, tx)) return fn(tx)
        throw new Fault("session_not_found", "no such session", { sessionId })
      })
      .catch((error) => {
        throw (isFault(error, "session_not_found") && tombstones.fault(sessionId)) || error
      })

  /** Throws `defaults_locked`, with `about` in its body. */
  function write(
    tx: Tx,
    writing: Writing,
    next: (before: Controls) => Controls,
    about: () => object,
  ): Written {
    if (writing.scope === "default" && controls.locked)
      throw new Fault("defaults_locked", LOCK_REASON, { scope: writing.scope, ...about() })
    const written = controls.write(tx, writing, next(controls.tupleOf(writing, tx)))
    if (written.changed.length > 0) addRow(tx, writing, written)
    return written
  }

  function addRow(tx: Tx, { sessionId, ...writing }: Writing, { before, after }: Written): void {
    const at = clock.now()
    const [previous, next] = [masked(before) as Controls, masked(after) as Controls]
    const { scope, actor, source } = writing
    const what = linesOf({ before, after }, { previous, next }).join("; ")
    const details = { occurredAt: iso(at), actor, source, scope, previous, next }
    transcript.put(tx, sessionId, {
      messageId: `session-controls-${at}-${newId().slice(-8)}`,
      turnId: ROWS_TURN,
      role: "system",
      type: "session.controls.updated",
      content: masks.apply(`${scope} controls changed by ${actor} (${source}): ${what}`),
      details: masks.apply(JSON.stringify(details)),
      status: "complete",
      startedAt: at,
      completedAt: at,
    })
  }

  return {
    /** Sets a whole tuple. */
    apply: (writing: Writing, asked: AskedControls) =>
      act(writing.sessionId, (tx) => {
        const about = () => controls.snapshot(writing.sessionId, tx)
        const next = (before: Controls) => ({ ...asked, settings: asked.settings ?? before.settings })
        const { after, changed } = write(tx, writing, next, about)
        return { changed, applied: after, snapshot: controls.snapshot(writing.sessionId, tx) }
      }),
    /** Changes the settings of a scope by what they are now; a change that changes nothing writes nothing. */
    settings: (writing: Writing, change: (before: Settings) => Settings) =>
      act(writing.sessionId, (tx) => {
        const held = controls.tupleOf(writing, tx).settings
        const about = () => ({ sessionId: writing.sessionId, settings: held })
        const next = (before: Controls) => ({ ...before, settings: change(before.settings) })
        const locked = writing.scope === "default" && controls.locked
        if (!locked && sameJson(held, change(held))) return { changed: false, before: held, settings: held }
        const { after } = write(tx, writing, next, about)
        return { changed: true, before: held, settings: after.settings }
      }),
    /** The session's own approval policy; leaves no row (wire-contract §1.9). */
    policy: (sessionId: string, approvalPolicy: ApprovalPolicy) =>
      act(sessionId, (tx) => controls.stick(tx, sessionId, { approvalPolicy })),
  }
}
export type ControlActs = ReturnType<typeof createControlActs>

interface Sides {
  before: Controls
  after: Controls
}

/** `approvalPolicy "untrusted" → "never"`, a line a field and a setting that differ; shown as they are masked. */
function linesOf(
  { before, after }: Sides,
  { previous, next }: { previous: Controls; next: Controls },
): string[] {
  const { settings: _, ...fields } = before
  const names = Object.keys(fields) as (keyof typeof fields)[]
  const moved = names.filter((name) => !sameJson(before[name], after[name]))
  const keys = [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])]
  return [
    ...moved.map((name) => `${name} ${shown(previous[name])} → ${shown(next[name])}`),
    ...keys
      .filter((key) => !sameJson(settingOf(before.settings, key), settingOf(after.settings, key)))
      .map((key) => {
        const name = maskedText(key)
        return `settings.${oneLine(name)} ${shown(settingOf(previous.settings, name))} → ${shown(settingOf(next.settings, name))}`
      }),
  ]
}

const LONGEST = 120
const oneLine = (text: string): string => text.replace(/\s+/g, " ")

function shown(value: unknown): string {
  const text = value === undefined ? "none" : oneLine(JSON.stringify(value))
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
