// One action: what its payload is, how far it reaches, what it does. Rows are collected in table.ts.

import * as v from "valibot"
import { isFault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Db, Tx } from "../../base/storage/port.ts"
import type { ActionStatus } from "../../engine/host/contract.ts"
import type { Scope } from "../../engine/host/run/dispatch.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Rooms } from "../rooms.ts"

export type { Scope }

/** Who asks: an extension's handler, or an agent in the course of a job. */
export type Actor = { kind: "extension"; name: string } | { kind: "worker"; name: string; jobId: string }

export interface ActionNeeds {
  db: Db
  clock: Clock
  rooms: Rooms
  /** Known once the queue is built: workers of its jobs act through this table. */
  jobs(): Jobs
}

export interface Outcome {
  status: ActionStatus
  details?: Record<string, unknown>
}

export interface Context {
  scope: Scope
  actor: Actor
  /** Within the act that makes it true: remembers it under the caller's key, and hands it back. */
  keep(tx: Tx, outcome: Outcome): Outcome
}

/** What it would touch outside its scope. */
export interface Breach {
  code: "scope_session_mismatch" | "scope_turn_mismatch" | "scope_project_mismatch"
  expected: string | null
  received: string
}

export interface ActionRow {
  /** Throws, with a text for people, for a payload that doesn't fit. */
  open(payload: unknown): Opened
  /** Whether it was done can't be found out, and twice is once too often: one that was cut off is not tried again. */
  once?: true
}
export interface Opened {
  breach(scope: Scope): Breach | undefined
  perform(context: Context): Promise<Outcome>
}

interface RowSpec<S extends v.GenericSchema> {
  schema: S
  breach(payload: v.InferOutput<S>, scope: Scope): Breach | undefined
  perform(payload: v.InferOutput<S>, context: Context): Promise<Outcome>
  once?: true
}

export const row = <S extends v.GenericSchema>({ schema, breach, perform, once }: RowSpec<S>): ActionRow => ({
  ...(once && { once }),
  open(payload) {
    const parsed = v.safeParse(schema, payload)
    if (!parsed.success) {
      const issue = parsed.issues[0]
      throw new Error(`${v.getDotPath(issue) ?? "payload"}: ${issue.message}`)
    }
    const { output } = parsed
    return {
      breach: (scope) => breach(output, scope),
      perform: (context) => perform(output, context),
    }
  },
})

export const id = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(300))
export const text = (most: number) => v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(most))

export const performed = (details: Record<string, unknown>): Outcome => ({ status: "performed", details })
export const failed = (code: string, message: string): Outcome => ({
  status: "failed",
  details: { code, message },
})

/** A rule of the house that broke, as an outcome. What is no fault is a bug. */
export function failureOf(error: unknown): Outcome {
  if (!isFault(error)) throw error
  return failed(error.code, error.message)
}

/** Only the session of the scope; a scope without one reaches none. */
export const outsideSession = (received: string, { sessionId }: Scope): Breach | undefined =>
  received === sessionId
    ? undefined
    : { code: "scope_session_mismatch", expected: sessionId ?? null, received }

/** Only the turn of the scope; a scope without one is about the whole session. */
export const outsideTurn = (received: string, { turnId }: Scope): Breach | undefined =>
  turnId === undefined || received === turnId
    ? undefined
    : { code: "scope_turn_mismatch", expected: turnId, received }
