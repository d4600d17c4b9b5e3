// What `codexd extensions new` writes.

/** File → text. */
export const templateOf = (name: string): Record<string, string> => ({
  "extension.manifest.json": `${JSON.stringify(manifestOf(name), null, 2)}\n`,
  "events.ts": EVENTS,
  "events.test.mjs": TEST,
})

const manifestOf = (name: string) => ({
  name,
  version: "0.1.0",
  agentId: name,
  displayName: name,
  runtime: { coreApiVersion: 1 },
  entrypoints: { events: "events.ts" },
  capabilities: { events: ["app_server.turn.completed"], actions: [] },
})

const EVENTS = `// Hears the end of every turn and says so in the daemon's log.

import type { RegisterAgentEvents } from "codexd/extension"

export const registerAgentEvents: RegisterAgentEvents = (registry) => {
  registry.on(
    "app_server.turn.completed",
    (event, tools) => {
      const { session, context } = event.payload
      tools.logger.info({ sessionId: session?.id, turnId: context.turnId }, "a turn ended")
    },
    { timeoutMs: 1_000 },
  )
}
`

const TEST = `// Starts codexd with this extension and the scripted model, has one turn, and waits until the extension says so.
// Run it with \`node --test\` or \`bun test\`; CODEXD names the program where it is not on PATH.

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const [program, ...before] = (process.env.CODEXD ?? "codexd").split(" ")

test("it hears the end of a turn", async () => {
  const folder = mkdtempSync(join(homedir(), "codexd-extension-test-"))
  const env = { ...process.env, AGENT_EXTENSION_CONFIGURED_ROOTS: here, API_AUTH: "none" }
  const args = [...before, "serve", "--offline", "--port", "0", "--data-dir", join(folder, "data")]
  const daemon = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] })
  const ended = new Promise((resolve) => daemon.once("close", resolve))
  const until = hearing(daemon.stderr)
  try {
    const [, url] = await until(/"codexd is listening","url":"([^"]+)"/)
    await until(/"extensions are loaded"/)
    const { session } = await post(url, "/api/sessions", { cwd: folder })
    await post(url, \`/api/sessions/\${session.sessionId}/messages\`, { text: "echo: hello" })
    const [line] = await until(/^.*"a turn ended".*$/m)
    assert.equal(JSON.parse(line).fields.sessionId, session.sessionId)
  } finally {
    daemon.kill("SIGTERM")
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
})

async function post(url, path, body) {
  const headers = { "content-type": "application/json" }
  for (;;) {
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })
    // Codex is still starting.
    if (response.status === 503) continue
    assert.ok(response.ok, await response.clone().text())
    return await response.json()
  }
}

/** Resolves with the match once it was said. */
function hearing(stream) {
  let text = ""
  let wake = () => {}
  stream.setEncoding("utf8").on("data", (chunk) => {
    text += chunk
    wake()
  })
  return (pattern) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(text)
        if (match) resolve(match)
      }
      wake = look
      stream.once("end", () => reject(new Error(\`\${pattern} was never said, but: \${text}\`)))
      look()
    })
}
`
