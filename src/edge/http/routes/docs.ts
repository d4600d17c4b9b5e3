// The reference page: Swagger UI over our own document, its script and style out of the daemon itself, so that it works
// without a network. Nothing of it runs inline and nothing comes from elsewhere: the page's policy says so. A browser that
// logged in sends its cookie for all of them.

import { type Context, Hono } from "hono"
import { newId } from "../../../base/kit/ids.ts"
import { isKnown } from "../answers/conditional.ts"
import type { HttpEnv } from "../env.ts"
import type { RouteNeeds } from "./needs.ts"

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>codexd API</title>
<link rel="stylesheet" href="/api/docs/style.css">
</head>
<body>
<div id="reference"></div>
<script src="/api/docs/swagger-ui.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`
const START = `SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
})
`

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
}

export const docsRoutes = ({ pageParts }: Pick<RouteNeeds, "pageParts">) => {
  // Another process may bring other bytes; in this one they stay.
  const here = newId().slice(-12)
  const part =
    (name: string, type: string, body: () => string | Uint8Array<ArrayBuffer>) =>
    (c: Context): Response => {
      const etag = `"${here}-${name}"`
      const headers = { ...HEADERS, etag, "content-type": `${type}; charset=utf-8` }
      if (isKnown(c.req.header("if-none-match"), etag)) return new Response(null, { status: 304, headers })
      return new Response(body(), { headers })
    }
  return new Hono<HttpEnv>()
    .get(
      "/docs",
      part("page", "text/html", () => PAGE),
    )
    .get(
      "/docs/start.js",
      part("start", "text/javascript", () => START),
    )
    .get(
      "/docs/swagger-ui.js",
      part("script", "text/javascript", () => pageParts.read("script")),
    )
    .get(
      "/docs/style.css",
      part("style", "text/css", () => pageParts.read("style")),
    )
}
