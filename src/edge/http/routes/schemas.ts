// Schemas that several routes share (wire-contract §1). Objects are open: unknown keys are ignored.

import { z } from "zod"
import { APPROVAL_POLICIES, NETWORK_ACCESS, SANDBOXES } from "../../../domain/controls/tuple.ts"

export const text = (max = 1_000_000) => z.string().trim().min(1).max(max)
/** Exactly `true` or `false` (wire-contract §0.1). */
export const flag = z.enum(["true", "false"]).transform((word) => word === "true")
export const limit = z
  .string()
  .regex(/^\d{1,3}$/, "must be a whole number")
  .transform(Number)
  .pipe(z.number().min(1).max(200))

export const overrides = {
  model: text(200).optional(),
  approvalPolicy: z.enum(APPROVAL_POLICIES).optional(),
  networkAccess: z.enum(NETWORK_ACCESS).optional(),
  filesystemSandbox: z.enum(SANDBOXES).optional(),
}

export const dynamicTools = z
  .array(
    z.looseObject({
      name: text(200),
      description: z.string(),
      inputSchema: z.record(z.string(), z.unknown()),
    }),
  )
  .max(128)
  .optional()
