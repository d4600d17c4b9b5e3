// The table of job types: what each needs, does, and how it fails. Adding one is adding a line.

import type { JobKinds } from "../../engine/queue/job.ts"
import { agentInstruction, type InstructionNeeds, suggestion } from "./agent-instruction.ts"
import { type SessionJobNeeds, sessionCreate, sessionMessage } from "./session.ts"
import { type WebhookNeeds, webhookDeliver } from "./webhook.ts"

export interface JobTableNeeds extends SessionJobNeeds {
  webhook: WebhookNeeds
  /** Who does instructions; without them there are no such types. */
  agents?: InstructionNeeds
}

export const jobTable = (needs: JobTableNeeds): JobKinds => ({
  "session.message": sessionMessage(needs),
  "session.create": sessionCreate(needs),
  "webhook.deliver": webhookDeliver(needs.webhook),
  ...(needs.agents && instructions(needs.agents)),
})

const instructions = (agents: InstructionNeeds): JobKinds => ({
  agent_instruction: agentInstruction(agents),
  ...(agents.config.orchestratorSuggestRequestEnabled && { suggest_request: suggestion(agents) }),
})
