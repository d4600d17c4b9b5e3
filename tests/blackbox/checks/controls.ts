// Controls and settings against the real binary: what a session is allowed holds in every turn, after every death, and under
// every policy that a binary does or doesn't know.

import { strict as assert } from "node:assert"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { ask, type Body, type Frame } from "../../support/client.ts"
import { misfits } from "../../support/shapes.ts"
import {
  approvalOf,
  type Check,
  decide,
  ended,
  get,
  health,
  hear,
  newSession,
  post,
  read,
  runTurn,
  type SessionRead,
  send,
  turnIn,
  untilReady,
  type World,
} from "../world.ts"

interface Snapshot extends Body {
  controls: Record<string, unknown>
  defaults: Record<string, unknown>
}

let files = 0
/** A name that no other check uses. */
const fresh = (name: string): string => `${name}-${++files}.txt`
const made = (world: World, file: string): boolean => existsSync(join(world.daemon.work, file))

const setControls = (world: World, id: string, scope: string, controls: object) =>
  post<Snapshot>(world, `/api/sessions/${id}/session-controls`, { scope, controls })
const tuple = (part: object = {}) => ({
  model: null,
  approvalPolicy: "untrusted",
  networkAccess: "restricted",
  filesystemSandbox: "danger-full-access",
  ...part,
})
/** `on-failure` and the spelling `reject` are of the older binaries. */
const knowsOnFailure = ({ codexVersion }: World) => codexVersion === "0.105.0" || codexVersion === "0.130.0"
const spellsReject = ({ codexVersion }: World) => codexVersion === "0.105.0"

/** A turn that wants to run a command: it is asked for first, nothing ran before, and a decline keeps it so. */
async function mustAsk(world: World, id: string): Promise<void> {
  const file = fresh("asked")
  const listener = await hear(world, `threadId=${id}`)
  const turnId = await send(world, id, `run: touch ${file}`)
  const { payload } = await approvalOf(listener, turnId)
  assert.equal(made(world, file), false, "it ran before it was asked for")
  await decide(world, payload.approvalId, "decline")
  await ended(listener, turnId)
  listener.close()
  assert.equal(made(world, file), false, "it ran although it was declined")
}

/** Whether a command that writes had its way, in a turn that asks nobody. */
async function writes(world: World, id: string): Promise<boolean> {
  const file = fresh("written")
  const { listener } = await runTurn(world, id, `run: touch ${file}`)
  assert.equal(listener.frames.filter((f) => f.type === "approval").length, 0)
  listener.close()
  return made(world, file)
}

async function restartChild(world: World): Promise<void> {
  const { codex } = await health(world)
  process.kill(codex.pid ?? 0, "SIGKILL")
  await untilReady(world, codex.pid)
}

export const controlChecks: readonly Check[] = [
  {
    name: "controls of a session are kept, told, and hold in the next turn",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      assert.equal(await writes(world, id), true)
      const listener = await hear(world, `threadId=${id}`)
      const { status, body } = await setControls(
        world,
        id,
        "session",
        tuple({ approvalPolicy: "never", filesystemSandbox: "read-only" }),
      )
      assert.deepEqual([status, body.status], [200, "ok"])
      assert.deepEqual(misfits("SessionControlsTuple", body.applied), [])
      const frame = await listener.until((f) => f.type === "session_controls_updated", "the controls' frame")
      assert.deepEqual(frame.payload.changed, ["filesystemSandbox"])
      listener.close()
      assert.equal(await writes(world, id), false, "the sandbox of the session did not hold")
      await setControls(world, id, "session", tuple())
      await mustAsk(world, id)
      const { transcript, session } = await read(world, id)
      const rows = transcript.filter((e) => e.type === "session.controls.updated")
      assert.equal(rows.length, 2)
      assert.ok(rows.every((e) => e.turnId === "session-controls" && e.role === "system"))
      assert.equal(session.approvalPolicy, "untrusted")
    },
  },
  {
    name: "the policies of a message hold in its turn and stick to the session",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never", filesystemSandbox: "read-only" })
      await post(world, `/api/sessions/${id}/settings`, { scope: "session", key: "kept", value: 1 })
      const { listener } = await runTurn(world, id, "echo: first")
      listener.close()
      const file = fresh("sticky")
      const heard = await hear(world, `threadId=${id}`)
      const turnId = await send(world, id, `run: touch ${file}`, { filesystemSandbox: "danger-full-access" })
      await ended(heard, turnId)
      heard.close()
      assert.equal(made(world, file), true)
      const { body } = await get<Snapshot>(world, `/api/sessions/${id}/session-controls`)
      assert.deepEqual(body.controls, {
        ...tuple({ approvalPolicy: "never" }),
        settings: { kept: 1 },
      })
      assert.equal(await writes(world, id), true)
    },
  },
  {
    name: "a command is asked for after the death of the child, of the daemon, and after a resume",
    async run(world) {
      const id = await newSession(world)
      const { listener } = await runTurn(world, id, "echo: loaded")
      listener.close()
      await restartChild(world)
      await mustAsk(world, id)
      await world.restart("SIGKILL")
      await untilReady(world)
      const resumed = await post<SessionRead>(world, `/api/sessions/${id}/resume`)
      assert.equal(resumed.status, 200, JSON.stringify(resumed.body))
      await mustAsk(world, id)
    },
  },
  {
    name: "what was written while no child had the thread holds from its next turn on",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      assert.equal(await writes(world, id), true)
      await restartChild(world)
      await post(world, `/api/sessions/${id}/approval-policy`, { approvalPolicy: "untrusted" })
      await mustAsk(world, id)
    },
  },
  {
    name: "on-failure is kept as asked; where it was retired on-request is sent, and everything says so",
    async run(world) {
      const asks = { cwd: world.daemon.work, approvalPolicy: "on-failure", filesystemSandbox: "read-only" }
      const { status, body } = await post<SessionRead & Body>(world, "/api/sessions", asks)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body.session.approvalPolicy, "on-failure")
      const retired = knowsOnFailure(world) ? undefined : "on-request"
      assert.equal(body.policySent, retired)
      assert.equal(typeof body.note, retired ? "string" : "undefined")
      const id = body.session.sessionId
      const policy = await post(world, `/api/sessions/${id}/approval-policy`, {
        approvalPolicy: "on-failure",
      })
      assert.equal(policy.body.policySent, retired)
      const { listener, turnId } = await runTurn(world, id, "echo: under a retired policy")
      listener.close()
      const whole = await read(world, id)
      assert.equal(whole.session.approvalPolicy, "on-failure")
      const { policy: noted } = turnIn(whole, turnId) as unknown as { policy?: Record<string, unknown> }
      assert.deepEqual(
        noted && { asked: noted.asked, sent: noted.sent },
        retired && { asked: "on-failure", sent: retired },
      )
      const { fallbacks } = (await health(world)).runtime as unknown as { fallbacks: string[] }
      assert.equal(
        fallbacks.some((line) => line.includes("on-failure")),
        retired !== undefined,
      )
    },
  },
  {
    name: "a structured policy runs on every binary, in the spelling that it knows, and lets nothing past the sandbox",
    async run(world) {
      const kinds = { sandbox_approval: false, rules: false, mcp_elicitations: false }
      const silent = { sandbox_approval: true, rules: true, mcp_elicitations: true }
      for (const approvalPolicy of [{ granular: kinds }, { reject: silent }]) {
        const id = await newSession(world, { approvalPolicy, filesystemSandbox: "read-only" })
        const known = "reject" in approvalPolicy === spellsReject(world)
        const { body } = await get<Snapshot>(world, `/api/sessions/${id}/session-controls`)
        assert.deepEqual(body.controls.approvalPolicy, approvalPolicy)
        assert.equal(body.policySent === undefined, known, JSON.stringify(body))
        assert.equal(await writes(world, id), false)
        const outside = fresh("outside")
        const { listener, end } = await runTurn(world, id, `escalate: touch ${outside}`)
        listener.close()
        assert.equal(end.payload.params?.turn?.status, "completed")
        assert.equal(made(world, outside), false)
      }
    },
  },
  {
    name: "a review, which asks nobody, runs in the session's sandbox of now or not at all",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      const { listener } = await runTurn(world, id, "echo: loaded with full access")
      await setControls(world, id, "session", tuple({ filesystemSandbox: "read-only" }))
      const file = fresh("review")
      const review = () =>
        post(world, `/api/sessions/${id}/review`, {
          targetType: "custom",
          instructions: `run: touch ${file}`,
        })
      let { status, body } = await review()
      if (status !== 200) {
        assert.ok(knowsOnFailure(world), JSON.stringify(body))
        assert.deepEqual([status, body.code], [409, "invalid_state"])
        assert.match(String(body.message), /danger-full-access/)
        assert.equal((await post(world, `/api/sessions/${id}/archive`)).status, 200)
        assert.equal((await post(world, `/api/sessions/${id}/unarchive`)).status, 200)
        ;({ status, body } = await review())
      }
      assert.equal(status, 200, JSON.stringify(body))
      const { turn } = body.result as { turn: { id: string } }
      await ended(listener, turn.id)
      listener.close()
      assert.equal(made(world, file), false, "the review wrote outside the session's sandbox")
    },
  },
  {
    name: "settings are set, merged, read and removed; both are told; secrets are not in the transcript",
    async run(world) {
      const id = await newSession(world)
      const path = `/api/sessions/${id}/settings`
      const listener = await hear(world, `threadId=${id}`)
      const secret = "sk-test-0123456789abcdefghij"
      const set = await post(world, path, { scope: "session", settings: { theme: "dark", apiKey: secret } })
      assert.deepEqual(set.body.settings, { theme: "dark", apiKey: secret })
      assert.deepEqual(misfits("SessionSettingsSetResponse", set.body), [])
      const frame = await listener.until((f) => f.type === "session_settings_updated", "the settings' frame")
      assert.deepEqual(frame.payload, { sessionId: id, scope: "session", changed: ["theme", "apiKey"] })
      const removed = await ask<Body>(world.daemon.url, `${path}/theme`, { method: "DELETE" })
      assert.deepEqual([removed.body.removed, removed.body.settings], [true, { apiKey: secret }])
      await world.restart("SIGTERM")
      await untilReady(world)
      const after = await get(world, `${path}?key=apiKey`)
      assert.equal(after.body.value, secret)
      const whole = await read(world, id)
      assert.equal(whole.transcript.filter((e) => e.turnId === "session-controls").length, 2)
      assert.ok(!JSON.stringify(whole.transcript).includes(secret))
    },
  },
  {
    name: "the default holds for new sessions, is told to everybody, and survives a restart",
    async run(world) {
      const id = await newSession(world)
      const before = (await get<Snapshot>(world, `/api/sessions/${id}/session-controls`)).body.defaults
      const listener = await hear(world)
      const next = tuple({ approvalPolicy: "on-request", filesystemSandbox: "workspace-write" })
      const { body } = await setControls(world, id, "default", next)
      assert.deepEqual(body.defaults, { ...next, settings: {} })
      const isDefault = (f: Frame) => f.type === "session_controls_updated" && f.payload.scope === "default"
      const frame = await listener.until(isDefault, "the default's frame")
      assert.equal(frame.threadId, null)
      listener.close()
      await world.restart("SIGTERM")
      await untilReady(world)
      const { body: created } = await post<SessionRead>(world, "/api/sessions", { cwd: world.daemon.work })
      assert.deepEqual(created.session.sessionControls, { ...next, settings: {} })
      await setControls(world, id, "default", before)
    },
  },
]
