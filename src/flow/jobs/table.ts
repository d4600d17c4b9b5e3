// The table of job types: what each needs, does, and how it fails. Adding one is adding a line.

import type { JobKinds } from "../../engine/queue/job.ts"
import { type SessionJobNeeds, sessionCreate, sessionMessage } from "./session.ts"
import { type WebhookNeeds, webhookDeliver } from "./webhook.ts"

export type JobTableNeeds = SessionJobNeeds & { webhook: WebhookNeeds }

export const jobTable = (needs: JobTableNeeds): JobKinds => ({
  "session.message": sessionMessage(needs),
  "session.create": sessionCreate(needs),
  "webhook.deliver": webhookDeliver(needs.webhook),
})
