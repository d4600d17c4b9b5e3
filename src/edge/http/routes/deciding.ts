// What the decision routes share: who decides and from where, and what their answers say of it.

import { iso } from "../../../base/kit/clock.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { RequestState } from "../../../domain/requests/machine/states.ts"
import type { Rooms } from "../../../flow/rooms.ts"
import { text } from "./schemas.ts"

/** Keys of a decision's body. */
export const by = lazily(() => ({ actor: text(120).default("user"), source: text(64).default("api") }))

/** Nothing of a request whose child has the answer: existing clients know no more than that. */
const afterlife = (state: RequestState): { state?: RequestState } =>
  state === "claimed" || state === "answered" ? {} : { state }

/** Who decided it, also for those who only repeat the decision; and what became of one whose child had died. */
export function decided({ requests }: Rooms, id: string, state: RequestState): Record<string, unknown> {
  const { decidedBy, decidedFrom, decidedAt } = requests.find(id) ?? {}
  if (decidedAt === undefined) return afterlife(state)
  return { ...afterlife(state), decidedBy, decidedFrom: decidedFrom ?? null, decidedAt: iso(decidedAt) }
}
