// Codex's own lists, account and configuration (wire-contract §1.1, §1.2).

import { type ZodType, z } from "zod"
import { CHILD_FAULTS, type Operation, type Operations } from "../operation.ts"
import { iso, ok, raw } from "../shapes.ts"

const page = z.looseObject({ data: z.array(z.unknown()), nextCursor: z.string().nullable().optional() })
const list = z.object({ data: z.array(z.unknown()), nextCursor: z.string().nullable() })
const wrapped = z.object({ status: ok, result: z.unknown().meta({ description: "As Codex answers it." }) })
const status = z.enum(["available", "disabled", "unknown"])

const rpcError = z.object({ code: z.int(), message: z.string(), data: z.unknown().optional() })

const passed = (id: string, summary: string, own: Partial<Operation> & { answer?: ZodType }): Operation => {
  const { answer = raw, ...more } = own
  return { id, tag: "codex", summary, ok: { 200: answer }, faults: CHILD_FAULTS, ...more }
}
const write = (id: string, summary: string, body?: unknown): Operation =>
  passed(id, summary, { answer: wrapped, ...(body !== undefined && { example: { body } }) })

export const codexRows: Operations = {
  "GET /api/capabilities": {
    id: "getCapabilities",
    tag: "service",
    summary: "What the Codex binary behind the daemon can do",
    ok: {
      200: z.object({
        status: ok,
        runtime: z.object({ initialized: z.boolean(), capabilitiesLastUpdatedAt: iso.nullable() }),
        methods: z.record(z.string(), status),
        details: z.record(z.string(), z.object({ status, reason: z.string().nullable() })),
        features: z.record(z.string(), z.boolean()),
      }),
    },
  },
  "GET /api/models": passed("listModels", "Models that can be chosen", { answer: page }),
  "GET /api/features/experimental": passed("listExperimentalFeatures", "Codex's feature flags", {
    answer: page,
  }),
  "GET /api/collaboration/modes": passed("listCollaborationModes", "Collaboration modes", { answer: list }),
  "GET /api/apps": passed("listApps", "Apps (connectors)", { answer: page }),
  "GET /api/skills": passed("listSkills", "Skills, by folder", { answer: list }),
  "POST /api/skills/config": write("writeSkillConfig", "Switch a skill on or off", {
    path: "/home/me/.codex/skills/x/SKILL.md",
    enabled: false,
  }),
  "GET /api/skills/remote": passed("readRemoteSkills", "Skills that could be fetched", { answer: wrapped }),
  "POST /api/skills/remote": write("writeRemoteSkills", "Fetch a skill", {
    hazelnutId: "h-1",
    isPreload: false,
  }),
  "GET /api/account": passed("readAccount", "The account that Codex works with", {}),
  "GET /api/account/rate-limits": passed("readAccountRateLimits", "How much of its limits is used", {}),
  "POST /api/account/login/start": write("startAccountLogin", "Log Codex in", { type: "chatgpt" }),
  "POST /api/account/login/cancel": write("cancelAccountLogin", "Give up a login under way", {
    loginId: "0193b2f0-0000-7000-8000-000000000004",
  }),
  "POST /api/account/logout": write("logoutAccount", "Log Codex out"),
  "GET /api/mcp/servers": passed("listMcpServers", "MCP servers and their state", { answer: page }),
  "POST /api/mcp/reload": write("reloadMcpConfig", "Read the MCP configuration anew"),
  "POST /api/mcp/servers/:serverName/oauth/login": write("startMcpOauthLogin", "Log in to an MCP server", {
    scopes: ["read"],
    timeoutSecs: 60,
  }),
  "GET /api/config": passed("readConfig", "Codex's configuration as it holds", {}),
  "GET /api/config/requirements": passed("readConfigRequirements", "What an administrator requires", {}),
  "POST /api/config/value": write("writeConfigValue", "Set one value of it", {
    keyPath: "model",
    mergeStrategy: "replace",
    value: "gpt-5.1-codex",
  }),
  "POST /api/config/batch": write("writeConfigBatch", "Set several", {
    edits: [{ keyPath: "model", mergeStrategy: "replace", value: "gpt-5.1-codex" }],
  }),
  "POST /api/commands/exec": write("executeCommand", "Run a command in Codex's sandbox", {
    command: ["git", "status"],
    timeoutMs: 10_000,
  }),
  "POST /api/rpc": {
    id: "callCodex",
    tag: "codex",
    summary: "Any method that the binary lists, with its raw result or its raw error (API_RPC=true)",
    ok: { 200: z.union([z.object({ result: z.unknown() }), z.object({ error: rpcError })]) },
    faults: [...CHILD_FAULTS, "rpc_disabled", "rpc_refused"],
    example: { body: { method: "model/list", params: { limit: 5 } }, answer: { result: { data: [] } } },
  },
  "POST /api/feedback": write("uploadFeedback", "Send feedback to OpenAI", {
    classification: "bug",
    includeLogs: false,
  }),
}
