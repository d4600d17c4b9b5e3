// `Idempotency-Key`: where a request carries one, its work is done once and every repetition gets the same answer.

import type { Context } from "hono"
import { Fault } from "../../base/fault.ts"
import type { Asked, Claim, Keys } from "../../domain/keys/keys.ts"

const LONGEST_KEY = 255

/** Without the header `run` is given no claim. */
export function once<T>(
  c: Context,
  keys: Keys,
  { run, ...asked }: Omit<Asked<T>, "key" | "run"> & { run(claim: Claim<T> | undefined): Promise<T> },
): Promise<T> {
  const key = c.req.header("idempotency-key")?.trim()
  if (key === undefined) return run(undefined)
  if (key === "" || key.length > LONGEST_KEY) {
    throw new Fault("invalid_request", "Idempotency-Key: must not be empty or too long", {
      issues: [{ code: "custom", path: ["idempotency-key"], message: "must not be empty or too long" }],
    })
  }
  return keys.once({ ...asked, key, run })
}
