// Failures that say nothing against the job: the child, the disk or the session is not free for it now, so it is tried again.

import { isFault } from "../../base/fault.ts"

const PASSING = [
  "runtime_unavailable",
  "codex_overloaded",
  "codex_timeout",
  "storage_full",
  "shutting_down",
  "turn_busy",
] as const

export const isPassingFault = (error: unknown): boolean => PASSING.some((code) => isFault(error, code))
