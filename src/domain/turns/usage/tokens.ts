// Tokens as the app-server counts them, and differences of its counts.

export const KINDS = ["total", "input", "cached", "cacheWrite", "output", "reasoning"] as const
export type Tokens = Record<(typeof KINDS)[number], number>

export const NO_TOKENS: Tokens = { total: 0, input: 0, cached: 0, cacheWrite: 0, output: 0, reasoning: 0 }

/** The app-server's `TokenUsageBreakdown`; what a version doesn't tell is 0. */
export function tokensOf(told: Record<string, unknown>): Tokens {
  const count = (name: string): number => {
    const n = told[name]
    return typeof n === "number" && Number.isSafeInteger(n) && n > 0 ? n : 0
  }
  return {
    total: count("totalTokens"),
    input: count("inputTokens"),
    cached: count("cachedInputTokens"),
    cacheWrite: count("cacheWriteInputTokens"),
    output: count("outputTokens"),
    reasoning: count("reasoningOutputTokens"),
  }
}

/** What was used between two counts; undefined where the later one is the smaller: it is another count. */
export function difference(before: Tokens, now: Tokens): Tokens | undefined {
  if (KINDS.some((kind) => now[kind] < before[kind])) return undefined
  return mapped((kind) => now[kind] - before[kind])
}

export const isSame = (a: Tokens, b: Tokens): boolean => KINDS.every((kind) => a[kind] === b[kind])
export const isNothing = (tokens: Tokens): boolean => isSame(tokens, NO_TOKENS)

const mapped = (of: (kind: keyof Tokens) => number): Tokens =>
  Object.fromEntries(KINDS.map((kind) => [kind, of(kind)])) as Tokens
