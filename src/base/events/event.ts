// What the log keeps: events, numbered once, told after the commit. Frames are derived from them (decisions 1), so
// everything that a frame needs is inside: the body, the context, the number and the time.

/**
 * Who may hear of it (wire-contract §2.2): `thread` the listeners of that thread and the unfiltered ones; `hidden` only the
 * listeners of that thread (system-owned sessions); `none` only unfiltered ones; `global` everybody.
 */
export type Scope = "thread" | "hidden" | "none" | "global"

export interface NewEvent {
  type: string
  scope: Scope
  /** The thread that it is about; global events may name one too. */
  thread: string | null
  /** Deltas are dropped first, once what they build up is finished. */
  class: "delta" | "fact"
  /** JSON text, one line, or "": what frames need beyond the body (title, projectId, turnId). Alike for neighbours, so it is stored once a run. */
  context: string
  /** JSON text on one line. For messages of the child the very line it wrote. */
  body: string
  /** False: told but never stored (raw items). */
  stored?: false
  /** True when after this event nothing of its thread is still streaming: earlier deltas may then go without a gap. */
  settles?: true
}

export interface LoggedEvent {
  /** Event number; a frame's seq is 16 × n + its index. */
  n: number
  /** Epoch milliseconds. */
  at: number
  type: string
  scope: Scope
  thread: string | null
  context: string
  body: string
  /** False when no replay will show it again (raw items, full disk). */
  stored: boolean
}
