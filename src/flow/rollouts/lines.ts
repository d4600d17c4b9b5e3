// A past thread as the lines of an export, so that it comes in by the same door (domain/sessions/transfer).

import { iso } from "../../base/kit/clock.ts"
import { type Controls, SANDBOXES, withOverrides } from "../../domain/controls/tuple.ts"
import { type Line, VERSION } from "../../domain/sessions/transfer/lines.ts"
import { entryShown, OUTCOMES, spokenOf } from "../../domain/transcript/entry.ts"
import { countOf, fieldsOf, textOf } from "./fields.ts"
import type { PastItem, PastThread, PastTurn, PastUsage } from "./thread.ts"

export interface LinesNeeds {
  thread: PastThread
  archived: boolean
  /** What holds where the file doesn't say. */
  defaults: Controls
  now: number
}

export function* linesOf({ thread, archived, defaults, now }: LinesNeeds): Generator<Line> {
  const { turns, usage, meta } = thread
  yield headOf({ thread, archived, defaults, now })
  let lines = 1
  for (const [n, turn] of turns.entries()) {
    yield turnLine(turn, n)
    lines++
  }
  const used = new Set<string>()
  for (const [n, turn] of turns.entries()) {
    for (const [m, past] of turn.items.entries()) {
      const item = once(used, past, turn)
      yield entryLine({ ...past, item }, { turn, place: n + 1, spot: `${String(m + 1).padStart(8, "0")}b` })
      lines++
    }
  }
  // A fork's file repeats its source's: those tokens count there.
  const from = meta.forked_from_id === undefined ? 0 : Date.parse(textOf(meta.timestamp)) || 0
  for (const line of summed(usage.filter((one) => bornAt(one) >= from))) {
    yield line
    lines++
  }
  yield { kind: "end", lines }
}

function headOf({ thread, archived, defaults, now }: LinesNeeds): Line {
  const { meta, context, turns, name, lastAt } = thread
  const createdAt = Math.floor((Date.parse(textOf(meta.timestamp)) || turns[0]?.startedAt || now) / 1000)
  const preview = previewOf(turns)
  const { model_provider, cwd, source, cli_version, git } = meta
  const about = {
    id: textOf(meta.id),
    preview,
    modelProvider: textOf(model_provider),
    cwd: textOf(cwd),
    createdAt,
    updatedAt: Math.floor((lastAt || now) / 1000),
    source: textOf(source) || "unknown",
  }
  return {
    kind: "session",
    version: VERSION,
    exportedAt: iso(now),
    title: null,
    titleIsDefault: true,
    name: name ?? null,
    archived,
    ...about,
    thread: { ...about, cliVersion: textOf(cli_version), gitInfo: git ?? null, model: context.model ?? null },
    controls: controlsOf(context, defaults) as Extract<Line, { kind: "session" }>["controls"],
  }
}

function previewOf(turns: readonly PastTurn[]): string {
  for (const { items } of turns)
    for (const { item } of items) if (item.type === "userMessage") return spokenOf(item).content
  return ""
}

function controlsOf(context: Record<string, unknown>, defaults: Controls): Controls {
  const { model, approval_policy, sandbox_policy, permission_profile } = context
  const { type, network_access } = fieldsOf(sandbox_policy)
  const isOpen = fieldsOf(permission_profile).type === "disabled"
  const sandbox = isOpen ? "danger-full-access" : SANDBOXES.find((one) => one === type)
  const policy = ["untrusted", "on-failure", "on-request", "never"].find((one) => one === approval_policy)
  return withOverrides(defaults, {
    model: textOf(model) || undefined,
    approvalPolicy: policy as Controls["approvalPolicy"] | undefined,
    filesystemSandbox: sandbox,
    networkAccess: sandbox && (network_access === true ? "enabled" : "restricted"),
  })
}

const turnLine = (turn: PastTurn, n: number): Line => ({
  kind: "turn",
  id: turn.id,
  place: n + 1,
  of: turn.of,
  status: turn.status,
  error: turn.error ?? null,
  startedAt: turn.startedAt,
  completedAt: turn.completedAt ?? null,
  controls: null,
  policy: null,
})

/** The id of an item is its entry's: the second of a name gets its turn's as well. */
function once(used: Set<string>, { item }: PastItem, turn: PastTurn): PastItem["item"] {
  let { id } = item
  while (used.has(id)) id = `${id}@${turn.id}`
  used.add(id)
  return id === item.id ? item : { ...item, id }
}

function entryLine(
  { item: told, startedAt, completedAt }: PastItem,
  { turn, place, spot }: { turn: PastTurn; place: number; spot: string },
): Line {
  const isOpen = told.status === "inProgress"
  const item = isOpen ? { ...told, status: "interrupted" } : told
  const status = isOpen ? OUTCOMES[turn.status] : ("complete" as const)
  const { role, content, details } = spokenOf(item)
  const about = { messageId: item.id, turnId: turn.id, role, type: item.type, status }
  const shown = entryShown({ ...about, content, details, startedAt, completedAt })
  return {
    kind: "entry",
    ...about,
    place,
    spot,
    author: null,
    startedAt,
    completedAt,
    anchor: null,
    entry: shown as unknown as Extract<Line, { kind: "entry" }>["entry"],
    item: JSON.stringify(item),
  }
}

/** When its turn began: ids of turns hold their time (UUID version 7). */
function bornAt({ turnId, at }: PastUsage): number {
  const [, hex] = /^([0-9a-f]{8}-[0-9a-f]{4})-7/.exec(turnId) ?? []
  return hex === undefined ? at : Number.parseInt(hex.replace("-", ""), 16)
}

/** One line for each turn, day and model. */
function* summed(usage: readonly PastUsage[]): Generator<Extract<Line, { kind: "usage" }>> {
  const sums = new Map<string, Extract<Line, { kind: "usage" }>>()
  for (const { turnId, at, model, tokens } of usage) {
    const day = iso(at).slice(0, 10)
    const key = JSON.stringify([turnId, day, model])
    const sum = sums.get(key) ?? { kind: "usage", turnId, day, model, ...NOTHING }
    sum.calls++
    for (const [field, name] of TOKENS) sum[field] += countOf(tokens[name])
    sums.set(key, sum)
  }
  yield* sums.values()
}
const NOTHING = { calls: 0, total: 0, input: 0, cached: 0, cacheWrite: 0, output: 0, reasoning: 0 }
const TOKENS = [
  ["total", "total_tokens"],
  ["input", "input_tokens"],
  ["cached", "cached_input_tokens"],
  ["cacheWrite", "cache_write_input_tokens"],
  ["output", "output_tokens"],
  ["reasoning", "reasoning_output_tokens"],
] as const
