// Codex's configuration, a command in its sandbox, and feedback to its makers (wire-contract §1.2).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import { covers } from "../../../domain/tokens/scopes.ts"
import { withoutSecrets } from "../../../flow/pass/secrets.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { forClient, wrapped } from "./pass.ts"
import { flag, jsonValue, text } from "./schemas.ts"

const reading = lazily(() => z.object({ cwd: text(4_096).optional(), includeLayers: flag().default(false) }))
const edits = lazily(() =>
  z.object({
    /** Dotted as Codex takes it, or part by part. */
    keyPath: z.union([text(10_000), z.array(text(1_000)).min(1)]),
    mergeStrategy: z.enum(["replace", "upsert"]),
    /** Without one Codex decides. */
    value: jsonValue().optional(),
  }),
)
/** Codex's own versions are text; existing clients declare a number. */
const version = lazily(() => z.union([text(1_000), z.int().min(0).transform(String)]))
const where = lazily(() => ({ expectedVersion: version().optional(), filePath: text(4_096).optional() }))
const one = lazily(() => edits().extend(where()))
const batch = lazily(() => z.object({ edits: z.array(edits()).min(1), ...where() }))
/** Taken as it is, but for a blank one: an argument may well begin with a space. */
const word = lazily(() => z.string().refine((text) => text.trim() !== "", "must not be blank"))
const command = lazily(() =>
  z.object({
    command: z.array(word()).min(1),
    cwd: text(4_096).optional(),
    timeoutMs: z.int().min(1).optional(),
  }),
)
const feedback = lazily(() =>
  z.object({
    classification: text(1_000),
    includeLogs: z.boolean(),
    reason: text().optional(),
    threadId: text(240).optional(),
  }),
)

export const configRoutes = ({ passing }: RouteNeeds) => {
  const editOf = ({ keyPath, mergeStrategy, value }: z.infer<ReturnType<typeof edits>>, method: string) => ({
    keyPath: typeof keyPath === "string" ? keyPath : passing.keyOf(keyPath, method),
    mergeStrategy,
    value,
  })
  return new Hono<HttpEnv>()
    .get("/config", query(reading), async (c) => {
      const { cwd = null, includeLayers } = c.req.valid("query")
      const call = { method: "config/read", params: { cwd, includeLayers } }
      const found = await passing.read(forClient(c, call))
      // Who may not change it has no use for the keys in it.
      return json(covers(c.get("who")?.scopes ?? [], "admin") ? found : withoutSecrets(found))
    })
    .get("/config/requirements", async (c) =>
      json(await passing.read(forClient(c, { method: "configRequirements/read" }))),
    )
    .post("/config/value", body(one), (c) => {
      const { expectedVersion = null, filePath = null, ...edit } = c.req.valid("json")
      const method = "config/value/write"
      const params = { ...editOf(edit, method), expectedVersion, filePath }
      return wrapped(passing.write(forClient(c, { method, params, about: { keyPath: params.keyPath } })))
    })
    .post("/config/batch", body(batch), (c) => {
      const { edits, expectedVersion = null, filePath = null } = c.req.valid("json")
      const method = "config/batchWrite"
      const params = { edits: edits.map((edit) => editOf(edit, method)), expectedVersion, filePath }
      return wrapped(passing.write(forClient(c, { method, params })))
    })
    .post("/commands/exec", body(command), (c) => {
      const { command, cwd = null, timeoutMs = null } = c.req.valid("json")
      const { signal } = forClient(c, { method: "command/exec" })
      const about = { command: command.join(" ") }
      return wrapped(passing.run({ command, cwd, timeoutMs }, { signal, about }))
    })
    .post("/feedback", body(feedback), (c) => {
      const { classification, includeLogs, reason = null, threadId = null } = c.req.valid("json")
      const params = { classification, includeLogs, reason, threadId }
      return wrapped(passing.slowly(forClient(c, { method: "feedback/upload", params })))
    })
}
