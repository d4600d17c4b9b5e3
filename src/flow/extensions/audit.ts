// A reload as the audit keeps it.

import type { ReloadRecord } from "../../domain/audit/audit.ts"
import type { Reloaded } from "../../engine/host/host.ts"

export interface Attempt {
  /** Undefined where nobody could tell who it was. */
  actor: { role: string; id: string | null } | undefined
  origin: ReloadRecord["requestOrigin"]
  trustMode: string
}

/** An attempt that was let in, with what became of it. */
export function recordOf(attempt: Attempt, outcome: Reloaded): ReloadRecord {
  const { reloadId, before } = outcome
  const common = { reloadId, ...aboutOf(attempt), snapshotBefore: before }
  if (outcome.result === "loaded") {
    const { snapshot } = outcome
    const impactedExtensions = snapshot.modules.map(({ found }) => found.moduleName)
    return {
      ...common,
      result: "success",
      snapshotAfter: snapshot.version,
      errorSummary: null,
      impactedExtensions,
    }
  }
  const errors = outcome.result === "failed" ? outcome.errors : []
  const said = errors.map(({ extension, code }) => `${extension}: ${code}`).join("; ")
  return {
    ...common,
    result: "failed",
    snapshotAfter: null,
    errorSummary: said || (outcome.result === "busy" ? "reload_in_progress" : "the daemon is stopping"),
    impactedExtensions: errors.map(({ extension }) => extension),
  }
}

/** One that was refused. */
export const refusalOf = (
  attempt: Attempt,
  { reloadId, before, why }: { reloadId: string; before: string; why: string },
): ReloadRecord => ({
  reloadId,
  ...aboutOf(attempt),
  result: "forbidden",
  snapshotBefore: before,
  snapshotAfter: null,
  errorSummary: why,
  impactedExtensions: [],
})

const aboutOf = ({ actor, origin, trustMode }: Attempt) => ({
  actorRole: actor?.role ?? "unknown",
  actorId: actor?.id?.slice(0, 200) ?? null,
  requestOrigin: origin,
  trustMode,
})
