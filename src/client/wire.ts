// What a listener is told, in types: frames as docs/stream.md has them, and what the connection itself has to say.

export interface Frame {
  type: string
  threadId: string | null
  seq: number
  /** ISO-8601. */
  at: string
  payload: unknown
  /** No replay will show it. */
  stored?: false
}

/** The first word of every connection. */
export interface Ready {
  type: "ready"
  threadId: string | null
  log: string
  head: string
  /** `gap`: something between the place that was asked for and now is gone; read anew what you show. */
  resume: "ok" | "gap"
  missing?: string[]
}

export type Told =
  | { kind: "frame"; frame: Frame; place: string }
  /** `again`: after a lost connection, from the place of the last frame. */
  | { kind: "ready"; ready: Ready; again: boolean }
  | { kind: "lost"; reason: string; retryMs: number }

/** What a connection yields: texts of the server, with the place that each leads to where the door tells it. */
export interface Heard {
  text: string | undefined
  place: string | undefined
}

export interface Target {
  /** `http://127.0.0.1:3001`; in a browser `""` is the page's own origin. */
  url: string
  /** Sent as `Authorization: Bearer`. A browser with a cookie needs none. */
  token?: string | undefined
  headers?: Record<string, string> | undefined
  fetch?: typeof fetch | undefined
}

export interface Filter {
  /** Only what is about this session. */
  threadId?: string | undefined
  families?: readonly string[] | undefined
}

export interface Connecting {
  target: Target
  filter: Filter
  since: string | undefined
  signal: AbortSignal
}

/** The server won't have this listener, or it can't be asked this way (status 0): coming back doesn't help. */
export class RefusedError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = "RefusedError"
    this.status = status
  }
}

/** A page of another origin that the daemon allows sends its login's cookie only when it is told to. */
export const WITH_COOKIE = { credentials: "include" } as const

export function headersOf({ token, headers }: Target): Record<string, string> {
  return { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
}

export function urlOf(path: string, { target, filter, since }: Omit<Connecting, "signal">): string {
  const query = new URLSearchParams()
  if (filter.threadId !== undefined) query.set("threadId", filter.threadId)
  if (filter.families !== undefined) query.set("families", filter.families.join(","))
  if (since !== undefined) query.set("since", since)
  const text = query.toString()
  return `${target.url.replace(/\/$/, "")}${path}${text && `?${text}`}`
}

/** Throws RefusedError for an answer that will be the same the next time. */
export async function refuse(response: Response): Promise<void> {
  if (response.status < 400 || response.status >= 500 || response.status === 429) return
  const said = (await response.json().catch(() => ({}))) as { message?: string }
  throw new RefusedError(response.status, said.message ?? `the server answered ${response.status}`)
}
