// Spans as the rooms see them: begun, carried along, ended. Whoever writes them down is behind it (otlp.ts); without one
// nothing is made and nothing is remembered.

/** A span's place, as W3C `traceparent` tells it. */
export interface Mark {
  traceId: string
  spanId: string
  flags: number
}

export type Attributes = Record<string, string | number>

export interface Begun {
  name: string
  kind: "server" | "client" | "internal"
  /** The span that it belongs to. Left out: the one under way, if that has not ended; null: none. */
  parent?: Mark | null
  attributes?: Attributes
  /** Epoch milliseconds; left out: now. */
  at?: number
}

export interface Ended {
  name?: string
  attributes?: Attributes
  failed?: boolean
  at?: number
}

export interface Span {
  readonly mark: Mark | undefined
  end(ended?: Ended): void
  /** It is not told of. */
  drop(): void
}

export interface Trace {
  begin(begun: Begun): Span
  /** The span is under way for the work, and for all that the work waits for or starts, until it ends. */
  within<T>(span: Span, work: () => T): T
  isUnderWay(): boolean
}

const NO_SPAN: Span = { mark: undefined, end: () => {}, drop: () => {} }

export const NO_TRACE: Trace = {
  begin: () => NO_SPAN,
  within: (_span, work) => work(),
  isUnderWay: () => false,
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const NOTHING = /^0+$/

/** Null for what is no `traceparent`. Later versions may say more behind the four parts. */
export function markOf(traceparent: string | undefined): Mark | null {
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(traceparent ?? "") ?? []
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return null
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & 1 }
}
