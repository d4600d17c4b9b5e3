// The whole contract between codexd and an extension: every event with its payload, every action with its payload, and
// what a handler is given. Published as types (`codexd/extension`); docs/extensions.md shows it and a test keeps it complete.

/** An extension's module exports this function, by this name or as its default. Called once a load, with a registry. */
export type RegisterAgentEvents = (registry: Registry) => void

export interface Registry {
  /** Exact event types only. Handlers of one event run one after the other: by priority, module name, order of `on`. */
  on<T extends EventType>(type: T, handler: Handler<T>, options?: HandlerOptions): void
}

export interface HandlerOptions {
  /** Lower runs first; 100 unless given. */
  priority?: number
  /** How long the handler may take; 30,000 unless given. Then its tools close and what it still sends is refused. */
  timeoutMs?: number
}

export type Handler<T extends EventType> = (event: AgentEvent<T>, tools: Tools) => unknown

export interface AgentEvent<T extends EventType = EventType> {
  type: T
  payload: PayloadOf<T>
}

/** What a handler is given. Good until the handler ends or its time is over. */
export interface Tools {
  /** Hands work to the queue. Rejects with the queue's error, e.g. when it is full. */
  enqueueJob(job: JobInput): Promise<Enqueued>
  /** A copy of the session's settings, or of the default ones where it has none of its own. */
  getSessionSettings(sessionId: string): Promise<Record<string, unknown>>
  /** One top-level key of them. */
  getSessionSetting(sessionId: string, key: string): Promise<unknown>
  /** Lines in the daemon's log, with the extension's name. */
  logger: Record<LogLevel, (fields: unknown, message?: string) => void>
}
export type LogLevel = "debug" | "info" | "warn" | "error"

export interface JobInput {
  type: string
  projectId: string
  sourceSessionId?: string
  payload: Record<string, unknown>
}
/** Returned by a handler as it is, it tells that the event was taken up. */
export interface Enqueued {
  status: "enqueued" | "already_queued"
  job: Record<string, unknown>
}

/** Returned by a handler, it asks for an action. The first one performed wins; later ones of the same event are not eligible. */
export interface ActionRequest<T extends ActionType = ActionType> {
  kind: "action_request"
  actionType: T
  payload: Actions[T]
  /** At most 200 characters. */
  requestId?: string
  /** At most 300 characters. The same key again gets the first answer, also after a restart. */
  idempotencyKey?: string
}

export type ActionStatus =
  | "performed"
  | "already_resolved"
  | "not_eligible"
  | "conflict"
  | "forbidden"
  | "invalid"
  | "failed"

/** What became of each handler of an event, in the order in which they ran. */
export type Envelope =
  | { kind: "handler_result"; moduleName: string; details?: unknown }
  | { kind: "enqueue_result"; moduleName: string; status: Enqueued["status"]; job: Record<string, unknown> }
  | {
      kind: "action_result"
      moduleName: string
      actionType: string
      status: ActionStatus
      requestId?: string
      idempotencyKey?: string
      details?: unknown
    }
  | { kind: "handler_error"; moduleName: string; eventType: string; error: string }

/** Where an event happened. Actions of its handlers reach no further. */
export interface EventContext {
  projectId: string
  sourceSessionId: string
  /** The session's id as well. */
  threadId: string
  turnId: string
}

export interface FileChangeApprovalRequested {
  context: EventContext & {
    itemId: string
    approvalId: string
    /** The item whose rows the review belongs under. */
    anchorItemId: string
    /** The first text of the turn by the user, at most 8,000 characters. */
    userRequest: string
    /** The turn up to the item, one line an entry, at most 24,000 characters. */
    turnTranscript: string
  }
  summary: string
  /** Indented JSON `{status, changes: [{path, kind, diff}]}`, at most 50,000 characters. */
  details: string
  sourceEvent: "approval_request" | "approvals_reconcile"
  fileChangeStatus: "pending_approval"
}

export interface TurnCompleted {
  context: EventContext & { userRequest: string }
  hadFileChangeRequests: true
  /** The whole turn, one line an entry, at most 40,000 characters. */
  turnTranscriptSnapshot: string
  fileChangeRequestCount: number
}

export interface SuggestRequestRequested {
  requestKey: string
  sessionId: string
  projectId: string
  threadId: string
  turnId: string
  /** The last text by the user. */
  userRequest: string
  /** User and assistant only, numbered. */
  turnTranscript: string
  model?: string
  effort?: string
  draft?: string
}

/** A message of Codex, as it came. */
export interface AppServerSignal {
  source: "app_server"
  signalType: "notification" | "request"
  eventType: string
  /** As Codex spells it, `turn/started`. */
  method: string
  /** ISO-8601. */
  receivedAt: string
  context: { threadId: string | null; turnId: string | null }
  params: unknown
  session: { id: string; title: string | null; projectId: string | null } | null
  /** Requests only. */
  requestId?: string | number
}

export interface CoreEvents {
  "file_change.approval_requested": FileChangeApprovalRequested
  "turn.completed": TurnCompleted
  "suggest_request.requested": SuggestRequestRequested
}
export type AppServerEventType = `app_server.${string}`
export type EventType = keyof CoreEvents | AppServerEventType
export type PayloadOf<T extends EventType> = T extends keyof CoreEvents ? CoreEvents[T] : AppServerSignal

export interface Actions {
  /** Writes a row of the transcript. A row that has ended is not opened again. */
  "transcript.upsert": {
    sessionId: string
    entry: {
      messageId: string
      turnId: string
      role: "user" | "assistant" | "system"
      type: string
      content: string
      /** What is no text is kept as JSON. */
      details?: unknown
      status: "streaming" | "complete" | "canceled" | "error"
      /** Epoch milliseconds. */
      startedAt?: number
      completedAt?: number
    }
  }
  /** Decides an approval, unless a person was first. */
  "approval.decide": { approvalId: string; decision: "accept" | "decline"; scope?: "turn" }
  /** Says something to the running turn. */
  "turn.steer.create": { sessionId: string; turnId: string; input: string }
  /** Hands work to the queue. */
  "queue.enqueue": JobInput
  /** Names a session that still has its default title. */
  "session.rename": { sessionId: string; title: string }
  /** Gives the suggestion that was asked for under a key. */
  "suggestion.upsert": {
    sessionId: string
    requestKey: string
    status: "streaming" | "complete" | "error" | "canceled"
    suggestion?: string
    error?: string
  }
}
export type ActionType = keyof Actions

/** How often an event is delivered, and an example of it. `app_server.*` stands for every message of Codex. */
export const EVENTS: { [T in keyof CoreEvents | "app_server.*"]: EventKind<T> } = {
  "file_change.approval_requested": {
    delivery: "at least once",
    sample: {
      context: {
        projectId: "project",
        sourceSessionId: "session",
        threadId: "session",
        turnId: "turn",
        itemId: "item",
        approvalId: "approval",
        anchorItemId: "item",
        userRequest: "write a greeting",
        turnTranscript: "USER [userMessage]: write a greeting",
      },
      summary: "1 file",
      details: JSON.stringify(
        { status: "pending_approval", changes: [{ path: "hello.txt", kind: "add", diff: "hello" }] },
        null,
        2,
      ),
      sourceEvent: "approval_request",
      fileChangeStatus: "pending_approval",
    },
  },
  "turn.completed": {
    delivery: "at least once",
    sample: {
      context: {
        projectId: "project",
        sourceSessionId: "session",
        threadId: "session",
        turnId: "turn",
        userRequest: "write a greeting",
      },
      hadFileChangeRequests: true,
      turnTranscriptSnapshot: "USER [userMessage]: write a greeting",
      fileChangeRequestCount: 1,
    },
  },
  "suggest_request.requested": {
    delivery: "once, while the caller waits",
    sample: {
      requestKey: "key",
      sessionId: "session",
      projectId: "project",
      threadId: "session",
      turnId: "suggest-request",
      userRequest: "write a greeting",
      turnTranscript: "1. user: write a greeting",
    },
  },
  "app_server.*": {
    delivery: "at most once",
    sample: {
      source: "app_server",
      signalType: "notification",
      eventType: "app_server.turn.started",
      method: "turn/started",
      receivedAt: "2026-01-01T00:00:00.000Z",
      context: { threadId: "session", turnId: "turn" },
      params: { threadId: "session", turn: { id: "turn", status: "inProgress", items: [] } },
      session: { id: "session", title: "New chat", projectId: "project" },
    },
  },
}

interface EventKind<T> {
  delivery: "at least once" | "at most once" | "once, while the caller waits"
  sample: T extends keyof CoreEvents ? CoreEvents[T] : AppServerSignal
}

/** Every action, and what it may touch of the event that caused it. */
export const ACTIONS: {
  readonly [T in ActionType]: { within: readonly ("project" | "session" | "turn")[] }
} = {
  "transcript.upsert": { within: ["session", "turn"] },
  "approval.decide": { within: ["session", "turn"] },
  "turn.steer.create": { within: ["session", "turn"] },
  "queue.enqueue": { within: ["project", "session"] },
  "session.rename": { within: ["session"] },
  "suggestion.upsert": { within: ["session"] },
}
