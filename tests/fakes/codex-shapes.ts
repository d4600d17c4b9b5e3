// What the fake codex says, in the shapes of the recorded 0.169.0.

export type Json = Record<string, unknown>

export interface Turn {
  id: string
  items: Json[]
  status: "inProgress" | "completed" | "interrupted" | "failed"
  startedAt: number
  completedAt: number | null
}

export interface Thread {
  id: string
  cwd: string
  approvalPolicy: string
  name: string | null
  preview: string
  createdAt: number
  updatedAt: number
  turns: Turn[]
}

const seconds = () => Math.floor(Date.now() / 1000)

export function newThread(id: string, params: Json): Thread {
  const cwd = typeof params.cwd === "string" ? params.cwd : process.cwd()
  const approvalPolicy = typeof params.approvalPolicy === "string" ? params.approvalPolicy : "on-request"
  return {
    id,
    cwd,
    approvalPolicy,
    name: null,
    preview: "",
    createdAt: seconds(),
    updatedAt: seconds(),
    turns: [],
  }
}

export function newTurn(id: string): Turn {
  return { id, items: [], status: "inProgress", startedAt: seconds(), completedAt: null }
}

/** A thread as it is shown; with its turns only where they are asked for. */
export function threadJson(thread: Thread, status: Json, withTurns = false): Json {
  const { id, cwd, name, preview, createdAt, updatedAt } = thread
  return {
    id,
    environments: [{ environmentId: "local", cwd, runtimeWorkspaceRoots: [cwd] }],
    extra: null,
    sessionId: id,
    forkedFromId: null,
    attachedToThreadId: null,
    parentThreadId: null,
    preview,
    ephemeral: false,
    section: null,
    sectionEnteredAt: null,
    projectId: null,
    historyMode: "paginated",
    modelProvider: "fake",
    model: "fake-1",
    reasoningEffort: null,
    createdAt,
    updatedAt,
    recencyAt: updatedAt,
    status,
    path: `${process.env.CODEX_HOME ?? "/nowhere"}/sessions/rollout-${id}.jsonl`,
    cwd,
    cliVersion: "0.169.0",
    originator: "codexd",
    source: "vscode",
    canAcceptDirectInput: true,
    threadSource: null,
    agentNickname: null,
    agentRole: null,
    gitInfo: null,
    name,
    daybreakEnabled: null,
    turns: withTurns ? thread.turns.map((turn) => turnJson(turn, "full")) : [],
  }
}

/** The answer of thread/start and thread/resume. */
export function openedJson(thread: Thread): Json {
  return {
    thread: threadJson(thread, { type: "idle" }, true),
    model: "fake-1",
    modelProvider: "fake",
    serviceTier: null,
    disabledPluginIds: [],
    cwd: thread.cwd,
    runtimeWorkspaceRoots: [thread.cwd],
    instructionSources: [],
    approvalPolicy: thread.approvalPolicy,
    approvalsReviewer: "user",
    sandbox: { type: "readOnly", networkAccess: false },
    activePermissionProfile: null,
    reasoningEffort: null,
    multiAgentMode: "explicitRequestOnly",
  }
}

export function turnJson(turn: Turn, itemsView: "notLoaded" | "summary" | "full"): Json {
  const last = turn.items.findLast((item) => item.type === "agentMessage")
  return {
    id: turn.id,
    rootTurnId: turn.id,
    items: itemsView === "full" ? turn.items : itemsView === "summary" && last ? [last] : [],
    itemsView,
    status: turn.status,
    error: turn.status === "failed" ? { message: "the fake failed it", codexErrorInfo: null } : null,
    startedAt: turn.startedAt,
    completedAt: turn.completedAt,
    durationMs: turn.completedAt === null ? null : (turn.completedAt - turn.startedAt) * 1000,
  }
}

export const userItem = (id: string, text: string, clientId: unknown): Json => ({
  type: "userMessage",
  id,
  clientId: clientId ?? null,
  content: [{ type: "text", text, text_elements: [] }],
  startedAtMs: Date.now(),
  completedAtMs: null,
})

export const agentItem = (id: string, text: string): Json => ({
  type: "agentMessage",
  moderation: null,
  id,
  text,
  phase: null,
  memoryCitation: null,
  delivery: null,
  questions: null,
  startedAtMs: Date.now(),
  completedAtMs: null,
})

export const commandItem = (id: string, command: string, cwd: string): Json => ({
  type: "commandExecution",
  id,
  pluginId: null,
  scriptPath: null,
  command: `/bin/bash -lc '${command}'`,
  cwd,
  processId: null,
  source: "agent",
  status: "inProgress",
  commandActions: [{ type: "unknown", command }],
  aggregatedOutput: null,
  exitCode: null,
  durationMs: null,
  startedAtMs: Date.now(),
  completedAtMs: null,
})
