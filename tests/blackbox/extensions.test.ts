// Extensions, black box: a daemon in each form with the real Codex and the scripted model. An extension of the test says in the
// daemon's log what it hears.

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Frame } from "../support/client.ts"
import { COMMANDS, codexBin, type Daemon, isAlive, openPlace, type Place, within } from "../support/daemon.ts"
import { commandOf } from "../support/program.ts"
import { openWebhook } from "../support/webhook.ts"
import {
  approvalOf,
  decide,
  ended,
  get,
  hear,
  newSession,
  post,
  read,
  send,
  untilReady,
  type World,
} from "./world.ts"

const NET_MS = 120_000
const VERSION = "0.169.0"
const SECRET = "the key of the webhooks"
const WITNESS = `
export function registerAgentEvents(registry) {
  registry.on("app_server.turn.started", ({ payload }, { logger }) => logger.info(payload.context, "heard a start"))
  registry.on("file_change.approval_requested", async ({ payload }, tools) => {
    tools.logger.info({ context: payload.context, details: payload.details }, "heard an approval")
    tools.logger.info(await tools.getSessionSettings(payload.context.sourceSessionId), "heard the settings")
    if (payload.context.userRequest.includes("never answer")) await new Promise(() => {})
  }, { timeoutMs: 60000 })
  registry.on("turn.completed", ({ payload }, { logger }) => {
    logger.info({ count: payload.fileChangeRequestCount }, "heard an end")
    const { sourceSessionId: sessionId, turnId } = payload.context
    const entry = { messageId: "witness::" + turnId, turnId, role: "system", type: "witness.note", content: "seen", status: "complete" }
    return { kind: "action_request", actionType: "transcript.upsert", payload: { sessionId, entry }, idempotencyKey: turnId }
  })
}`

interface Heard {
  message: string
  fields: { context: Record<string, string>; details: string; turnId?: string; count?: number }
}
const heard = (daemon: Daemon, message: string): Heard["fields"][] =>
  daemon
    .said()
    .split("\n")
    .flatMap((line) => (line.includes(`"${message}"`) ? [(JSON.parse(line) as Heard).fields] : []))

/** The log is looked at again until it says so. */
async function said(daemon: Daemon, message: string, count = 1): Promise<Heard["fields"][]> {
  const look = async () => {
    while (heard(daemon, message).length < count) await new Promise((resolve) => setImmediate(resolve))
    return heard(daemon, message)
  }
  return await within(look(), () => `${message} was not said: ${daemon.said()}`)
}

const hostsOf = (place: Place): string[] =>
  place.survivors().filter((line) => line.includes("extension-host"))

describe.each(["bun", "node", "compiled"] as const)("extensions on %s", (form) => {
  let place: Place
  let world: World
  let sessionId: string
  let start: () => Promise<Daemon>
  let webhook: ReturnType<typeof openWebhook>

  beforeAll(async () => {
    const command = form === "compiled" ? await commandOf("compiled") : COMMANDS[form]
    place = openPlace(`extensions-${form}`)
    const folder = join(place.path, "witness")
    mkdirSync(folder)
    writeFileSync(join(folder, "events.js"), WITNESS)
    const env = {
      AGENT_EXTENSION_CONFIGURED_ROOTS: folder,
      OPENAI_API_KEY: "none of their business",
      WEBHOOK_SIGNING_SECRET: SECRET,
    }
    webhook = openWebhook()
    start = () => place.start({ command, codexBin: codexBin(VERSION), env })
    world = {
      place,
      codexVersion: VERSION,
      daemon: await start(),
      restart: async () => ({ code: 0, signal: null }),
    }
    await untilReady(world)
    const { body } = await post(world, "/api/projects", { name: "Watched" })
    const { projectId } = body.project as { projectId: string }
    sessionId = await newSession(world, { filesystemSandbox: "read-only" })
    await post(world, `/api/sessions/${sessionId}/project`, { projectId })
    await post(world, `/api/sessions/${sessionId}/settings`, {
      scope: "session",
      settings: { colour: "green", notifier: { url: webhook.url, approvals: false } },
    })
    await said(world.daemon, "extensions are loaded")
  }, NET_MS)
  afterAll(async () => {
    webhook.close()
    await place[Symbol.asyncDispose]()
  }, NET_MS)

  test(
    "it hears what Codex says and asks, and the end of the turn; it knows the session's settings",
    async () => {
      const listener = await hear(world, `threadId=${sessionId}`)
      const turnId = await send(world, sessionId, "patch: greeting.txt | hello")
      const [started] = await said(world.daemon, "heard a start")
      expect(started?.turnId).toBe(turnId)
      const approval = await approvalOf(listener, turnId)
      const [asked] = await said(world.daemon, "heard an approval")
      expect(asked?.context).toMatchObject({
        approvalId: String(approval.payload.approvalId),
        sourceSessionId: sessionId,
        turnId,
        userRequest: "patch: greeting.txt | hello",
      })
      expect(asked?.details).toContain("greeting.txt")
      expect(await said(world.daemon, "heard the settings")).toMatchObject([
        { colour: "green", notifier: {} },
      ])
      await decide(world, approval.payload.approvalId, "accept")
      await ended(listener, turnId)
      expect(await said(world.daemon, "heard an end")).toEqual([{ count: 1 }] as never)
      const isNote = ({ payload }: Frame) =>
        (payload.entry as { type?: string } | undefined)?.type === "witness.note"
      await listener.until(
        (frame) => frame.type === "transcript_updated" && isNote(frame),
        "the action's row",
      )
      const { transcript } = await read(world, sessionId)
      expect(transcript.filter(({ type }) => type === "witness.note")).toMatchObject([
        { turnId, content: "seen" },
      ])
      listener.close()
    },
    NET_MS,
  )

  // A compiled one has the notifier inside, and no folder beside it.
  test(
    "the notifier tells the webhook of the turn's end, signed, and again until it is taken",
    async () => {
      const [first, second] = await webhook.until(2)
      const body = JSON.parse(first?.body ?? "") as Record<string, unknown>
      expect(body).toMatchObject({ event: "turn.completed", sessionId, status: "completed", error: null })
      expect(second?.body).toBe(first?.body ?? "")
      expect(second?.id).toBe(first?.id ?? "")
      for (const call of [first, second]) {
        const key = createHmac("sha256", SECRET).update(`${call?.id}.${call?.stamp}.${call?.body}`)
        expect(call?.signature).toBe(`v1,${key.digest("base64")}`)
      }
      expect(world.daemon.said()).not.toContain(SECRET)
    },
    NET_MS,
  )

  test(
    "it lives in a process that has none of the daemon's keys, and is in the inventory",
    async () => {
      const [host = ""] = hostsOf(place)
      expect(hostsOf(place)).toHaveLength(1)
      expect(readFileSync(`/proc/${host.split(":")[0]}/environ`, "utf8")).not.toContain(
        "none of their business",
      )
      const { body } = await get<{ modules?: { moduleName: string; health: { handled: number } }[] }>(
        world,
        "/api/agents/extensions",
      )
      const witness = body.modules?.find(({ moduleName }) => moduleName === "witness")
      expect(witness?.health).toMatchObject({ failed: 0, timedOut: 0, quarantined: null })
      expect(witness?.health.handled).toBeGreaterThanOrEqual(3)
    },
    NET_MS,
  )

  test(
    "what it had not finished when the daemon was killed is offered again, and its host went with the daemon",
    async () => {
      const listener = await hear(world, `threadId=${sessionId}`)
      const turnId = await send(world, sessionId, "never answer\npatch: other.txt | hello")
      const approval = await approvalOf(listener, turnId)
      await said(world.daemon, "heard an approval", 2)
      const [host = ""] = hostsOf(place)
      await world.daemon.end("SIGKILL")
      const pid = Number(host.split(":")[0])
      const gone = async () => {
        while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve))
      }
      await within(gone(), () => "the host of extensions outlived its daemon")
      world.daemon = await start()
      const [again] = await said(world.daemon, "heard an approval")
      expect(again?.context.approvalId).toBe(String(approval.payload.approvalId))
    },
    NET_MS,
  )

  test(
    "a reload is answered and kept in the audit",
    async () => {
      const { status, body } = await post(world, "/api/agents/extensions/reload")
      expect([status, body.loadedCount]).toEqual([200, 2])
      const file = join(place.dataDir, "agent-extension-audit.json")
      const { records } = JSON.parse(readFileSync(file, "utf8")) as { records: { result: string }[] }
      expect(records.map(({ result }) => result)).toEqual(["success"])
    },
    NET_MS,
  )
})
