// What a binary can be called with, in its own words: it is asked for a method that doesn't exist and answers with the
// list of those that do. Learned once per binary; the cache is the caller's.

import type { Peer } from "./peer.ts"
import { RpcError } from "./protocol/wire.ts"

/** Keyed by the binary's path, size and mtime. */
export interface MethodCache {
  get(key: string): string[] | undefined
  put(key: string, methods: string[]): void
}

export interface Methods {
  /** Whether the binary has this method; `undefined` when its list is not known. */
  has(method: string): boolean | undefined
  readonly known: boolean
  readonly count: number
  /** In the binary's own order; none when the list is not known. */
  readonly list: readonly string[]
}

/** No binary has it, so each answers with its list. */
const NO_METHOD = "codexd/learnMethods"

export function methodsOf(list: readonly string[] | undefined): Methods {
  const set = list && new Set(list)
  return {
    has: (method) => set?.has(method),
    known: set !== undefined,
    count: set?.size ?? 0,
    list: list ?? [],
  }
}

/** The list in "unknown variant `x`, expected one of `a`, `b`"; `undefined` when the text is another. */
export function parseMethodList(message: string): string[] | undefined {
  const at = message.indexOf("expected one of ")
  if (!message.includes("unknown variant") || at < 0) return undefined
  const names = Array.from(message.slice(at).matchAll(/`([^`]+)`/g), (match) => match[1] ?? "")
  return names.length > 0 ? names : undefined
}

export interface LearnNeeds {
  peer: Peer
  deadlineMs: number
  /** Without a key nothing is cached. */
  key: string | undefined
  cache: MethodCache
}

/** Never throws for what the binary says, nor for a cache that fails: a list that can't be had is simply not known. */
export async function learnMethods({ peer, deadlineMs, key, cache }: LearnNeeds): Promise<Methods> {
  const cached = key === undefined ? undefined : orUndefined(() => cache.get(key))
  if (cached) return methodsOf(cached)
  const list = await peer.call(NO_METHOD, {}, { deadlineMs }).then(
    () => undefined,
    (error: unknown) => (error instanceof RpcError ? parseMethodList(error.message) : undefined),
  )
  if (list && key !== undefined) orUndefined(() => cache.put(key, list))
  return methodsOf(list)
}

function orUndefined<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
