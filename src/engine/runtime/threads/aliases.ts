// Threads that had to be started anew (decisions 14): clients and our tables keep the old id, the child knows the new one.
// Both directions are mapped by codex.ts and nowhere else: every JSON string value that is the id, at any depth, and
// nothing else. Keys, paths and text stay.

import type { Message } from "../protocol/wire.ts"

export interface Alias {
  /** What clients and our tables call it. */
  outer: string
  /** What the child calls it. */
  inner: string
}

/** Takes secrets out of what the child says (decisions 34): here, because everything passes here. */
export interface Masking {
  json(text: string): string
  /** A piece of a stream: what could begin a secret is held back until the next piece shows. */
  piece(piece: string, streamOf: () => string): string
}
const NO_SECRETS: Masking = { json: (text) => text, piece: (piece) => piece }

export function createAliases(known: readonly Alias[], mask: Masking = NO_SECRETS) {
  const inward = new Map(known.map(({ outer, inner }) => [outer, inner]))
  const outward = new Map(known.map(({ outer, inner }) => [inner, outer]))

  /** JSON text of the child in our words. */
  function textOut(text: string): string {
    let out = mask.json(text)
    for (const [inner, outer] of outward) {
      if (out.includes(inner))
        out = out.replace(wholeValue(inner), (_, before: string) => `${before}"${outer}"`)
    }
    return out
  }

  /** A value of ours in the child's words. */
  function into(value: unknown): unknown {
    if (inward.size === 0) return value
    if (typeof value === "string") return inward.get(value) ?? value
    if (Array.isArray(value)) return value.map(into)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, into(one)]))
  }

  return {
    add({ outer, inner }: Alias): void {
      const former = inward.get(outer)
      if (former !== undefined) outward.delete(former)
      inward.set(outer, inner)
      outward.set(inner, outer)
    },
    into,
    /** The child's name of a thread of ours. */
    innerOf: (outer: string): string => inward.get(outer) ?? outer,
    /** Our name of a thread of the child's. */
    outerOf: (inner: string): string => outward.get(inner) ?? inner,
    /** A thread of the child's in whose place another one answers: nothing of it is told any more. */
    isReplaced: (raw: string): boolean => (inward.get(raw) ?? raw) !== raw,
    /** A result of the child in our words. */
    outOf<T>(value: T): T {
      const text = JSON.stringify(value) ?? "null"
      const mapped = textOut(text)
      return mapped === text ? value : (JSON.parse(mapped) as T)
    },
    /** A message of the child in our words; the same object when nothing had to be changed. */
    message(message: Message): Message {
      const raw = textOut(message.raw)
      if (raw === message.raw) return withPiece(message, mask)
      return withPiece({ ...message, raw, params: (JSON.parse(raw) as { params?: unknown }).params }, mask)
    },
  }
}
export type Aliases = ReturnType<typeof createAliases>

/** The message with its delta, in the newer or the older spelling, as it may be told. */
function withPiece(message: Message, mask: Masking): Message {
  const { delta, itemId, threadId, msg } = (message.params ?? {}) as Record<string, unknown>
  const inner = (msg ?? {}) as Record<string, unknown>
  const piece = delta ?? inner.delta
  if (typeof piece !== "string") return message
  const told = mask.piece(piece, () => `${message.method} ${itemId ?? inner.item_id ?? threadId}`)
  if (told === piece) return message
  const line = JSON.parse(message.raw) as { params: Record<string, unknown> }
  const more = delta === undefined ? { msg: { ...inner, delta: told } } : { delta: told }
  line.params = { ...line.params, ...more }
  return { ...message, raw: JSON.stringify(line), params: line.params }
}

/** A whole string value: after `:`, `,` or `[`, before `,`, `}` or `]`. Inside other strings the quotes would be escaped. */
const wholeValue = (id: string): RegExp =>
  new RegExp(`([:,\\[]\\s*)"${RegExp.escape(id)}"(?=\\s*[,}\\]])`, "g")
