// Schemas that several routes share (wire-contract §1). Objects are open: unknown keys are ignored. `wire` is what the
// document says where a schema's own words would be about the text of a query.

import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import { APPROVAL_POLICIES, NETWORK_ACCESS, SANDBOXES } from "../../../domain/controls/tuple.ts"

export const text = (max = 1_000_000) => z.string().trim().min(1).max(max)
/** Exactly `true` or `false` (wire-contract §0.1). */
export const flag = lazily(() =>
  z
    .enum(["true", "false"])
    .transform((word) => word === "true")
    .meta({ wire: { type: "boolean" } }),
)
export const limit = lazily(() =>
  z
    .string()
    .regex(/^\d{1,3}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(1).max(200))
    .meta({ wire: { type: "integer", minimum: 1, maximum: 200 } }),
)

const promptKinds = lazily(() =>
  z
    .object({
      sandbox_approval: z.boolean(),
      rules: z.boolean(),
      mcp_elicitations: z.boolean(),
      request_permissions: z.boolean().optional(),
      skill_approval: z.boolean().optional(),
    })
    .meta({ id: "PromptKinds" }),
)
/** A word of the contract or, beyond it, a structured policy as the app-server takes it. */
export const approvalPolicy = lazily(() =>
  z
    .union(
      [
        z.enum(APPROVAL_POLICIES),
        z.strictObject({ reject: promptKinds() }),
        z.strictObject({ granular: promptKinds() }),
      ],
      `expected one of ${APPROVAL_POLICIES.join(", ")}, or a structured policy`,
    )
    .meta({ id: "ApprovalPolicy" }),
)
export const networkAccess = lazily(() => z.enum(NETWORK_ACCESS).meta({ id: "NetworkAccess" }))
export const filesystemSandbox = lazily(() => z.enum(SANDBOXES).meta({ id: "FilesystemSandbox" }))

export const effort = lazily(() => z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]))

export const overrides = lazily(() => ({
  model: text(200).optional(),
  approvalPolicy: approvalPolicy().optional(),
  networkAccess: networkAccess().optional(),
  filesystemSandbox: filesystemSandbox().optional(),
}))

/** Any JSON; the door lets none in that is nested beyond reason. */
export const jsonValue = lazily(() => z.unknown())
/** An object as it came: a record schema would drop a key named `__proto__`. */
export const jsonObject = lazily(() =>
  z
    .custom<Record<string, unknown>>(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      "expected an object",
    )
    .meta({ wire: { type: "object" } }),
)

export const dynamicTools = lazily(() =>
  z
    .array(
      z.looseObject({
        name: text(200),
        description: z.string(),
        inputSchema: z.record(z.string(), z.unknown()),
      }),
    )
    .max(128)
    .optional(),
)

/** Words with commas between them: any of them. */
export const words = lazily(() =>
  z
    .string()
    .max(1_000)
    .transform((list) => list.split(",").map((word) => word.trim()))
    .pipe(z.array(z.string().min(1)).min(1).max(20))
    .meta({ wire: { type: "string", maxLength: 1000, description: "Comma list." } }),
)

/** Epoch milliseconds, or a date or time of ISO 8601 (a date alone is its beginning in UTC); as epoch milliseconds. */
export const moment = lazily(() =>
  z
    .string()
    .regex(/^(\d{1,15}|\d{4}-\d\d-\d\d(T.{1,30})?)$/, "must be epoch milliseconds or a time of ISO 8601")
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)))
    .pipe(z.number("must be a time"))
    .meta({ wire: { type: "string", description: "Epoch milliseconds, or a date or time of ISO 8601." } }),
)
