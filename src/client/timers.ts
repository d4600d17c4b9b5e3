// The client's own timers. Unlike the daemon's they keep the process alive: whoever waits to come back is not done.

/** Resolves after `ms`, or as soon as the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener("abort", end)
  })
}

/** Calls `onSilence` once when `heard` was not called for `ms`. `tick`, every third of that, may ask for a sign of life. */
export function watchdog(ms: number, onSilence: () => void, tick: () => void = () => {}) {
  let silent = 0
  const timer = setInterval(() => {
    silent++
    if (silent > 3) onSilence()
    else tick()
  }, ms / 3)
  return {
    heard(): void {
      silent = 0
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
