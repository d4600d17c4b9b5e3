// Every variable of the environment that the daemon reads: its type, default and meaning, once. docs/configuration.md
// shows this table, and a test holds the two together (wire-contract §8).

import { LEVELS } from "../observe/logger.ts"
import { COLLECTOR, COLLECTOR_HEADERS } from "./kinds/collector.ts"
import {
  flag,
  integer,
  isHostName,
  isOrigin,
  names,
  oneOf,
  optional,
  paths,
  text,
  type Variable,
} from "./kinds/kinds.ts"

const SIGNAL = "workers settle by signal, nothing is polled"

/** In the order of docs/configuration.md. */
export const VARIABLES = {
  HOST: text("127.0.0.1", "Address to listen on."),
  PORT: integer(3001, { min: 1, max: 65_535 }, "Port to listen on. The flag `--port 0` takes any free one."),
  LOG_LEVEL: oneOf(LEVELS, "info", "Least important level that is logged."),
  LOG: oneOf(
    ["plain", "wire"],
    "plain",
    "`wire` also logs every JSON-RPC line between the daemon and Codex, at `info`, secrets masked.",
  ),
  CODEX_BIN: optional(
    "command or path",
    "The Codex binary. Unset: `codex` on PATH, else the one in `node_modules`.",
  ),
  CODEX_HOME: optional(
    "path",
    "Codex's own home, passed to the child; gets a copy of your `auth.json` at the first start.",
  ),
  DATA_DIR: text(".data", "Folder of the database, the API token and the logs.", "path"),
  OPENAI_API_KEY: optional("text", "Only for the hint that Codex has credentials.", { secret: true }),
  DEFAULT_APPROVAL_POLICY: oneOf(
    ["untrusted", "on-failure", "on-request", "never"],
    "untrusted",
    "Approval policy of sessions that name none.",
  ),
  DEFAULT_SANDBOX_MODE: oneOf(
    ["read-only", "workspace-write", "danger-full-access"],
    "read-only",
    "Sandbox of sessions that name none.",
  ),
  DEFAULT_NETWORK_ACCESS: oneOf(
    ["restricted", "enabled"],
    "restricted",
    "Network access of sessions that name none.",
  ),
  SESSION_DEFAULTS_LOCKED: flag(false, "Refuses changes of the default session controls."),
  API_AUTH: oneOf(["token", "none"], "token", "`none` answers everybody and is for a loopback HOST only."),
  API_ALLOWED_HOSTS: names(
    "host names",
    isHostName,
    "Host headers to answer besides loopback names and HOST.",
  ),
  API_ALLOWED_ORIGINS: names("origins", isOrigin, "Web origins that may call the API besides its own."),
  API_RPC: flag(false, "Answers `POST /api/rpc`: any method of the Codex binary, raw."),
  AUDIT_MAX_AGE_DAYS: integer(90, { min: 1 }, "How long the audit of changes is kept."),
  AUDIT_MAX_ENTRIES: integer(100_000, { min: 100 }, "Entries of the audit before the oldest leave it."),
  OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
  OTEL_EXPORTER_OTLP_HEADERS: COLLECTOR_HEADERS,
  EVENTS_MAX_AGE_HOURS: integer(24, { min: 1 }, "Events older than this leave the log."),
  EVENTS_MAX_MIB: integer(256, { min: 1 }, "Size of the event log before the oldest events leave it."),
  TRANSCRIPT_MAX_AGE_DAYS: integer(0, { min: 0 }, "Turns that ended longer ago are dropped; 0: they stay."),
  STORAGE_SYNC: oneOf(
    ["normal", "full"],
    "normal",
    "`full` survives a loss of power at the price of speed; `normal` survives a crash.",
  ),
  ROLLOUT_FOLDERS: paths("Folders beside CODEX_HOME from which rollout files of Codex may be imported."),
  RAW_EVENTS: flag(true, "Asks Codex for raw response items."),
  RAW_ITEMS_STORED: flag(false, "Keeps raw response items, to be read at `/api/sessions/:id/raw-items`."),
  RAW_ITEMS_MAX_AGE_HOURS: integer(168, { min: 1 }, "Raw items older than this are dropped."),
  RAW_ITEMS_MAX_MIB: integer(256, { min: 1 }, "Size of the raw items before the oldest are dropped."),
  CODEX_LINE_LIMIT_MIB: integer(
    64,
    { min: 1, max: 1024 },
    "Longest line that Codex may send before its connection is failed.",
  ),
  MEMORY_LIMIT_MIB: integer(0, { min: 0 }, "Memory of the daemon beyond which health is degraded; 0: any."),
  CODEX_MEMORY_LIMIT_MIB: integer(
    0,
    { min: 0 },
    "Memory of Codex beyond which it is started anew as soon as nothing runs; 0: any.",
  ),
  CODEX_IDLE_STOP_MS: integer(
    0,
    { min: 0 },
    "Stops Codex when nobody needed it for so long; the next call starts it and waits. 0: never.",
  ),
  STREAM_MAX_LAG_MIB: integer(
    8,
    { min: 1, max: 1024 },
    "How far a listener may lag behind before it is cut, to resume.",
  ),
  STREAM_MAX_LISTENERS: integer(2_000, { min: 1 }, "How many may listen to the stream at a time."),
  DRAIN_GRACE_MS: integer(
    10_000,
    { min: 0 },
    "Time that running turns get when the daemon is asked to stop.",
  ),
  APPROVAL_DEADLINE_MS: integer(
    0,
    { min: 0 },
    "How long an approval waits before it is declined; 0: as long as it takes.",
  ),
  TOOL_INPUT_DEADLINE_MS: integer(
    0,
    { min: 0 },
    "How long a question to a person waits before it is declined; 0: as long as it takes.",
  ),
  ELICITATION_DEADLINE_MS: integer(
    0,
    { min: 0 },
    "How long an MCP server's question waits before it is declined; 0: as long as it takes.",
  ),
  TOOL_CALL_DEADLINE_MS: integer(
    600_000,
    { min: 0 },
    "How long a dynamic tool call waits before it has failed; 0: as long as it takes.",
  ),
  ORCHESTRATOR_QUEUE_ENABLED: flag(true, "Runs the job queue."),
  ORCHESTRATOR_QUEUE_GLOBAL_CONCURRENCY: integer(2, { min: 1 }, "Jobs that run at the same time."),
  ORCHESTRATOR_QUEUE_PROJECT_CONCURRENCY: integer(
    1,
    { min: 1 },
    "Jobs of one project that run at the same time.",
  ),
  ORCHESTRATOR_QUEUE_KEEP_PER_PROJECT: integer(
    200,
    { min: 0 },
    "Finished jobs that are kept of one project.",
  ),
  ORCHESTRATOR_QUEUE_MAX_AGE_HOURS: integer(720, { min: 1 }, "How long finished jobs are kept."),
  ORCHESTRATOR_QUEUE_MAX_PER_PROJECT: integer(100, { min: 1 }, "Jobs of one project that may wait or run."),
  ORCHESTRATOR_QUEUE_MAX_GLOBAL: integer(500, { min: 1 }, "Jobs that may wait or run altogether."),
  ORCHESTRATOR_QUEUE_MAX_ATTEMPTS: integer(2, { min: 1 }, "Attempts of one job."),
  ORCHESTRATOR_QUEUE_DEFAULT_TIMEOUT_MS: integer(
    60_000,
    { min: 1 },
    "Time that one attempt of a job may take.",
  ),
  ORCHESTRATOR_QUEUE_BACKGROUND_AGING_MS: integer(
    15_000,
    { min: 0 },
    "Wait after which a background job may go before interactive ones.",
  ),
  ORCHESTRATOR_QUEUE_MAX_INTERACTIVE_BURST: integer(
    3,
    { min: 1 },
    "Interactive jobs in a row before a background one runs.",
  ),
  ORCHESTRATOR_SUGGEST_REQUEST_ENABLED: flag(true, "Registers the `suggest_request` job."),
  ORCHESTRATOR_SUGGEST_REQUEST_WAIT_MS: integer(
    12_000,
    { min: 1 },
    "How long a suggestion is waited for, and its job's deadline.",
  ),
  ORCHESTRATOR_WORKER_POLICY: oneOf(
    ["strict", "config"],
    "strict",
    "`config` lets an agent's own file loosen what its worker may do.",
  ),
  ORCHESTRATOR_AGENT_TURN_TIMEOUT_MS: integer(180_000, { min: 1 }, "Longest turn of a worker."),
  ORCHESTRATOR_AGENT_POLL_INTERVAL_MS: integer(350, { min: 1 }, "No effect.", { unused: SIGNAL }),
  ORCHESTRATOR_AGENT_INCLUDE_TURNS_GRACE_MS: integer(3_000, { min: 1 }, "No effect.", { unused: SIGNAL }),
  ORCHESTRATOR_AGENT_UNTRUSTED_TERMINAL_GRACE_MS: integer(3_000, { min: 1 }, "No effect.", {
    unused: SIGNAL,
  }),
  ORCHESTRATOR_AGENT_EMPTY_TURN_GRACE_MS: integer(8_000, { min: 1 }, "No effect.", { unused: SIGNAL }),
  WEBHOOK_SIGNING_SECRET: optional("text", "Key that outgoing webhooks are signed with.", { secret: true }),
  AGENT_EXTENSION_RBAC_MODE: oneOf(
    ["disabled", "header", "jwt"],
    "disabled",
    "How roles on the extension routes are proved.",
  ),
  AGENT_EXTENSION_RBAC_HEADER_SECRET: optional("text", "Shared secret of `header` mode.", { secret: true }),
  AGENT_EXTENSION_ALLOW_INSECURE_HEADER_MODE: flag(
    false,
    "Lets `header` mode start without a secret or on a HOST that is not loopback.",
  ),
  AGENT_EXTENSION_RBAC_JWT_SECRET: optional("text", "Key of `jwt` mode: tokens are signed with HS256.", {
    secret: true,
  }),
  AGENT_EXTENSION_RBAC_JWKS_URL: optional(
    "https URL",
    "Where `jwt` mode finds public keys: tokens are signed with RS256. In place of the key.",
  ),
  AGENT_EXTENSION_RBAC_JWT_ISSUER: optional("text", "Issuer that a role token must name."),
  AGENT_EXTENSION_RBAC_JWT_AUDIENCE: optional("text", "Audience that a role token must name."),
  AGENT_EXTENSION_RBAC_JWT_ROLE_CLAIM: text("role", "Claim that holds the role."),
  AGENT_EXTENSION_RBAC_JWT_ACTOR_CLAIM: text("sub", "Claim that holds the actor."),
  AGENT_EXTENSION_TRUST_MODE: oneOf(
    ["disabled", "warn", "enforced"],
    "warn",
    "What an untrusted extension meets.",
  ),
  AGENT_EXTENSION_MEMORY_MIB: integer(512, { min: 64 }, "Memory that a host of extensions may take."),
  AGENT_EXTENSION_WITHOUT: names(
    "names of extensions",
    (name) => /^[a-z0-9][a-z0-9._-]*$/i.test(name),
    "Extensions of codexd's own that are not loaded, e.g. `supervisor`.",
  ),
  AGENT_EXTENSION_WORKSPACE: flag(false, "Also loads what lies in the workspace's own `extensions` folder."),
  AGENT_EXTENSION_CONFIGURED_ROOTS: paths("Folders to look for extensions in."),
  AGENT_EXTENSION_PACKAGE_ROOTS: paths("Folders of installed extension packages."),
} as const

export type VariableName = keyof typeof VARIABLES
export type ValueOf<V> = V extends Variable<infer T> ? T : never
