// What an answer says of a decision that came after the child that asked had died (decisions 18).

import type { RequestState } from "../../../domain/requests/machine/states.ts"

/** Nothing of a request whose child has the answer: existing clients know no more than that. */
export const afterlife = (state: RequestState): { state?: RequestState } =>
  state === "claimed" || state === "answered" ? {} : { state }
