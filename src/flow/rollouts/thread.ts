// A thread as the lines of its rollout file tell it: turns with their items, in order, and the tokens that they took. Turns
// that were taken back are none; what the file doesn't say (that a turn failed, on 0.105 and 0.130) nobody can know any more.

import type { Item } from "../../domain/transcript/entry.ts"
import { answered, itemOfCall } from "./calls.ts"
import { countOf, type Fields, fieldsOf, listOf, textOf } from "./fields.ts"
import { changesOf, commandOf, durationOf, itemOf, reviewAsked, reviewSaid, statusOf } from "./items.ts"

export interface PastItem {
  item: Item
  startedAt: number
  completedAt: number
}
export interface PastTurn {
  id: string
  of: "message" | "review" | "compact"
  status: "completed" | "interrupted" | "failed"
  error: string | undefined
  /** Epoch milliseconds. */
  startedAt: number
  completedAt: number | undefined
  items: PastItem[]
}
export interface PastUsage {
  turnId: string
  at: number
  model: string
  tokens: Fields
}
export interface PastLine {
  at: number
  type: string
  payload: Fields
}

export function createPastThread() {
  const turns: PastTurn[] = []
  const usage: PastUsage[] = []
  let meta: Fields | undefined
  let context: Fields = {}
  let name: string | undefined
  let open: PastTurn | undefined
  let total: Fields = {}
  let made = 0
  let lastAt = 0

  function begin(id: string, at: number, of: PastTurn["of"] = "message"): PastTurn {
    end("interrupted", at)
    const turn: PastTurn = {
      id,
      of,
      status: "interrupted",
      error: undefined,
      startedAt: at,
      completedAt: undefined,
      items: [],
    }
    open = turn
    turns.push(turn)
    return turn
  }
  function end(status: PastTurn["status"], at: number): void {
    if (!open) return
    Object.assign(open, { status, completedAt: at })
    open = undefined
  }
  const ownId = (): string => `${textOf(meta?.id)}-${++made}`
  const inTurn = (at: number, id?: string): PastTurn => open ?? begin(id || ownId(), at)

  function put(item: Item | undefined, { at, turnId, from, to }: Put): void {
    if (!item) return
    const { items } = inTurn(at, turnId)
    const known = items.find((one) => one.item.id === item.id)
    if (known) Object.assign(known, { item, completedAt: to ?? at })
    else items.push({ item, startedAt: from ?? at, completedAt: to ?? at })
  }
  const fresh = (type: string, fields: Fields): Item => ({ type, id: `item-${++made}`, ...fields })

  function call(payload: Fields, at: number): void {
    const item = itemOfCall(payload, textOf(context.cwd) || textOf(meta?.cwd))
    if (item && !open?.items.some((one) => one.item.id === item.id)) put(item, { at })
  }
  function output(payload: Fields, at: number): void {
    const known = open?.items.find((one) => one.item.id === payload.call_id)
    if (known?.item.status === "inProgress") put(answered(known.item, payload.output), { at })
  }

  /** What the model was sent and said, where the file has no items of its own. */
  const RESPONSE: Record<string, (payload: Fields, at: number) => void> = {
    reasoning({ id, summary, content }, at) {
      const texts = (list: unknown) => listOf(list).map((one) => textOf(fieldsOf(one).text))
      const said = { summary: texts(summary), content: texts(content) }
      if (said.summary.length + said.content.length === 0) return
      const item = fresh("reasoning", said)
      put(textOf(id) ? { ...item, id: textOf(id) } : item, { at })
    },
    function_call: call,
    custom_tool_call: call,
    local_shell_call: call,
    function_call_output: output,
    custom_tool_call_output: output,
  }

  const EVENTS: Record<string, (payload: Fields, at: number) => void> = {
    task_started({ turn_id }, at) {
      // A review's own inner turn.
      if (open?.of === "review") return
      begin(textOf(turn_id) || ownId(), at)
    },
    task_complete({ turn_id, error }, at) {
      if (!open) return
      // The turn that opened with a review is named by its end.
      if (open.of === "review" && textOf(turn_id)) open.id = textOf(turn_id)
      if (open.items.length === 1 && open.items[0]?.item.type === "contextCompaction") open.of = "compact"
      if (error) open.error = JSON.stringify({ message: textOf(fieldsOf(error).message) || "failed" })
      end(open.error === undefined ? "completed" : "failed", at)
    },
    turn_aborted: (_, at) => end("interrupted", at),
    error({ message }) {
      if (open) open.error = JSON.stringify({ message: textOf(message) })
    },
    thread_rolled_back({ num_turns }, at) {
      end("interrupted", at)
      turns.splice(Math.max(0, turns.length - countOf(num_turns)))
    },
    thread_name_updated({ thread_name }) {
      name = textOf(thread_name) || undefined
    },
    token_count: ({ info }, at) => count(fieldsOf(info), at),
    user_message({ message, images, local_images }, at) {
      const content: Fields[] = [
        { type: "text", text: textOf(message), text_elements: [] },
        ...listOf(images).map((url) => ({ type: "image", url })),
        ...listOf(local_images).map((path) => ({ type: "localImage", path })),
      ]
      // A review's is told twice.
      const last = open?.items.at(-1)?.item
      const twice = open?.of === "review" && JSON.stringify(last?.content) === JSON.stringify(content)
      if (!twice) put(fresh("userMessage", { content }), { at })
    },
    agent_message: ({ message, phase }, at) =>
      put(fresh("agentMessage", { text: textOf(message), phase: phase ?? null }), { at }),
    context_compacted: (_, at) => put(fresh("contextCompaction", {}), { at }),
    entered_review_mode(payload, at) {
      if (!open) begin(ownId(), at, "review")
      put(fresh("enteredReviewMode", { review: reviewAsked(payload) }), { at })
    },
    exited_review_mode: (payload, at) =>
      put(fresh("exitedReviewMode", { review: reviewSaid(payload) }), { at }),
    exec_command_end: (payload, at) =>
      put(withId("commandExecution", payload, commandOf(payload)), { at, turnId: textOf(payload.turn_id) }),
    patch_apply_end({ changes, status, success, call_id }, at) {
      const state = statusOf(status ?? (success === false ? "failed" : "completed"))
      put(withId("fileChange", { call_id }, { changes: changesOf(changes), status: state }), { at })
    },
    mcp_tool_call_end({ call_id, invocation, result, duration }, at) {
      const { server, tool, arguments: given } = fieldsOf(invocation)
      const { Ok: ok, Err: err } = fieldsOf(result)
      const state = err === undefined && fieldsOf(ok).is_error !== true ? "completed" : "failed"
      const error = err === undefined ? null : { message: textOf(err) }
      const about = {
        server,
        tool,
        status: state,
        arguments: given ?? null,
        result: ok ?? null,
        error,
        durationMs: durationOf(duration),
      }
      put(withId("mcpToolCall", { call_id }, about), { at })
    },
    web_search_end: ({ call_id, query, action }, at) =>
      put(withId("webSearch", { call_id }, { query: textOf(query), action: action ?? null }), { at }),
    item_completed({ item, turn_id, started_at_ms, completed_at_ms }, at) {
      const whole = itemOf(fieldsOf(item))
      if (whole?.type === "enteredReviewMode" && !open) begin(textOf(turn_id) || ownId(), at, "review")
      const from = countOf(started_at_ms) || undefined
      put(whole, { at, turnId: textOf(turn_id), from, to: countOf(completed_at_ms) || undefined })
    },
  }
  EVENTS.turn_started = EVENTS.task_started as (payload: Fields, at: number) => void
  EVENTS.turn_complete = EVENTS.task_complete as (payload: Fields, at: number) => void

  /** Totals are of the whole thread; a turn took the difference. After turns were taken back a total may fall: then the last call's. */
  function count({ total_token_usage, last_token_usage }: Fields, at: number): void {
    const now = fieldsOf(total_token_usage)
    const fell = countOf(now.total_tokens) < countOf(total.total_tokens)
    const before = fell ? undefined : total
    total = now
    const tokens = before ? less(now, before) : fieldsOf(last_token_usage)
    const turn = open ?? turns.at(-1)
    if (turn && countOf(tokens.total_tokens) > 0)
      usage.push({ turnId: turn.id, at, model: textOf(context.model), tokens })
  }

  return {
    take({ at, type, payload }: PastLine): void {
      lastAt = at || lastAt
      if (type === "session_meta") {
        // A fork's file goes on with its source's.
        meta ??= payload
      } else if (type === "turn_context") context = payload
      else if (type === "event_msg") EVENTS[textOf(payload.type)]?.(payload, lastAt)
      else if (type === "response_item" && meta?.history_mode !== "paginated")
        RESPONSE[textOf(payload.type)]?.(payload, lastAt)
    },
    /** The end of the file. */
    told() {
      end("interrupted", lastAt)
      return { meta: meta ?? {}, context, name, turns, usage, lastAt }
    },
  }
}
export type PastThread = ReturnType<ReturnType<typeof createPastThread>["told"]>

interface Put {
  at: number
  turnId?: string
  from?: number | undefined
  to?: number | undefined
}

const withId = (type: string, { call_id }: Fields, fields: Fields): Item | undefined =>
  textOf(call_id) === "" ? undefined : { type, id: textOf(call_id), ...fields }

const less = (now: Fields, before: Fields): Fields =>
  Object.fromEntries(
    Object.keys(now).map((key) => [key, Math.max(0, countOf(now[key]) - countOf(before[key]))]),
  )
