// The account that Codex works with, and the MCP servers that it knows (wire-contract §1.2).

import { Hono } from "hono"
import { z } from "zod"
import { lazily } from "../../../base/kit/lazily.ts"
import type { HttpEnv } from "../env.ts"
import { idParam } from "../guards.ts"
import { json } from "../reply.ts"
import { body, query } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { forClient, wrapped } from "./pass.ts"
import { limit, text } from "./schemas.ts"

const secret = lazily(() => text(100_000))
const login = lazily(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("apiKey"), apiKey: secret() }),
    z.object({ type: z.literal("chatgpt") }),
    z.object({
      type: z.literal("chatgptAuthTokens"),
      accessToken: secret(),
      chatgptAccountId: text(1_000),
      chatgptPlanType: text(1_000).optional(),
    }),
  ]),
)
const cancel = lazily(() => z.object({ loginId: text(1_000) }))
const pages = lazily(() => z.object({ cursor: text(10_000).optional(), limit: limit().default(100) }))
const seconds = lazily(() => z.int().min(1))
const oauth = lazily(() =>
  z.object({
    scopes: z.array(text(1_000)).optional(),
    timeoutSecs: z
      .union([
        seconds(),
        z
          .string()
          .trim()
          .regex(/^\d{1,15}$/)
          .transform(Number)
          .pipe(seconds()),
      ])
      .optional(),
  }),
)

/** The login as Codex takes it, and what of it must never be shown. */
function loginOf(asked: z.infer<ReturnType<typeof login>>): { params: object; secrets: string[] } {
  switch (asked.type) {
    case "apiKey":
      return { params: asked, secrets: [asked.apiKey] }
    case "chatgpt":
      return { params: asked, secrets: [] }
    case "chatgptAuthTokens":
      return { params: { chatgptPlanType: null, ...asked }, secrets: [asked.accessToken] }
  }
}

export const accountRoutes = ({ passing }: RouteNeeds) =>
  new Hono<HttpEnv>()
    .get("/account", async (c) =>
      json(await passing.read(forClient(c, { method: "account/read", params: {} }))),
    )
    .get("/account/rate-limits", async (c) =>
      json(await passing.read(forClient(c, { method: "account/rateLimits/read" }))),
    )
    .post("/account/login/start", body(login), (c) => {
      const { params, secrets } = loginOf(c.req.valid("json"))
      const about = { type: c.req.valid("json").type }
      return wrapped(passing.logIn(forClient(c, { method: "account/login/start", params, about }), secrets))
    })
    .post("/account/login/cancel", body(cancel), (c) => {
      const { loginId } = c.req.valid("json")
      const call = { method: "account/login/cancel", params: { loginId }, about: { loginId } }
      return wrapped(passing.slowly(forClient(c, call)))
    })
    .post("/account/logout", (c) => wrapped(passing.slowly(forClient(c, { method: "account/logout" }))))
    .get("/mcp/servers", query(pages), async (c) => {
      const { limit, cursor } = c.req.valid("query")
      const call = { method: "mcpServerStatus/list", params: { limit, cursor } }
      return json(await passing.read(forClient(c, call)))
    })
    .post("/mcp/reload", (c) => wrapped(passing.write(forClient(c, { method: "config/mcpServer/reload" }))))
    .post("/mcp/servers/:serverName/oauth/login", idParam("serverName"), body(oauth), (c) => {
      const name = c.req.param("serverName")
      const { scopes = null, timeoutSecs = null } = c.req.valid("json")
      const params = { name, scopes, timeoutSecs }
      return wrapped(
        passing.slowly(forClient(c, { method: "mcpServer/oauth/login", params, about: { name } })),
      )
    })
