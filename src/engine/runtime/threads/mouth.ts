// What the child says, in our words. While a thread is started anew, what is said of threads that nobody has loaded waits: it
// is about the new one, which must never show as a thread of its own (decisions 14).

import { createSignal } from "../../../base/kit/signal.ts"
import type { RunRef } from "../lifecycle.ts"
import type { Message } from "../protocol/wire.ts"
import type { Supervisor } from "../supervisor.ts"
import type { Aliases } from "./aliases.ts"

export interface MouthNeeds {
  supervisor: Pick<Supervisor, "onMessages">
  aliases: Aliases
  /** Threads by our names. */
  isLoaded(thread: string): boolean
  onFault(error: unknown): void
}

interface Said {
  batch: Message[]
  run: RunRef
}

export function createMouth({ supervisor, aliases, isLoaded, onFault }: MouthNeeds) {
  const said = createSignal<Said>(onFault)
  let holds = 0
  let held: { message: Message; run: RunRef }[] = []

  const isReplaced = ({ params }: Message): boolean => aliases.isReplaced(threadIn(params) ?? "")
  const hear = (batch: Message[], run: RunRef): void => {
    const now = batch.filter((message) => !isReplaced(message) && (holds === 0 || !kept(message, run)))
    if (now.length > 0) said.emit({ batch: now.map(aliases.message), run })
  }
  const kept = (message: Message, run: RunRef): boolean => {
    const thread = threadIn(message.params)
    if (thread === undefined || isLoaded(aliases.outerOf(thread))) return false
    held.push({ message, run })
    return true
  }
  const letGo = (): void => {
    if (--holds > 0) return
    const waiting = held
    held = []
    for (const { message, run } of waiting) hear([message], run)
  }
  const discard = (from: string): void => {
    const forks = new Set(held.flatMap(({ message }) => forkIn(message.params, from) ?? []))
    held = held.filter(({ message }) => !forks.has(threadIn(message.params) ?? ""))
  }
  const hearing = supervisor.onMessages(hear)

  return {
    onMessages: (ear: (batch: Message[], run: RunRef) => void): Disposable =>
      said.on(({ batch, run }) => ear(batch, run)),
    /** Until disposed, what is said of unknown threads waits. */
    hold(): Hold {
      holds++
      return { discard, [Symbol.dispose]: letGo }
    },
    [Symbol.dispose]: () => hearing[Symbol.dispose](),
  }
}

export interface Hold extends Disposable {
  /** What waits and is said of forks of that thread, by the child's id of it, is never told. */
  discard(from: string): void
}

function forkIn(params: unknown, from: string): string | undefined {
  const { thread } = (params ?? {}) as { thread?: { id?: string; forkedFromId?: unknown } }
  return thread?.forkedFromId === from ? thread.id : undefined
}

function threadIn(params: unknown): string | undefined {
  const { threadId, conversationId, thread } = (params ?? {}) as Record<string, unknown>
  const id = threadId ?? conversationId ?? (thread as { id?: unknown } | undefined)?.id
  return typeof id === "string" ? id : undefined
}
