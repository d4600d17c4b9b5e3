// Failures are a closed catalogue: thrown where the rule breaks, turned into HTTP once (edge/http/api.ts). Each has its
// status and its own body, because the contract's bodies are not all alike (wire-contract §0.2, decisions 12).

export type Details = Record<string, unknown>

interface FaultKind {
  status: number
  body(message: string, details: Details, code: string): Details
  retryAfterS?: number
}

/** `{status:"error", code, message, …details}`: the body of everything that the contract doesn't spell otherwise. */
const plain = (message: string, details: Details, code: string): Details => ({
  status: "error",
  code,
  message,
  ...details,
})
/** `M` of wire-contract §0.2: a failure of the app-server, with what was called. */
const mapped = (message: string, details: Details, code: string): Details => ({
  status: "error",
  code,
  message,
  details,
})
/** `{status, …details}` without code or message. */
const bare =
  (status: string) =>
  (_message: string, details: Details): Details => ({ status, ...details })

export const FAULTS = {
  invalid_request: { status: 400, body: plain },
  invalid_import: { status: 400, body: plain },
  request_failed: { status: 400, body: plain },
  unauthorized: { status: 401, body: plain },
  /** The token is good for other things: `required` and what it holds are in `details`. */
  insufficient_scope: { status: 403, body: plain },
  /** So many wrong tokens at once that their answers aren't even held back any more. */
  too_many_attempts: { status: 429, body: plain, retryAfterS: 1 },
  too_many_listeners: { status: 503, body: plain, retryAfterS: 5 },
  token_not_found: { status: 404, body: (message, d) => ({ status: "not_found", message, ...d }) },
  /** The owner's token is a file; it is no row that could be revoked. */
  token_is_owners: { status: 409, body: plain },
  request_timeout: { status: 408, body: (message) => plain(message, {}, "request_failed") },
  forbidden_host: { status: 403, body: plain },
  forbidden_origin: { status: 403, body: plain },
  /** Raw calls are switched off; a raw call that a route of ours must do. */
  rpc_disabled: { status: 403, body: plain },
  rpc_refused: { status: 403, body: plain },
  system_session: { status: 403, body: plain },
  session_not_found: { status: 404, body: bare("not_found") },
  request_not_found: { status: 404, body: bare("not_found") },
  project_not_found: { status: 404, body: bare("not_found") },
  /** The project of an assignment, with the session in its body. */
  assigned_project_not_found: { status: 404, body: bare("project_not_found") },
  route_not_found: { status: 404, body: (message) => ({ message, error: "Not Found", statusCode: 404 }) },
  method_not_allowed: {
    status: 405,
    body: (message) => ({ ...plain(message, {}, "invalid_request"), issues: [] }),
  },
  /** wire-contract §1.12: `details.code` says why. */
  rbac_unauthorized: { status: 401, body: (message, d) => ({ status: "unauthorized", message, ...d }) },
  rbac_forbidden: { status: 403, body: (message, d) => ({ status: "forbidden", message, ...d }) },
  invalid_role: { status: 400, body: plain },
  rbac_misconfigured: { status: 500, body: plain },
  reload_failed: { status: 400, body: plain },
  reload_in_progress: { status: 409, body: plain },
  duplicate_name: { status: 409, body: bare("duplicate_name") },
  project_not_empty: { status: 409, body: bare("project_not_empty") },
  not_materialized: { status: 409, body: bare("not_materialized") },
  not_materialized_sessions: { status: 409, body: bare("not_materialized_sessions") },
  no_active_turn: { status: 409, body: bare("no_active_turn") },
  request_reconciled: { status: 409, body: bare("reconciled") },
  /** Its state allows no such thing. */
  request_settled: { status: 409, body: plain },
  call_in_flight: { status: 409, body: (_message, d) => ({ status: "conflict", code: "in_flight", ...d }) },
  turn_busy: { status: 409, body: plain },
  turn_not_steerable: { status: 409, body: plain },
  policy_stricter: { status: 409, body: plain },
  /** wire-contract §1.6: the body is the result of a steer, in `details`. */
  steer_refused: { status: 409, body: (_message, d) => ({ status: "error", ...d }) },
  steer_failed: { status: 400, body: (_message, d) => ({ status: "error", ...d }) },
  dynamic_tools_fixed: { status: 400, body: plain },
  prompt_not_found: { status: 404, body: bare("not_found") },
  prompt_settled: { status: 409, body: plain },
  session_read_only: { status: 409, body: plain },
  message_indeterminate: { status: 409, body: plain },
  idempotency_key_reused: { status: 422, body: plain },
  schedule_not_found: { status: 404, body: bare("not_found") },
  hook_not_found: { status: 404, body: bare("not_found") },
  signature_refused: { status: 401, body: plain },
  job_not_found: { status: 404, body: bare("not_found") },
  job_already_terminal: { status: 409, body: bare("already_terminal") },
  no_context: { status: 409, body: (message, d) => ({ status: "no_context", message, ...d }) },
  missing_suggestion: {
    status: 400,
    body: (message, _d, code) => ({ status: "invalid_request", code, message }),
  },
  job_conflict: { status: 409, body: plain },
  unknown_job_type: { status: 409, body: plain },
  invalid_payload: { status: 400, body: plain },
  queue_full: { status: 429, body: plain, retryAfterS: 2 },
  /** Switched off: to wait doesn't help. */
  queue_disabled: { status: 503, body: (message, d) => plain(message, d, "job_conflict") },
  session_deleted: { status: 410, body: (message, d) => ({ status: "deleted", message, ...d }) },
  body_too_large: { status: 413, body: (message) => plain(message, {}, "request_failed") },
  unsupported_media_type: { status: 415, body: (message) => plain(message, {}, "request_failed") },
  defaults_locked: { status: 423, body: (message, d) => ({ status: "locked", message, ...d }) },
  internal_error: { status: 500, body: plain },
  request_undelivered: { status: 500, body: bare("error") },
  runtime_unavailable: { status: 503, body: plain, retryAfterS: 5 },
  shutting_down: { status: 503, body: plain, retryAfterS: 5 },
  storage_full: { status: 507, body: plain },
  method_not_supported: { status: 501, body: mapped },
  invalid_params: { status: 400, body: mapped },
  invalid_state: { status: 409, body: mapped },
  auth_required: { status: 401, body: mapped },
  not_found: { status: 404, body: mapped },
  codex_timeout: { status: 504, body: mapped },
  codex_overloaded: { status: 503, body: mapped, retryAfterS: 1 },
  codex_error: { status: 500, body: mapped },
} as const satisfies Record<string, FaultKind>

export type FaultCode = keyof typeof FAULTS

/** A failure of the catalogue. `details` go into the body as the code's row says; `message` is for people. */
export class Fault extends Error {
  readonly code: FaultCode
  readonly details: Details
  /** Where it is known better than the catalogue does when to come again. */
  readonly retryAfterS: number | undefined

  constructor(
    code: FaultCode,
    message: string,
    details: Details = {},
    options: ErrorOptions & { retryAfterS?: number | undefined } = {},
  ) {
    super(message, options)
    this.retryAfterS = options.retryAfterS
    this.name = "Fault"
    this.code = code
    this.details = details
  }
}

/** True for a fault, of that code if one is named. */
export const isFault = (error: unknown, code?: FaultCode): error is Fault =>
  error instanceof Fault && (code === undefined || error.code === code)

/** The status, body and Retry-After of a fault. */
export function replyOf(fault: Fault): { status: number; body: Details; retryAfterS?: number } {
  const kind: FaultKind = FAULTS[fault.code]
  const reply = { status: kind.status, body: kind.body(fault.message, fault.details, fault.code) }
  const retryAfterS = fault.retryAfterS ?? kind.retryAfterS
  return retryAfterS === undefined ? reply : { ...reply, retryAfterS }
}
