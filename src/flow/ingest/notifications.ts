// THE TABLE of what the child tells: method → what becomes true. Everything is also passed on as it came, in the table or
// not; a handler runs before that, so that what follows from a message is numbered before its own frames.

import * as v from "valibot"
import type { Tx } from "../../base/storage/port.ts"
import { type STREAMED, spokenOf } from "../../domain/transcript/entry.ts"
import type { Acts } from "../acts/acts.ts"
import type { Rooms } from "../rooms.ts"
import { ItemParam, type Params, ThreadParam, TurnParam } from "./message.ts"

export interface Told {
  tx: Tx
  threadId: string
  /** By its own id, also where the child says another one of its ids. */
  turnId: string | null
  runId: string
  params: Params
  /** What is done once this is committed. */
  after(fn: () => void): void
}

type Handler = (told: Told) => void

const on =
  <S extends v.GenericSchema>(schema: S, handle: (told: Told, params: v.InferOutput<S>) => void): Handler =>
  (told) => {
    // The params themselves go on, not the parsed copy: it would change the order of keys in what we store.
    if (v.is(schema, told.params)) handle(told, told.params as v.InferOutput<S>)
  }

const thread = v.looseObject({ thread: ThreadParam })
const turn = v.looseObject({ turn: TurnParam })
const item = v.looseObject({
  item: ItemParam,
  turnId: v.optional(v.string()),
  startedAtMs: v.optional(v.nullable(v.number())),
  completedAtMs: v.optional(v.nullable(v.number())),
})
const named = v.looseObject({
  threadName: v.optional(v.nullable(v.string())),
  name: v.optional(v.nullable(v.string())),
})
const status = v.looseObject({ status: v.looseObject({ type: v.string() }) })
const counts = v.looseObject({ totalTokens: v.number() })
const tokens = v.looseObject({ tokenUsage: v.looseObject({ total: counts, last: v.optional(counts) }) })
const rerouted = v.looseObject({ toModel: v.string() })
const resolved = v.looseObject({ requestId: v.union([v.number(), v.string()]) })

export const notifications = ({
  rooms,
  acts,
}: {
  rooms: Rooms
  acts: Acts
}): Readonly<Record<string, Handler>> => ({
  "thread/started": on(thread, ({ tx }, p) => {
    if (!p.thread.ephemeral) rooms.sessions.learn(tx, p.thread)
  }),
  "thread/name/updated": on(named, ({ tx, threadId }, p) => {
    rooms.sessions.entitle(tx, threadId, { name: p.threadName ?? p.name ?? undefined })
  }),
  "thread/archived": ({ tx, threadId, runId, after }) => {
    // While an act of ours is under way the word is ours: what the child tells may be older.
    if (!rooms.outbox.archiving(tx, threadId)) {
      rooms.sessions.change(tx, threadId, { archived: true }, ["archived"])
      rooms.requests.endSession(tx, threadId, "its session was archived")
    }
    after(() => rooms.codex.unloaded(runId, threadId))
  },
  "thread/unarchived": ({ tx, threadId }) => {
    if (!rooms.outbox.archiving(tx, threadId))
      rooms.sessions.change(tx, threadId, { archived: false }, ["archived"])
  },
  // Not by us: of what we delete we hear nothing any more.
  "thread/deleted": ({ tx, threadId, runId, after }) => {
    rooms.sessions.change(tx, threadId, { vanished: true }, ["vanished"])
    rooms.requests.endSession(tx, threadId, "its session was deleted")
    after(() => {
      rooms.codex.unloaded(runId, threadId)
      rooms.outbox.freed()
    })
  },
  "thread/closed": ({ after, threadId, runId }) => after(() => rooms.codex.unloaded(runId, threadId)),
  "thread/status/changed": on(status, ({ tx, threadId }, p) =>
    rooms.sessions.restate(tx, threadId, p.status),
  ),
  "turn/started": on(turn, ({ tx, threadId, runId }, p) => {
    rooms.turns.started(tx, { sessionId: threadId, id: p.turn.id, runId })
    rooms.sessions.touch(tx, threadId)
  }),
  "turn/completed": on(turn, (told, p) => acts.endTurn(told.tx, endOf(told, p.turn), told.after)),
  "turn/failed": on(turn, (told, p) =>
    acts.endTurn(told.tx, { ...endOf(told, p.turn), status: "failed" }, told.after),
  ),
  "item/started": on(item, ({ tx, threadId, turnId: id, runId, after }, p) => {
    if (!id) return
    rooms.turns.open(tx, { sessionId: threadId, id, runId })
    rooms.requests.shown(tx, threadId, id)
    if (p.item.type === "enteredReviewMode") rooms.turns.isReview(tx, threadId, id)
    if (typeof p.item.clientId === "string") rooms.turns.prompts.heard(tx, p.item.clientId, id)
    rooms.transcript.record(tx, threadId, {
      item: p.item,
      turnId: id,
      status: "streaming",
      startedAt: p.startedAtMs ?? undefined,
    })
    rooms.streaming.begin(threadId, p.item.id)
    if (p.item.type === "userMessage") rooms.sessions.spoke(tx, threadId, spokenOf(p.item).content)
    after(() => rooms.turns.begun(threadId, id))
  }),
  "item/completed": on(item, ({ tx, threadId, turnId: id, runId, after }, p) => {
    if (!id) return
    rooms.turns.open(tx, { sessionId: threadId, id, runId })
    rooms.requests.shown(tx, threadId, id)
    rooms.transcript.record(tx, threadId, {
      item: p.item,
      turnId: id,
      status: "complete",
      completedAt: p.completedAtMs ?? undefined,
    })
    rooms.streaming.end(threadId, p.item.id)
    after(() => rooms.transcript.silence(threadId, p.item.id))
  }),
  "thread/tokenUsage/updated": on(tokens, ({ tx, threadId, turnId }, p) => {
    const { total, last } = p.tokenUsage
    rooms.usage.note(tx, { sessionId: threadId, turnId: turnId ?? "", total, last: last ?? {} })
  }),
  "model/rerouted": on(rerouted, ({ threadId, turnId }, p) => {
    rooms.usage.reroute(threadId, { turnId: turnId ?? "", model: p.toModel })
  }),
  "rawResponseItem/completed": ({ tx, threadId, turnId, params }) =>
    rooms.raw.keep(tx, { sessionId: threadId, turnId, item: params.item ?? null }),
  "serverRequest/resolved": on(resolved, ({ tx, runId, after }, p) => {
    rooms.requests.resolved(tx, runId, p.requestId)
    after(() => rooms.codex.settledItself(runId, p.requestId))
  }),
})

/** Deltas whose text builds up an entry: method → the item type. */
export const TEXT_DELTAS: Readonly<Record<string, keyof typeof STREAMED>> = {
  "item/agentMessage/delta": "agentMessage",
  "item/plan/delta": "plan",
}

/** Known to need nothing of us but to be passed on; what is in no table is counted as unknown. */
export const PASSED_ON: ReadonlySet<string> = new Set([
  "error",
  "warning",
  "configWarning",
  "deprecationNotice",
  "guardianWarning",
  "thread/compacted",
  "thread/reverted",
  "thread/readState/changed",
  "thread/settings/updated",
  "thread/goal/updated",
  "thread/goal/cleared",
  "thread/queue/changed",
  "turn/diff/updated",
  "turn/plan/updated",
  "hook/started",
  "hook/completed",
  "skills/changed",
  "account/updated",
  "account/login/completed",
  "account/rateLimits/updated",
  "app/list/updated",
  "mcpServer/oauthLogin/completed",
  "mcpServer/startupStatus/updated",
  "remoteControl/status/changed",
  "model/verification",
  "item/agentMessage/delta",
  "item/plan/delta",
  "item/commandExecution/outputDelta",
  "item/fileChange/outputDelta",
  "item/fileChange/patchUpdated",
  "item/reasoning/summaryTextDelta",
  "item/reasoning/summaryPartAdded",
  "item/reasoning/textDelta",
  "item/mcpToolCall/progress",
  "command/exec/outputDelta",
  "rawResponse/completed",
  "item/commandExecution/terminalInteraction",
  "windows/worldWritableWarning",
])

const ENDS = { completed: "completed", interrupted: "interrupted", failed: "failed" } as const

function endOf({ threadId, turnId, runId }: Told, t: v.InferOutput<typeof TurnParam>) {
  return {
    sessionId: threadId,
    id: turnId ?? t.id,
    runId,
    status: ENDS[t.status as keyof typeof ENDS] ?? "completed",
    error: t.error == null ? undefined : JSON.stringify(t.error),
    // Only for a turn that we never saw begin.
    startedAt: ms(t.startedAt),
  }
}

/** The app-server counts turns in whole seconds: an end taken from it would lie before a start of ours. */
const ms = (seconds: number | null | undefined): number | undefined =>
  seconds == null ? undefined : Math.round(seconds * 1000)
