// The table of job types: what each needs, does, and how it fails. Adding one is adding a line.

import type { JobKinds } from "../../engine/queue/job.ts"
import { type SessionJobNeeds, sessionCreate, sessionMessage } from "./session.ts"

export type JobTableNeeds = SessionJobNeeds

export const jobTable = (needs: JobTableNeeds): JobKinds => ({
  "session.message": sessionMessage(needs),
  "session.create": sessionCreate(needs),
})
