import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import type { ControlScope } from "../../src/domain/controls/controls.ts"
import { masked } from "../../src/domain/controls/secrets.ts"
import { type Settings, withoutSetting, withSettings } from "../../src/domain/controls/settings.ts"
import {
  APPROVAL_POLICIES,
  type Controls,
  NETWORK_ACCESS,
  SANDBOXES,
} from "../../src/domain/controls/tuple.ts"
import { type AskedControls, createControlActs, type Writing } from "../../src/flow/acts/controls.ts"
import { createToldChild, openRooms } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const SESSIONS = ["one", "two", "three"]
const CONFIGURED: Controls = {
  model: null,
  approvalPolicy: "untrusted",
  networkAccess: "restricted",
  filesystemSandbox: "read-only",
  settings: {},
}

function open({ locked = false } = {}) {
  const house = openRooms(createToldChild(), { locked })
  house.now((tx) => {
    for (const id of SESSIONS) house.rooms.sessions.learn(tx, { id }, { materialized: true })
  })
  house.told.length = 0
  return { ...house, acts: createControlActs({ ...house }) }
}
type House = ReturnType<typeof open>

const writing = (part: Partial<Writing> = {}): Writing => ({
  sessionId: "one",
  scope: "session",
  actor: "ada",
  source: "test",
  ...part,
})
const rowsOf = async ({ rooms, settle }: House, id = "one") =>
  (await settle(rooms.transcript.read(id))).filter(({ type }) => type === "session.controls.updated")

test("a write leaves one row, one frame a kind, and the answer of both scopes", async () => {
  const house = open()
  const asked = { ...CONFIGURED, approvalPolicy: "never", settings: { theme: "dark" } } as const
  const written = await house.settle(house.acts.apply(writing(), asked))
  expect(written).toEqual({
    changed: ["approvalPolicy", "settings"],
    applied: asked,
    snapshot: {
      sessionId: "one",
      controls: asked,
      defaults: CONFIGURED,
      defaultsEditable: true,
      defaultLockReason: null,
    },
  })
  const [row, ...more] = await rowsOf(house)
  expect(more).toEqual([])
  expect(row?.messageId).toMatch(/^session-controls-\d+-[0-9a-f]{8}$/)
  expect(row).toMatchObject({ turnId: "session-controls", role: "system", status: "complete" })
  expect(row?.startedAt).toBe(house.clock.now())
  expect(row?.completedAt).toBe(house.clock.now())
  expect(row?.content).toBe(
    'session controls changed by ada (test): approvalPolicy "untrusted" → "never"; settings.theme none → "dark"',
  )
  expect(JSON.parse(row?.details ?? "")).toEqual({
    occurredAt: new Date(house.clock.now()).toISOString(),
    actor: "ada",
    source: "test",
    scope: "session",
    previous: CONFIGURED,
    next: asked,
  })
  const { settings: _, ...policies } = asked
  expect(house.told.map(({ type, scope, thread, body }) => [type, scope, thread, JSON.parse(body)])).toEqual([
    [
      "session.controls_updated",
      "thread",
      "one",
      { sessionId: "one", scope: "session", changed: ["approvalPolicy"], controls: policies },
    ],
    ["session.settings_updated", "thread", "one", { sessionId: "one", scope: "session", changed: ["theme"] }],
  ])
})

test("the default is told to everybody and holds at once where a session has no tuple of its own", async () => {
  const house = open()
  const { acts, rooms, settle } = house
  await settle(acts.policy("two", "on-request"))
  house.told.length = 0
  const asked = { ...CONFIGURED, model: "m" }
  await settle(acts.apply(writing({ scope: "default", sessionId: "two" }), asked))
  expect(rooms.controls.of("one")).toEqual(asked)
  expect(rooms.controls.of("two")).toEqual({ ...CONFIGURED, approvalPolicy: "on-request" })
  expect(house.told.map(({ type, scope, thread }) => [type, scope, thread])).toEqual([
    ["session.controls_updated", "global", null],
  ])
  expect(await rowsOf(house, "one")).toEqual([])
  expect(await rowsOf(house, "two")).toHaveLength(1)
})

test("what is set for a session stays when the default moves, also where it was the same", async () => {
  const { acts, rooms, settle, told } = open()
  const same = await settle(acts.apply(writing(), CONFIGURED))
  expect(same.changed).toEqual([])
  expect(told).toEqual([])
  await settle(acts.apply(writing({ scope: "default" }), { ...CONFIGURED, approvalPolicy: "never" }))
  expect(rooms.controls.of("one").approvalPolicy).toBe("untrusted")
  expect(rooms.controls.of("two").approvalPolicy).toBe("never")
})

test("settings that look like secrets are kept, and masked in the row and unsaid in the frame", async () => {
  const house = open()
  house.masks.add("the-token-of-this-daemon")
  const settings = {
    apiKey: "sk-abcdefghijklmnopqrst",
    note: "hunter2secret",
    mine: "the-token-of-this-daemon",
  }
  await house.settle(house.acts.settings(writing(), (before) => withSettings(before, settings, "merge")))
  expect(house.rooms.controls.of("one").settings).toEqual(settings)
  const [row] = await rowsOf(house)
  const told = JSON.stringify([row?.content, row?.details, house.told])
  expect(told).not.toContain("sk-abcdefghijklmnopqrst")
  expect(told).not.toContain("the-token-of-this-daemon")
  expect(row?.content).toContain('settings.apiKey none → "[masked]"; settings.note none → "hunter2secret"')
})

test("while defaults are locked the configured tuple is served and only sessions can be written", async () => {
  const house = open({ locked: true })
  const { acts, rooms, settle } = house
  const stored = { ...CONFIGURED, approvalPolicy: "never" } as const
  house.now((tx) => rooms.controls.keep(tx, "default", stored))
  expect(rooms.controls.of("one")).toEqual(CONFIGURED)
  const whole = settle(acts.apply(writing({ scope: "default" }), stored))
  await expect(whole).rejects.toMatchObject({
    code: "defaults_locked",
    details: { scope: "default", sessionId: "one", defaults: CONFIGURED, defaultsEditable: false },
  })
  const some = settle(acts.settings(writing({ scope: "default" }), () => ({ a: 1 })))
  await expect(some).rejects.toMatchObject({
    code: "defaults_locked",
    details: { scope: "default", sessionId: "one", settings: {} },
  })
  await settle(acts.apply(writing(), stored))
  expect(rooms.controls.of("one")).toEqual(stored)
})

test("writes of a session that went are not found, and leave nothing", async () => {
  const house = open()
  const gone = writing({ sessionId: "gone" })
  await expect(house.settle(house.acts.apply(gone, CONFIGURED))).rejects.toMatchObject({
    code: "session_not_found",
  })
  await expect(house.settle(house.acts.policy("gone", "never"))).rejects.toMatchObject({
    code: "session_not_found",
  })
  expect(house.told).toEqual([])
})

test("settings of two writers at once are both kept", async () => {
  const { acts, rooms, settle } = open()
  const set = (key: string) =>
    acts.settings(writing(), (before) => withSettings(before, { [key]: 1 }, "merge"))
  await settle(Promise.all([set("a"), set("b"), set("c")]))
  expect(rooms.controls.of("one").settings).toEqual({ a: 1, b: 1, c: 1 })
})

test("a message's policies stick over what was written while the child was asked", async () => {
  const house = open()
  const { acts, rooms, settle } = house
  const { startTurn } = house.child
  house.child.startTurn = async (start) => {
    await settle(acts.settings(writing(), () => ({ kept: true })))
    return startTurn(start)
  }
  await settle(rooms.turns.send("one", { text: "hello", approvalPolicy: "never" }))
  expect(rooms.controls.of("one")).toEqual({
    ...CONFIGURED,
    approvalPolicy: "never",
    settings: { kept: true },
  })
})

const scopes = fc.constantFrom<ControlScope>("session", "default")
const ids = fc.constantFrom(...SESSIONS)
const settings = fc.dictionary(
  fc.constantFrom("a", "b", "apiKey", "toString"),
  fc.constantFrom(1, "x", null, { c: 1 }),
)
const tuples = fc.record<AskedControls>(
  {
    model: fc.constantFrom(null, "m"),
    approvalPolicy: fc.constantFrom(...APPROVAL_POLICIES),
    networkAccess: fc.constantFrom(...NETWORK_ACCESS),
    filesystemSandbox: fc.constantFrom(...SANDBOXES),
    settings,
  },
  { requiredKeys: ["model", "approvalPolicy", "networkAccess", "filesystemSandbox"] },
)
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("apply" as const), scope: scopes, id: ids, asked: tuples }),
    fc.record({
      do: fc.constant("set" as const),
      scope: scopes,
      id: ids,
      given: settings,
      mode: fc.constantFrom("merge" as const, "replace" as const),
    }),
    fc.record({ do: fc.constant("remove" as const), scope: scopes, id: ids, key: fc.constantFrom("a", "b") }),
    fc.record({ do: fc.constant("policy" as const), id: ids, policy: fc.constantFrom(...APPROVAL_POLICIES) }),
  ),
  { maxLength: 25 },
)

/** Plain: a tuple for the default, and one a session once it has its own. */
function createModel() {
  let standard = CONFIGURED
  const own = new Map<string, Controls>()
  const of = (id: string) => own.get(id) ?? standard
  return {
    of,
    defaults: () => standard,
    read: (scope: ControlScope, id: string) => (scope === "default" ? standard : of(id)),
    write(scope: ControlScope, id: string, next: Controls): void {
      if (scope === "default") standard = next
      else own.set(id, next)
    },
  }
}

test("whatever is written in whatever order, tuples, rows and frames are those of a plain model", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const house = open()
      const { rooms } = house
      const model = createModel()
      const rows: [string, Controls, Controls][] = []
      let frames = 0
      for (const step of list) {
        const scope = step.do === "policy" ? "session" : step.scope
        const before = model.read(scope, step.id)
        const after = await take(house, step, before)
        const moved = !Bun.deepEquals(before, after, true)
        // An object of settings that changes nothing leaves the session without a tuple of its own.
        if (moved || step.do === "apply" || step.do === "policy") model.write(scope, step.id, after)
        if (moved && step.do !== "policy") rows.push([step.id, before, after])
        const { settings: was, ...policies } = before
        const { settings: is, ...others } = after
        frames += Number(!Bun.deepEquals(policies, others)) + Number(!Bun.deepEquals(was, is, true))
      }
      expect(rooms.controls.defaults()).toEqual(model.defaults())
      for (const id of SESSIONS) {
        expect(rooms.controls.of(id)).toEqual(model.of(id))
        const told = (await rowsOf(house, id)).map(({ details }) => JSON.parse(details ?? ""))
        const meant = rows.filter(([of]) => of === id)
        expect(told.map(({ previous, next }) => [previous, next])).toEqual(
          meant.map(([, previous, next]) => [masked(previous), masked(next)]),
        )
      }
      expect(house.told).toHaveLength(frames)
    }),
    { numRuns: 150 },
  )
})

type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never

/** Takes the step in the house; answers what the plain rules make of it. */
async function take({ acts, settle }: House, step: Step, before: Controls): Promise<Controls> {
  const by = writing({ sessionId: step.id, scope: step.do === "policy" ? "session" : step.scope })
  switch (step.do) {
    case "apply": {
      const after = { ...step.asked, settings: step.asked.settings ?? before.settings }
      const { changed, applied } = await settle(acts.apply(by, step.asked))
      expect(applied).toEqual(after)
      expect(changed.length > 0).toBe(!Bun.deepEquals(before, after, true))
      return after
    }
    case "set":
    case "remove": {
      const change = (held: Settings) =>
        step.do === "set" ? withSettings(held, step.given, step.mode) : withoutSetting(held, step.key)
      const { changed, settings } = await settle(acts.settings(by, change))
      const after = { ...before, settings: change(before.settings) }
      expect(settings).toEqual(after.settings)
      expect(changed).toBe(!Bun.deepEquals(before, after, true))
      return after
    }
    case "policy":
      await settle(acts.policy(step.id, step.policy))
      return { ...before, approvalPolicy: step.policy }
  }
}
