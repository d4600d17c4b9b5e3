// The page behind a login link. The code is in the fragment, which no browser sends; the page takes it out of the address,
// posts it, and is left with a cookie that no script can read.

import { sha256Base64 } from "../../../base/platform/hash.ts"

const SCRIPT = `
const part = (id) => document.getElementById(id)
const say = (text) => { part("said").textContent = text }
const code = location.hash.slice(1)
history.replaceState(null, "", location.pathname)
if (!code) say("This page needs a link: run \`codexd login\` in a terminal.")
else fetch("/api/login", {
  method: "POST",
  credentials: "same-origin",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ code }),
}).then(
  (answer) => {
    say(answer.ok
      ? "This browser may use codexd now. You can close this page, or read "
      : "This link was used before or is older than a minute: run \`codexd login\` again.")
    part("reference").hidden = !answer.ok
  },
  () => say("codexd does not answer."),
)
`

const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>codexd</title><h1>codexd</h1><p><span id="said" role="status">One moment…</span><a id="reference" href="/api/docs" hidden>what it can do</a></p>
<script>${SCRIPT}</script></html>
`

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": `default-src 'none'; script-src 'sha256-${sha256Base64(SCRIPT)}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
}

export const loginPage = (): Response => new Response(PAGE, { headers: HEADERS })
