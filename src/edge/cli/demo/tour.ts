// The demo's steps, in the order in which a client of the daemon takes them.

import { type Client, type Frame, fieldsOf } from "./client.ts"
import { createNarrator } from "./narrate.ts"

// Redirection makes Codex ask under the policy `untrusted`; a bare `echo` counts as harmless.
const COMMAND = "echo hello from codexd > hello.txt && cat hello.txt"

export interface TourNeeds {
  client: Client
  url: string
  write(text: string): void
  cwd: string
}

/** Throws as soon as something is not as it should be. */
export async function tour({ client, url, write, cwd }: TourNeeds): Promise<void> {
  const step = (title: string) => write(`\n${title}\n`)
  write("codexd demo: the real Codex, the scripted model, a temporary folder; nothing leaves this machine.\n")

  step(`1. The daemon is up at ${url}`)
  await runtimeReady(client)
  write(`   ${healthLine(await client.get("/api/health"))}\n`)

  step("2. A client opens a session: POST /api/sessions")
  const created = await client.post("/api/sessions", { cwd })
  const sessionId = String(fieldsOf(created.session).sessionId)
  write(`   session ${sessionId}\n`)

  step(`3. It listens: websocket /api/stream?threadId=${sessionId}`)
  const families = "families=notification,request"
  using live = client.listen(`?threadId=${sessionId}&${families}`, createNarrator(write))
  const ready = await live.until(({ type }) => type === "ready")

  step("4. It sends a message: POST /api/sessions/:id/messages")
  write(`   "run: ${COMMAND}"\n`)
  // The sandbox is Codex's own and is missing in some containers; the question before the command is what matters here.
  const policy = { approvalPolicy: "untrusted", filesystemSandbox: "danger-full-access" }
  const path = `/api/sessions/${sessionId}`
  const accepted = await client.post(`${path}/messages`, { text: `run: ${COMMAND}`, ...policy })
  await live.until(({ type }) => type === "approval")

  step(`5. It looks at what is asked and accepts: GET ${path}/approvals`)
  const approvalId = await accept(client, path, write)
  await live.until(
    ({ type, payload }) => type === "approval_resolved" && fieldsOf(payload).approvalId === approvalId,
  )
  const end = await live.until(isEndOf(String(accepted.turnId)))

  step(`6. The transcript: GET ${path}`)
  for (const entry of await transcript(client, path)) write(`   ${entry}\n`)

  step("7. The connection breaks; the client comes back with the last place it knows")
  const since = String(fieldsOf(JSON.parse(ready.text)).head)
  await replayed({
    client,
    query: `?threadId=${sessionId}&${families}&since=${since}`,
    live: live.frames,
    end,
    write,
  })

  write(farewell)
}

/** The daemon answers before Codex is up; `runtime_updated` tells when it is, or why it can't be. */
async function runtimeReady(client: Client): Promise<void> {
  using stream = client.listen("?families=system")
  await stream.until(({ type }) => type === "ready")
  // Asked after the stream is there, so that nothing falls between the two.
  const health = await client.get("/api/health")
  if (isReady(fieldsOf(health.runtime).state, health.reasons)) return
  await stream.until(({ type, payload }) => {
    const { name, reason } = fieldsOf(payload)
    return type === "runtime_updated" && isReady(name, reason)
  })
}

/** Throws when it will not be ready soon. */
function isReady(state: unknown, reason: unknown): boolean {
  if (state === "waiting" || state === "broken") throw new Error(`Codex does not start: ${reason}`)
  return state === "ready"
}

function healthLine(health: Record<string, unknown>): string {
  const { running, pid, initialized } = fieldsOf(health.codex)
  if (running !== true || initialized !== true) {
    throw new Error(`Codex is not running: ${JSON.stringify(health.codex)}`)
  }
  return `health ${health.status}: codex app-server ${fieldsOf(health.runtime).version} runs as process ${pid}`
}

async function accept(client: Client, path: string, write: (text: string) => void): Promise<string> {
  const { data } = await client.get(`${path}/approvals`)
  const [row] = Array.isArray(data) ? data.map(fieldsOf) : []
  if (!row) throw new Error("the approval is not in the list")
  write(`   ${row.approvalId}: ${row.summary}\n`)
  await client.post(`/api/approvals/${row.approvalId}/decision`, { decision: "accept" })
  return String(row.approvalId)
}

/** The turn's end; anything but `completed` is a failure. */
function isEndOf(turnId: string): (frame: Frame) => boolean {
  return ({ payload }) => {
    const { method, params } = fieldsOf(payload)
    const turn = fieldsOf(fieldsOf(params).turn)
    if (method !== "turn/completed" || turn.id !== turnId) return false
    if (turn.status !== "completed")
      throw new Error(`the turn ended as ${turn.status}: ${JSON.stringify(turn.error)}`)
    return true
  }
}

async function transcript(client: Client, path: string): Promise<string[]> {
  const { transcript: entries } = await client.get(path)
  const rows = Array.isArray(entries) ? entries.map(fieldsOf) : []
  if (!rows.some(({ content }) => String(content).includes("hello from codexd"))) {
    throw new Error(`the command's output is not in the transcript: ${JSON.stringify(entries)}`)
  }
  return rows.map(({ role, type, content }) => {
    const [first = "", ...more] = String(content ?? "")
      .trim()
      .split("\n")
    return `${String(role).padEnd(10)} ${String(type).padEnd(20)} ${first}${more.length > 0 ? " …" : ""}`
  })
}

interface Replay {
  client: Client
  query: string
  /** What came live. */
  live: Frame[]
  end: Frame
  write(text: string): void
}

/** Every frame that is kept, from `since` to the turn's end, must come again, byte for byte and in order. */
async function replayed({ client, query, live, end, write }: Replay): Promise<void> {
  using again = client.listen(query)
  const ready = await again.until(({ type }) => type === "ready")
  await again.until(({ text }) => text === end.text)
  // Raw items of the model are passed on and not kept: they say so themselves.
  const upToEnd = (frames: Frame[]) =>
    frames
      .filter(({ seq, stored }) => seq !== undefined && seq <= (end.seq ?? 0) && stored !== false)
      .map(({ text }) => text)
  const [first, second] = [upToEnd(live), upToEnd(again.frames)]
  const { resume } = fieldsOf(JSON.parse(ready.text))
  if (resume !== "ok" || first.join("\n") !== second.join("\n")) {
    throw new Error(
      `the replay (${resume}, ${second.length} frames) differs from what came live (${first.length})`,
    )
  }
  write(
    `   resume: ok; ${second.length} frames came again, byte for byte what came live, with no hole and no double\n`,
  )
}

const farewell = `
That was a turn from start to end. What to do next:
   codexd serve --offline   the same daemon to try things on, without an account
   codexd serve             with your own Codex login
   codexd doctor            says what is well on this machine and what is not
   codexd --help            everything else
`
