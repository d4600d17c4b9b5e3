// Extensions (wire-contract §1.12).

import { z } from "zod"
import type { Header, Operations } from "../operation.ts"
import { iso, ok } from "../shapes.ts"

const texts = z.array(z.string())
const count = z.int().min(0)
const health = z
  .object({
    handled: count,
    failed: count,
    timedOut: count,
    running: count,
    refusedLate: count,
    unhandled: count,
    p99Ms: z.number().nullable(),
    droppedLines: count,
    droppedEvents: count,
    restarts: count,
    quarantined: z.string().nullable(),
  })
  .meta({ id: "ExtensionHealth", description: "Counted since the daemon's start." })
const module = z
  .object({
    moduleName: z.string(),
    name: z.string(),
    version: z.string(),
    agentId: z.string(),
    displayName: z.string(),
    manifestPath: z.string().nullable(),
    entrypointPath: z.string(),
    events: texts,
    origin: z.object({
      type: z.enum(["repo_local", "installed_package", "configured_root"]),
      path: z.string(),
    }),
    compatibility: z.object({
      apiVersion: z.int().nullable(),
      apiVersionRange: z.string().nullable(),
      runtimeVersion: z.int(),
      profileId: z.string(),
      profileVersion: z.string(),
      compatible: z.boolean(),
      reasons: texts,
    }),
    capabilities: z.object({ events: texts, actions: texts }),
    trust: z.object({
      mode: z.enum(["disabled", "warn", "enforced"]),
      status: z.enum(["accepted", "accepted_with_warnings", "denied"]),
      warnings: texts,
      errors: texts,
    }),
    diagnostics: texts,
    health,
  })
  .meta({ id: "ExtensionModule" })
const loadError = z.object({ extension: z.string(), code: z.string(), message: z.string() })

/** Which of them counts is up to AGENT_EXTENSION_RBAC_MODE. */
const ROLE_HEADERS: Header[] = [
  { name: "x-codex-role", description: "The role, in `header` mode; `x-codex-rbac-role` is the same." },
  { name: "x-codex-actor", description: "Who it is, in `header` mode; `x-codex-rbac-actor` is the same." },
  { name: "x-codex-rbac-token", description: "The shared secret of `header` mode." },
]
const ROLE_FAULTS = ["rbac_unauthorized", "rbac_forbidden", "invalid_role", "rbac_misconfigured"] as const

export const extensionRows = {
  "GET /api/agents/extensions": {
    id: "listAgentExtensions",
    tag: "extensions",
    summary: "What is loaded, how it is trusted, and how it fares",
    headers: ROLE_HEADERS,
    ok: {
      200: z.object({
        status: ok,
        snapshotVersion: z.string(),
        loadedAt: iso,
        modules: z.array(module),
        errors: z.array(loadError),
      }),
    },
    faults: ROLE_FAULTS,
  },
  "POST /api/agents/extensions/reload": {
    id: "reloadAgentExtensions",
    tag: "extensions",
    summary: "Load all of them anew, all or none; a body is ignored",
    headers: ROLE_HEADERS,
    ok: {
      200: z.object({
        status: ok,
        reloadId: z.string(),
        loadedCount: count,
        failedCount: z.literal(0),
        snapshotVersion: z.string(),
        loadedAt: iso,
        modules: z.array(
          z.object({ name: z.string(), version: z.string(), agentId: z.string(), events: texts }),
        ),
      }),
    },
    faults: [...ROLE_FAULTS, "reload_failed", "reload_in_progress"],
  },
} as const satisfies Operations
