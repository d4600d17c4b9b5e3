// `agent.config.json` of an agent (wire-contract §5.7), and what its turns may do: what it asks for, but never looser than
// read-only, without network and with nobody to be asked, unless the operator says so (decisions 23).

import * as v from "valibot"
import type { Config } from "../../../base/config/config.ts"
import { readText } from "../../../base/platform/files.ts"
import { isStricter } from "../../../domain/controls/strict.ts"
import {
  APPROVAL_POLICIES,
  type Controls,
  NETWORK_ACCESS,
  type PolicyWord,
  SANDBOXES,
} from "../../../domain/controls/tuple.ts"

const sandbox = v.optional(v.picklist(SANDBOXES))
const approvalPolicy = v.optional(v.picklist(APPROVAL_POLICIES))
const networkAccess = v.optional(v.picklist(NETWORK_ACCESS))
const effort = v.optional(v.pipe(v.string(), v.trim(), v.minLength(1)))
const turnPolicy = v.optional(v.strictObject({ sandbox, networkAccess, approvalPolicy, effort }), {})

const schema = v.strictObject({
  model: v.optional(v.pipe(v.string(), v.trim(), v.minLength(1))),
  turnPolicy,
  orientationTurnPolicy: turnPolicy,
  instructionTurnPolicy: turnPolicy,
  threadStartPolicy: v.optional(v.strictObject({ sandbox, approvalPolicy })),
})
export type AgentConfig = v.InferOutput<typeof schema>
type TurnPolicy = NonNullable<AgentConfig["turnPolicy"]>

export const FILE = "agent.config.json"

/** The file in the first of the folders that has one; the defaults where none has. Throws for one that can't be used. */
export function readAgentConfig(folders: readonly string[]): AgentConfig {
  for (const folder of folders) {
    const text = readText(`${folder}/${FILE}`)
    if (text === undefined) continue
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
    if (parsed.success) return parsed.output
    const issue = parsed.issues[0]
    throw new Error(`${folder}/${FILE} can't be used: ${v.getDotPath(issue) ?? "file"}: ${issue.message}`)
  }
  return v.parse(schema, {})
}

/** What one kind of turn may do. */
export interface Allowed {
  tuple: Pick<Controls, "approvalPolicy" | "networkAccess" | "filesystemSandbox">
  effort: string | undefined
}
export interface Policies {
  start: Allowed
  orientation: Allowed
  instruction: Allowed
}

type Defaults = Pick<
  Config,
  "orchestratorWorkerPolicy" | "defaultSandboxMode" | "defaultNetworkAccess" | "defaultApprovalPolicy"
>

/** Nobody is asked: what the sandbox doesn't let through fails. */
const STRICT: Allowed["tuple"] = {
  approvalPolicy: "never",
  networkAccess: "restricted",
  filesystemSandbox: "read-only",
}

export function policiesOf(file: AgentConfig, config: Defaults): Policies {
  const isOpen = config.orchestratorWorkerPolicy === "config"
  const base: Allowed["tuple"] = isOpen
    ? {
        approvalPolicy: config.defaultApprovalPolicy as PolicyWord,
        networkAccess: config.defaultNetworkAccess,
        filesystemSandbox: config.defaultSandboxMode,
      }
    : STRICT
  const layered = (...layers: (TurnPolicy | undefined)[]): Allowed => {
    const asked: TurnPolicy = Object.assign({}, ...layers)
    const tuple = {
      approvalPolicy: asked.approvalPolicy ?? base.approvalPolicy,
      networkAccess: asked.networkAccess ?? base.networkAccess,
      filesystemSandbox: asked.sandbox ?? base.filesystemSandbox,
    }
    return { tuple: isOpen ? tuple : noLooser(tuple), effort: asked.effort }
  }
  const instruction = layered(file.turnPolicy, file.instructionTurnPolicy)
  return {
    instruction,
    orientation: layered(file.turnPolicy, file.orientationTurnPolicy),
    start: file.threadStartPolicy
      ? layered(file.turnPolicy, file.instructionTurnPolicy, file.threadStartPolicy)
      : instruction,
  }
}

/** Each part as asked where that is stricter. */
function noLooser(asked: Allowed["tuple"]): Allowed["tuple"] {
  const full = { model: null, settings: {}, ...STRICT }
  const strict = (part: Partial<Allowed["tuple"]>) => isStricter({ ...full, ...part }, full)
  const { approvalPolicy } = asked
  return { ...STRICT, ...(strict({ approvalPolicy }) && { approvalPolicy }) }
}
