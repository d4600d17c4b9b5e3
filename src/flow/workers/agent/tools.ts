// The table of actions as tools of a model. What a worker may touch is known from its job, so it is not asked for the session,
// the turn or the owner: they are filled in, and checked by the table like everybody's.

import type { ActionType } from "../../../engine/host/contract.ts"
import type { Scope } from "../../../engine/host/run/dispatch.ts"

export interface ActionTool {
  name: string
  description: string
  inputSchema: Record<string, unknown>
}

interface ToolSpec {
  description: string
  properties: Record<string, unknown>
  required: string[]
  /** The action's payload: what the model gave, and what the job knows. */
  fill(args: Args, scope: Scope): Args
}
type Args = Record<string, unknown>

const string = (description: string) => ({ type: "string", description })
const status = {
  type: "string",
  enum: ["streaming", "complete", "error", "canceled"],
  description: "streaming while you work on it, then complete",
}

const TOOLS: { readonly [T in ActionType]: ToolSpec } = {
  "transcript.upsert": {
    description: "Writes a row into the transcript of the session that the job is about.",
    properties: {
      messageId: string("The row's id, as the instruction names it."),
      type: string("The row's type, as the instruction names it."),
      content: string("Markdown."),
      status,
      details: { description: "Left out, what is there stays." },
    },
    required: ["messageId", "type", "content", "status"],
    fill: (args, { sessionId, turnId }) => {
      if (args.entry !== undefined) return { sessionId, ...args }
      const { sessionId: own = sessionId, ...entry } = args
      return { sessionId: own, entry: { role: "system", turnId, ...entry } }
    },
  },
  "approval.decide": {
    description: "Decides an approval that waits. A person who was first has won.",
    properties: {
      approvalId: string("As the instruction names it."),
      decision: { type: "string", enum: ["accept", "decline"] },
    },
    required: ["approvalId", "decision"],
    fill: (args) => args,
  },
  "turn.steer.create": {
    description: "Says something to the turn that the job is about, while it runs.",
    properties: { input: string("What to say.") },
    required: ["input"],
    fill: (args, { sessionId, turnId }) => ({ sessionId, turnId, ...args }),
  },
  "queue.enqueue": {
    description: "Hands a job to the queue.",
    properties: { type: string("The job's type."), payload: { type: "object" } },
    required: ["type", "payload"],
    fill: (args, { projectId, sessionId }) => ({
      projectId,
      ...(sessionId !== undefined && { sourceSessionId: sessionId }),
      ...args,
    }),
  },
  "session.rename": {
    description: "Names the session that the job is about, unless it has a name.",
    properties: { title: string("A few words.") },
    required: ["title"],
    fill: (args, { sessionId }) => ({ sessionId, ...args }),
  },
  "suggestion.upsert": {
    description: "Gives the suggestion that was asked for.",
    properties: {
      requestKey: string("As the instruction names it."),
      status,
      suggestion: string("The text, written as the user would write it."),
      error: string("Why there is none, with status error."),
    },
    required: ["requestKey", "status"],
    fill: (args, { sessionId }) => ({ sessionId, ...args }),
  },
}

const nameOf = (action: string): string => action.replaceAll(".", "_")
const ACTION_OF: ReadonlyMap<string, ActionType> = new Map(
  (Object.keys(TOOLS) as ActionType[]).map((action) => [nameOf(action), action]),
)
export const actionOfTool = (tool: string): ActionType | undefined => ACTION_OF.get(tool)

/** The tools of an agent that may do these. */
export const toolsFor = (actions: readonly string[]): ActionTool[] =>
  (Object.entries(TOOLS) as [ActionType, ToolSpec][])
    .filter(([action]) => actions.includes("*") || actions.includes(action))
    .map(([action, { description, properties, required }]) => ({
      name: nameOf(action),
      description,
      inputSchema: { type: "object", properties, required },
    }))

/** The payload of the action; ids that the model gave are checked like any other's. */
export function payloadOf(action: string, args: unknown, scope: Scope): Args {
  const given = typeof args === "object" && args !== null && !Array.isArray(args) ? (args as Args) : {}
  return Object.hasOwn(TOOLS, action) ? TOOLS[action as ActionType].fill(given, scope) : given
}
