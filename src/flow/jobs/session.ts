// Jobs that people's own clients could do by hand: a message to a session, a new session in a project. Each step is done once
// however often the job is tried: its idempotency key is the job's id. They are over when Codex has the message, not its answer.

import * as v from "valibot"
import { Fault } from "../../base/fault.ts"
import { APPROVAL_POLICIES, NETWORK_ACCESS, type Overrides, SANDBOXES } from "../../domain/controls/tuple.ts"
import type { Keys } from "../../domain/keys/keys.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { Sent } from "../../domain/turns/messages/message.ts"
import { type JobKind, jobKind } from "../../engine/queue/job.ts"
import type { Life } from "../acts/life.ts"
import type { Rooms } from "../rooms.ts"
import { isPassingFault } from "./passing.ts"

export interface SessionJobNeeds {
  rooms: Pick<Rooms, "sessions" | "projects" | "turns" | "tombstones">
  life: Pick<Life, "assign" | "rename">
  keys: Keys
  /** Asks the child for one that we don't know. */
  find(id: string): Promise<Session | undefined>
  timeoutMs: number
}

const text = (most: number) => v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(most))
const overrides = {
  model: v.optional(text(200)),
  approvalPolicy: v.optional(v.picklist(APPROVAL_POLICIES)),
  networkAccess: v.optional(v.picklist(NETWORK_ACCESS)),
  filesystemSandbox: v.optional(v.picklist(SANDBOXES)),
}
const effort = v.optional(v.picklist(["none", "minimal", "low", "medium", "high", "xhigh"]))

export const messagePayload = v.object({
  sessionId: text(240),
  text: text(1_000_000),
  effort,
  /** By default it waits for its turn: nobody is there to be asked. */
  whenBusy: v.optional(v.picklist(["queue", "steer", "reject"]), "queue"),
  ...overrides,
})
export const createPayload = v.object({
  projectId: text(240),
  title: v.optional(text(200)),
  cwd: v.optional(text(4_096)),
  /** The first message. */
  text: v.optional(text(1_000_000)),
  effort,
  ...overrides,
})

const rules = (timeoutMs: number) =>
  ({
    version: 1,
    lane: "interactive",
    dedupe: "drop_duplicate",
    // A child that restarts is back within some minutes.
    maxAttempts: 8,
    backoff: { firstMs: 1_000, capMs: 60_000, jitter: 0.3 },
    timeoutMs,
    graceMs: 1_500,
    isRetryable: isPassingFault,
    atShutdown: "requeue",
  }) as const satisfies Partial<JobKind>

export const sessionMessage = (needs: SessionJobNeeds): JobKind =>
  jobKind<v.InferOutput<typeof messagePayload>>({
    ...rules(needs.timeoutMs),
    parse: (payload) => v.parse(messagePayload, payload),
    async run({ sessionId, ...message }, { job, note }) {
      await existing(needs, sessionId)
      const sent = await say(needs, sessionId, { message, key: job.id })
      await note({ threadId: sessionId, turnId: sent.turnId })
      return { sessionId, ...sent }
    },
  })

export const sessionCreate = (needs: SessionJobNeeds): JobKind =>
  jobKind<v.InferOutput<typeof createPayload>>({
    ...rules(needs.timeoutMs),
    parse: (payload) => v.parse(createPayload, payload),
    async run({ projectId, title, text, effort, cwd, ...over }, { job, note }) {
      const { rooms, life, keys } = needs
      const project = rooms.projects.existing(projectId)
      const input = { ...over, cwd: cwd ?? project.workingDirectory ?? undefined }
      const { session } = await keys.once<Awaited<ReturnType<typeof rooms.sessions.create>>>({
        scope: "jobs/session.create",
        key: job.id,
        body: input,
        run: (claim) => rooms.sessions.create(input, claim.done),
      })
      const { sessionId } = session
      await note({ threadId: sessionId, turnId: null })
      await life.assign(sessionId, projectId)
      if (title !== undefined) await life.rename(sessionId, title)
      if (text === undefined) return { sessionId, projectId }
      const message = { text, effort, whenBusy: "queue" as const }
      const sent = await say(needs, sessionId, { message, key: job.id })
      await note({ threadId: sessionId, turnId: sent.turnId })
      return { sessionId, projectId, ...sent }
    },
  })

/** Throws as the routes do: deleted, the system's own, not there. */
async function existing({ rooms, find }: SessionJobNeeds, sessionId: string): Promise<void> {
  const gone = rooms.tombstones.fault(sessionId)
  if (gone) throw gone
  const session = await find(sessionId)
  if (!session) throw new Fault("session_not_found", "no such session", { sessionId })
  if (session.systemOwned)
    throw new Fault("system_session", "this session belongs to the system", { sessionId })
}

interface Said {
  message: { text: string; effort?: string | undefined; whenBusy: "queue" | "steer" | "reject" } & Overrides
  key: string
}

const say = ({ keys, rooms }: SessionJobNeeds, sessionId: string, { message, key }: Said): Promise<Sent> =>
  keys.once<Sent>({
    scope: `jobs/${sessionId}`,
    key,
    body: message,
    tracked: rooms.turns.tracks,
    recover: ({ id: clientId, tracked }) => rooms.turns.recover(sessionId, { clientId, tracked }),
    run: (claim) => rooms.turns.send(sessionId, message, { clientId: claim.id, done: claim.done }),
  })
