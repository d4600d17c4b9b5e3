// The control tuple: what a session's turns may do. Enum values are the wire's and stay, also where a binary retired one.

export const APPROVAL_POLICIES = ["untrusted", "on-failure", "on-request", "never"] as const
export const NETWORK_ACCESS = ["restricted", "enabled"] as const
export const SANDBOXES = ["read-only", "workspace-write", "danger-full-access"] as const

/** Kinds of prompts that a structured policy names. */
export const PROMPT_KINDS = ["sandbox_approval", "rules", "mcp_elicitations"] as const
/** Kinds that it may leave out. */
export const MORE_PROMPT_KINDS = ["request_permissions", "skill_approval"] as const

type Kinds = Record<(typeof PROMPT_KINDS)[number], boolean> &
  Partial<Record<(typeof MORE_PROMPT_KINDS)[number], boolean | undefined>>
/** `reject` names the kinds of prompts that are refused unseen (0.105), `granular` those that are shown (since 0.130). */
export type StructuredPolicy = { reject: Kinds } | { granular: Kinds }
export type PolicyWord = (typeof APPROVAL_POLICIES)[number]
export type ApprovalPolicy = PolicyWord | StructuredPolicy
export type NetworkAccess = (typeof NETWORK_ACCESS)[number]
export type FilesystemSandbox = (typeof SANDBOXES)[number]

/** wire-contract §1.9. */
export interface Controls {
  model: string | null
  approvalPolicy: ApprovalPolicy
  networkAccess: NetworkAccess
  filesystemSandbox: FilesystemSandbox
  settings: Record<string, unknown>
}

/** What a request may override; absent keys keep what holds. */
export interface Overrides {
  model?: string | undefined
  approvalPolicy?: ApprovalPolicy | undefined
  networkAccess?: NetworkAccess | undefined
  filesystemSandbox?: FilesystemSandbox | undefined
}

/** Per-turn ?? session ?? default: the overrides laid over a tuple. */
export const withOverrides = (base: Controls, over: Overrides): Controls => ({
  model: over.model ?? base.model,
  approvalPolicy: over.approvalPolicy ?? base.approvalPolicy,
  networkAccess: over.networkAccess ?? base.networkAccess,
  filesystemSandbox: over.filesystemSandbox ?? base.filesystemSandbox,
  settings: base.settings,
})

/** The tuple's sandbox as `turn/start` wants it (wire-contract §1.6). */
export function sandboxPolicyOf({ filesystemSandbox, networkAccess }: Controls): Record<string, unknown> {
  const network = networkAccess === "enabled"
  switch (filesystemSandbox) {
    case "read-only":
      return network ? { type: "readOnly", networkAccess: true } : { type: "readOnly" }
    case "workspace-write":
      return { type: "workspaceWrite", networkAccess: network }
    case "danger-full-access":
      return network ? { type: "dangerFullAccess", networkAccess: true } : { type: "dangerFullAccess" }
  }
}
