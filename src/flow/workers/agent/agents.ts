// Who an agent is: an extension's, by its agent id; a folder `agents/NAME` of the workspace; or `default`, which is ours
// (wire-contract §5.8). What it may do is what its extension declares; a bare folder brings a policy, and no rights.

import type { Config } from "../../../base/config/config.ts"
import { isFolder } from "../../../base/platform/folders.ts"
import type { TrustMode } from "../../../engine/host/found/judge.ts"
import { type AgentConfig, type Policies, policiesOf, readAgentConfig } from "./agent-config.ts"

export interface Agent {
  name: string
  /** Names of actions, `*` for all. */
  actions: string[]
  /** It has a program that stands for what it wants. */
  hasModule: boolean
  model: string | undefined
  policies: Policies
}

/** An agent as the host of extensions has it. */
export interface Loaded {
  agentId: string
  folder: string
  /** What its manifest declares; undefined where it declares nothing. */
  actions: string[] | undefined
}

export interface AgentsNeeds {
  config: Config
  trustMode: TrustMode
  loaded(): Loaded[]
}

export const DEFAULT_AGENT = "default"
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i

export function createAgents({ config, trustMode, loaded }: AgentsNeeds) {
  /** Throws for one that isn't there, and for one whose policy can't be read. */
  return function agentNamed(name: string): Agent {
    if (!NAME.test(name)) throw new Error(`unknown agent: ${JSON.stringify(name)} is no name of one`)
    const module = loaded().find(({ agentId }) => agentId === name)
    const folder = `${config.workspaceRoot}/agents/${name}`
    const isOurs = name === DEFAULT_AGENT
    if (!module && !isOurs && !isFolder(folder)) throw new Error(`unknown agent: ${name}`)
    const file: AgentConfig = readAgentConfig([folder, ...(module ? [module.folder] : [])])
    const undeclared = trustMode === "enforced" ? [] : ["*"]
    return {
      name,
      actions: module ? (module.actions ?? undeclared) : isOurs ? ["*"] : [],
      hasModule: module !== undefined || isOurs,
      model: file.model,
      policies: policiesOf(file, config),
    }
  }
}
export type AgentNamed = ReturnType<typeof createAgents>
