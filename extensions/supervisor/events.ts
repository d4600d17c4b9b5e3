// The workflows of a session: a change of files is explained, judged and, where the settings say so, decided; a turn that changed
// files is reviewed; the next message is suggested; a new session is named. Each is one job for the agent `supervisor`.

import type { RegisterAgentEvents } from "../../src/engine/host/contract.ts"
import { fileChangeJob } from "./jobs/file-change.ts"
import { renameJob } from "./jobs/rename.ts"
import { suggestionJob } from "./jobs/suggestion.ts"
import { turnReviewJob } from "./jobs/turn-review.ts"
import { readSettings } from "./settings.ts"

/** Sessions without a title of ours that were looked at: one look is enough, they mostly have a name elsewhere. */
const MOST_LOOKED_AT = 10_000

export const registerAgentEvents: RegisterAgentEvents = (registry) => {
  const lookedAt = new Set<string>()

  registry.on("file_change.approval_requested", async ({ payload }, { getSessionSetting, enqueueJob }) => {
    const given = await getSessionSetting(payload.context.sourceSessionId, "supervisor")
    const job = fileChangeJob(payload, readSettings(given))
    return job && (await enqueueJob(job))
  })

  registry.on("turn.completed", ({ payload }, { enqueueJob }) =>
    payload.hadFileChangeRequests ? enqueueJob(turnReviewJob(payload)) : undefined,
  )

  registry.on("suggest_request.requested", ({ payload }, { enqueueJob }) =>
    enqueueJob(suggestionJob(payload)),
  )

  registry.on("app_server.item.started", async ({ payload }, { enqueueJob }) => {
    const job = renameJob(payload)
    if (!job || !payload.session) return undefined
    const { id, title } = payload.session
    if (title === null && lookedAt.has(id)) return undefined
    const enqueued = await enqueueJob(job)
    if (lookedAt.size >= MOST_LOOKED_AT) lookedAt.clear()
    if (title === null) lookedAt.add(id)
    return enqueued
  })
}
