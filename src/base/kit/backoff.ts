// Growing waits with jitter, so that many who failed together don't return together.

export interface Backoff {
  firstMs: number
  capMs: number
  /** 0 … 1: how much of the wait is random. */
  jitter: number
}

/** Milliseconds to wait before attempt `attempt` (1 is the first retry): `first × 2^(attempt-1)`, capped, less a random part. */
export function backoffMs(
  { firstMs, capMs, jitter }: Backoff,
  attempt: number,
  random = Math.random,
): number {
  const full = Math.min(capMs, firstMs * 2 ** Math.max(0, attempt - 1))
  return Math.round(full * (1 - jitter * random()))
}
