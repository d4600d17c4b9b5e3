// The one start that is due later.

import type { Clock } from "../../../base/kit/clock.ts"

export function createRetry(clock: Clock, start: () => void) {
  let timer: Disposable | undefined
  let at: number | undefined
  const none = (): void => {
    timer?.[Symbol.dispose]()
    timer = undefined
    at = undefined
  }
  return {
    in(ms: number): void {
      none()
      at = clock.now() + ms
      timer = clock.after(ms, () => {
        none()
        start()
      })
    },
    none,
    /** Epoch milliseconds; undefined while none is due. */
    get at(): number | undefined {
      return at
    },
  }
}
