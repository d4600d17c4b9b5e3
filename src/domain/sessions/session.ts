// What a session is here: the row that we keep of a thread, and the summary that clients get of it (wire-contract §1.4).

import type { Controls } from "../controls/tuple.ts"

export interface Session {
  id: string
  /** Ours; `isDefault` until somebody names it. Undefined for threads made elsewhere. */
  title: string | undefined
  titleIsDefault: boolean
  /** The app-server's name of it. */
  name: string | undefined
  preview: string
  /** True once the app-server has it on disk: after the first turn. */
  materialized: boolean
  archived: boolean
  systemOwned: boolean
  projectId: string | undefined
  modelProvider: string
  cwd: string
  source: string
  /** Seconds, as the app-server counts. */
  createdAt: number
  updatedAt: number
  /** The last known thread as JSON, without turns. */
  thread: string
  /** The run of the child in which history was last compared with ours. */
  reconciledRun: string | undefined
  /** The child's id of the thread where it had to be started anew (decisions 14). */
  innerId: string | undefined
  /** The tools given at the start, as JSON: a thread that is started anew gets them again. */
  dynamicTools: string | undefined
  /** The child's disk doesn't have it any more: in no list, readable from our ledger. */
  vanished: boolean
}

export const DEFAULT_TITLE = "New chat"

/** The thread as the app-server tells it; everything else of it is passed on untouched. */
export interface ThreadRecord {
  id: string
  name?: string | null | undefined
  preview?: string | undefined
  modelProvider?: string | undefined
  cwd?: string | undefined
  source?: unknown
  createdAt?: number | undefined
  updatedAt?: number | undefined
  ephemeral?: boolean | undefined
  [key: string]: unknown
}

/** Stored title → the app-server's name → preview → "New chat"; a default title gives way to a name. */
export function titleOf(s: Pick<Session, "title" | "titleIsDefault" | "name" | "preview">): string {
  if (s.title !== undefined && !s.titleIsDefault) return s.title
  return s.name || s.title || s.preview.trim() || DEFAULT_TITLE
}

/** `SessionSummary` of the contract; every key is always there. */
export function summaryOf(session: Session, controls: Controls) {
  return {
    sessionId: session.id,
    title: titleOf(session),
    materialized: session.materialized,
    modelProvider: session.modelProvider,
    approvalPolicy: controls.approvalPolicy,
    sessionControls: controls,
    createdAt: session.createdAt,
    updatedAt: session.updatedAt,
    cwd: session.cwd,
    source: session.source,
    projectId: session.projectId ?? null,
  }
}
export type SessionSummary = ReturnType<typeof summaryOf>

/** The thread's source as a word: its own, `subAgent` for one made by another thread, else `unknown`. */
export function sourceOf(source: unknown): string {
  if (typeof source === "string") return source
  return typeof source === "object" && source !== null && "subAgent" in source ? "subAgent" : "unknown"
}
