// The changes of a patch as one list, whichever dialect named them: `[{path, kind, diff, added, removed}]`.

import { object, type Params, string } from "../kinds.ts"

export interface Change {
  path: string
  kind: "add" | "delete" | "update"
  /** Where an update moves the file to. */
  movePath: string | null
  diff: string
  /** Lines that come and go. */
  added: number
  removed: number
}

/** Undefined where nothing says what would change. */
export function changesOf({ changes, fileChanges }: Params): Change[] | undefined {
  if (Array.isArray(changes))
    return changes.map((one) => changeOf(string(object(one).path) ?? "?", object(one)))
  const byPath = changes ?? fileChanges
  if (typeof byPath !== "object" || byPath === null) return undefined
  return Object.entries(byPath).map(([path, one]) => changeOf(path, object(one)))
}

function changeOf(path: string, change: Record<string, unknown>): Change {
  // Newer: {kind: {type, move_path}, diff}; older: {type, content | unified_diff, move_path}, or a key named as the type.
  const own = object(change.kind)
  const named = ["add", "delete", "update"].find((name) => name in change)
  const body = named ? object(change[named]) : change
  const type = string(own.type) ?? string(change.kind) ?? string(change.type) ?? named
  const kind = type === "add" || type === "delete" ? type : "update"
  const diff = string(body.diff) ?? string(body.unified_diff) ?? string(body.content) ?? ""
  const movePath = string(own.move_path) ?? string(own.movePath) ?? string(body.move_path) ?? null
  return { path, kind, movePath, diff, ...countOf(kind, diff) }
}

/** A new or deleted file is told by its content, an update by a unified diff. */
function countOf(kind: Change["kind"], diff: string): { added: number; removed: number } {
  const lines = diff === "" ? [] : diff.replace(/\n$/, "").split("\n")
  const isDiff = lines.some((line) => line.startsWith("@@"))
  if (!isDiff && kind === "add") return { added: lines.length, removed: 0 }
  if (!isDiff && kind === "delete") return { added: 0, removed: lines.length }
  const starting = (sign: string) =>
    lines.filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).length
  return { added: starting("+"), removed: starting("-") }
}
