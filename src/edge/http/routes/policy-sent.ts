// What an answer adds where the binary that runs doesn't know the approval policy that was asked for.

import type { ApprovalPolicy } from "../../../domain/controls/tuple.ts"
import type { Rooms } from "../../../flow/rooms.ts"

/** `{policySent, note}`: which policy is sent instead, and why; nothing where the one that was asked for is. */
export function policySent({ codex }: Pick<Rooms, "codex">, asked: ApprovalPolicy): object {
  const { sent, note } = codex.policySent(asked) ?? {}
  return note === undefined ? {} : { policySent: sent, note }
}
