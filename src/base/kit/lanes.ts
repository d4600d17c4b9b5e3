// One at a time per key: work on the same key waits for the one before, other keys don't.

export interface Lanes {
  /** Runs `fn` after everything that was given for `key` before has ended, however it ended. */
  run<T>(key: string, fn: () => Promise<T>): Promise<T>
}

export function createLanes(): Lanes {
  const tails = new Map<string, Promise<unknown>>()
  return {
    run(key, fn) {
      const before = tails.get(key) ?? Promise.resolve()
      const own = before.then(fn, fn)
      const tail = own.catch(() => undefined)
      tails.set(key, tail)
      void tail.then(() => tails.get(key) === tail && tails.delete(key))
      return own
    },
  }
}
