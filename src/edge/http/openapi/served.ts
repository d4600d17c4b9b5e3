// The document as it is read: built for the first who asks, a step at a time, so that nobody else waits for it (at once it
// held everything up for 150 to 470 ms, measured), and from then on the same bytes and the same ETag.

import type { Context } from "hono"
import type { Clock } from "../../../base/kit/clock.ts"
import { createConditional } from "../answers/conditional.ts"

export interface ServedNeeds {
  clock: Pick<Clock, "soon">
  steps(): Generator<void, object> | Promise<Generator<void, object>>
}

export function serveDocument(needs: ServedNeeds) {
  const conditional = createConditional()
  let text: Promise<string> | undefined

  async function build(): Promise<string> {
    const building = await needs.steps()
    for (;;) {
      const { done, value } = building.next()
      if (done) return JSON.stringify(value)
      await new Promise<void>((next) => needs.clock.soon(next))
    }
  }

  return async (c: Context): Promise<Response> => {
    text ??= build()
    const whole = await text
    return conditional.answer(c, { revision: "document", keep: "document", make: () => whole })
  }
}
