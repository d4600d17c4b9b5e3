// Named tokens: made, listed, revoked. A token's secret is in one answer only, that of its making.

import { Hono } from "hono"
import { z } from "zod"
import { iso } from "../../../base/kit/clock.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import { TOKEN_SCOPES } from "../../../domain/tokens/scopes.ts"
import type { Token } from "../../../domain/tokens/store.ts"
import type { Tokens } from "../../../domain/tokens/tokens.ts"
import type { HttpEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import { text } from "./schemas.ts"

const wish = lazily(() =>
  z.object({
    name: text(100),
    scopes: z.array(z.enum(TOKEN_SCOPES)).min(1).max(20),
    expiresAt: z.iso
      .datetime({ offset: true })
      .nullable()
      .optional()
      .meta({ description: "From then on it opens nothing; absent or null is for ever." }),
  }),
)

export const tokenRoutes = ({ tokens }: { tokens: Tokens }) =>
  new Hono<HttpEnv>()
    .get("/tokens", () => json({ data: tokens.list().map(shown) }))
    .post("/tokens", body(wish), async (c) => {
      const { name, scopes, expiresAt } = c.req.valid("json")
      const until = expiresAt == null ? null : Date.parse(expiresAt)
      const { token, secret } = await tokens.make({ name, scopes, expiresAt: until })
      return json({ status: "ok", token: shown(token), secret })
    })
    .delete("/tokens/:tokenId", idParam("tokenId"), async (c) => {
      const token = await tokens.revoke(c.req.param("tokenId"))
      return json({ status: "ok", token: shown(token) })
    })
    .get("/whoami", (c) => {
      const { name, scopes, tokenId, via } = c.get("who") ?? {
        name: "anybody",
        scopes: [],
        tokenId: null,
        via: "nothing",
      }
      return json({ name, scopes, tokenId, via })
    })

const at = (ms: number | null): string | null => (ms === null ? null : iso(ms))

const shown = ({ id, name, kind, scopes, createdAt, expiresAt, usedAt }: Token) => ({
  tokenId: id,
  name,
  kind,
  scopes,
  createdAt: iso(createdAt),
  expiresAt: at(expiresAt),
  lastUsedAt: at(usedAt),
})
