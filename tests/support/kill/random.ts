// Chance from a seed: the same seed makes the same choices.

export interface Random {
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number
  /** True that often: 0 never, 1 always. */
  often(share: number): boolean
  pick<T>(from: readonly T[]): T
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    whole,
    often: (share) => next() < share,
    pick(from) {
      const one = from[whole(0, from.length - 1)]
      if (one === undefined) throw new Error("nothing to pick from")
      return one
    },
  }
}
