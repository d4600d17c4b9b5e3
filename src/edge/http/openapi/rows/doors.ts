// Who may come in: tokens and browser logins.

import { z } from "zod"
import { TOKEN_SCOPES } from "../../../../domain/tokens/scopes.ts"
import type { Operations } from "../operation.ts"
import { iso, ok } from "../shapes.ts"

const scopes = z.array(z.enum(TOKEN_SCOPES))
const token = z
  .object({
    tokenId: z.string(),
    name: z.string(),
    kind: z.enum(["owner", "token", "browser"]),
    scopes,
    createdAt: iso,
    expiresAt: iso.nullable(),
    lastUsedAt: iso.nullable(),
  })
  .meta({
    id: "ApiToken",
    description: "`admin` holds every scope, and every scope holds `read`. `owner` is the token of the file.",
  })

export const doorRows = {
  "GET /api/tokens": {
    id: "listTokens",
    tag: "doors",
    summary: "Every token and browser login, with its last use",
    ok: { 200: z.object({ data: z.array(token) }) },
  },
  "POST /api/tokens": {
    id: "createToken",
    tag: "doors",
    summary: "A new token; its secret is in this answer only",
    ok: { 200: z.object({ status: ok, token, secret: z.string() }) },
    faults: ["duplicate_name"],
    example: { body: { name: "phone", scopes: ["approve"] } },
  },
  "DELETE /api/tokens/:tokenId": {
    id: "revokeToken",
    tag: "doors",
    summary: "End a token, by id or name, and every stream that it holds open",
    ok: { 200: z.object({ status: ok, token }) },
    faults: ["token_not_found", "token_is_owners"],
  },
  "GET /api/whoami": {
    id: "whoAmI",
    tag: "doors",
    summary: "Whose token this is and what it is good for",
    ok: {
      200: z.object({
        name: z.string(),
        scopes,
        tokenId: z.string().nullable(),
        via: z.enum(["nothing", "socket", "token", "cookie"]),
      }),
    },
  },
  "GET /login": {
    id: "getLoginPage",
    tag: "doors",
    summary: "The page behind a login link: takes the code from the fragment and posts it",
    ok: { 200: { description: "A page", type: "text/html" } },
  },
  "POST /api/login/codes": {
    id: "createLoginCode",
    tag: "doors",
    summary: "A code for one browser login within a minute; `codexd login` makes a link of it",
    ok: { 200: z.object({ status: ok, code: z.string(), url: z.string(), expiresAt: iso }) },
    example: { body: { scopes: ["read", "approve"] } },
  },
  "POST /api/login": {
    id: "logIn",
    tag: "doors",
    summary: "Turn a code into a cookie",
    ok: { 200: z.object({ status: ok, expiresAt: iso }) },
    faults: ["unauthorized", "too_many_attempts"],
    example: { body: { code: "4f1c" } },
  },
  "POST /api/logout": {
    id: "logOut",
    tag: "doors",
    summary: "End this browser's login",
    ok: { 200: z.object({ status: ok }) },
  },
} as const satisfies Operations
