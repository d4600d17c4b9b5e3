// The reference page: Swagger UI over our own document, its script and style out of the daemon itself, so that it works
// without a network. Nothing of it runs inline and nothing comes from elsewhere: the page's policy says so.

import { Hono } from "hono"
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

const answer = (body: string | Uint8Array<ArrayBuffer>, type: string): Response =>
  new Response(body, {
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    },
  })

export const docsRoutes = ({ pageParts }: Pick<RouteNeeds, "pageParts">) =>
  new Hono<HttpEnv>()
    .get("/docs", () => answer(PAGE, "text/html"))
    .get("/docs/start.js", () => answer(START, "text/javascript"))
    .get("/docs/swagger-ui.js", () => answer(pageParts.read("script"), "text/javascript"))
    .get("/docs/style.css", () => answer(pageParts.read("style"), "text/css"))
