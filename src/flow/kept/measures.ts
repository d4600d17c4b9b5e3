// What the house counts as it goes: one function for each thing that happens, given to the room in which it does.

import type { LoggedEvent } from "../../base/events/event.ts"
import type { Log } from "../../base/events/log.ts"
import { isFault } from "../../base/fault.ts"
import { createMeters } from "../../base/observe/meters.ts"

/** Seconds of a commit: a tick takes well under a millisecond, a checkpoint about twelve. */
const COMMIT_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5]
const JOB_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800]

export interface Answered {
  route: string
  method: string
  status: number
  ms: number
  /** Undefined where it isn't known: an answer without end. */
  bytes: number | undefined
}

export function createMeasures() {
  const meters = createMeters()
  const httpLabels = ["route", "method"]
  const http = meters.counter({
    name: "codexd_http_requests_total",
    help: "Requests by route pattern, method and status.",
    labels: [...httpLabels, "status"],
  })
  const httpSeconds = meters.histogram({
    name: "codexd_http_request_seconds",
    help: "Time from a request to its answer.",
    labels: httpLabels,
  })
  const httpBytes = meters.counter({
    name: "codexd_http_response_bytes_total",
    help: "Bytes of answers that have an end.",
  })
  const calls = meters.counter({
    name: "codexd_child_calls_total",
    help: "Calls to the codex app-server by method and how they ended.",
    labels: ["method", "outcome"],
  })
  const callSeconds = meters.histogram({
    name: "codexd_child_call_seconds",
    help: "Time from a call to the codex app-server to its answer.",
    labels: ["method"],
  })
  const commit = meters.histogram(
    {
      name: "codexd_storage_commit_seconds",
      help: "Time of one transaction of the database, all its acts included.",
    },
    COMMIT_S,
  )
  const jobWait = meters.histogram(
    { name: "codexd_queue_wait_seconds", help: "From a job's making to its first start.", labels: ["type"] },
    JOB_S,
  )
  const jobRun = meters.histogram(
    { name: "codexd_queue_run_seconds", help: "Time of a job's last attempt.", labels: ["type", "outcome"] },
    JOB_S,
  )
  const opened = meters.counter({
    name: "codexd_requests_opened_total",
    help: "Requests for a person or a tool, by the kind of frame that told of them.",
    labels: ["kind"],
  })
  const closed = meters.counter({
    name: "codexd_requests_closed_total",
    help: "Requests that need nobody any more, by kind and what became of them.",
    labels: ["kind", "status"],
  })
  const audited = meters.counter({
    name: "codexd_audit_failures_total",
    help: "Changes whose audit could not be stored.",
  })

  const hear = ({ type, body }: LoggedEvent): void => {
    const { frame, payload } = JSON.parse(body) as { frame?: unknown; payload?: { status?: unknown } }
    const kind = String(frame).replace(/_(requested|resolved)$/, "")
    if (type === "request.opened") opened([kind])
    else closed([kind, String(payload?.status ?? "unknown")])
  }

  return {
    meters,
    answered({ route, method, status, ms, bytes }: Answered): void {
      http([route, method, String(status)])
      httpSeconds([route, method], ms / 1_000)
      if (bytes !== undefined) httpBytes([], bytes)
    },
    called(method: string, ms: number, error?: unknown): void {
      calls([method, outcomeOf(error)])
      callSeconds([method], ms / 1_000)
    },
    committed: (ms: number): void => commit([], ms / 1_000),
    jobStarted: (type: string, waitedMs: number): void => jobWait([type], waitedMs / 1_000),
    jobEnded: (type: string, outcome: string, ranMs: number): void => jobRun([type, outcome], ranMs / 1_000),
    auditFailed: (): void => audited(),
    /** Counts what the log tells. */
    listen: (log: Pick<Log, "onTold">): Disposable =>
      log.onTold((events) => {
        for (const event of events)
          if (event.type === "request.opened" || event.type === "request.closed") hear(event)
      }),
  }
}
export type Measures = ReturnType<typeof createMeasures>

/** `ok`, the kind of a failed call (`deadline`, `gone`), or `refused` for the child's own no. */
export function outcomeOf(error: unknown): string {
  if (error === undefined) return "ok"
  if (isFault(error)) return error.code
  const { kind } = error as { kind?: unknown }
  return typeof kind === "string" ? kind : "refused"
}
