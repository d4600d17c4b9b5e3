// Every sentence of decisions 18 on requests that outlive the child that asked them.

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { Fault } from "../../src/base/fault.ts"
import { createRequests, type Requests } from "../../src/domain/requests/requests.ts"
import type { Decision } from "../../src/domain/requests/verdict.ts"
import type { StartTurn } from "../../src/domain/turns/child.ts"
import { asked, type OpenRooms, openRooms, said } from "../support/rooms.ts"

const COMMAND = "item/commandExecution/requestApproval"
const PATCH = "item/fileChange/requestApproval"
const INPUT = "item/tool/requestUserInput"
const accept = { kind: "approval", decision: "accept", scope: "turn" } as const
const decline = { kind: "approval", decision: "decline", scope: "turn" } as const
const ANN = { actor: "ann", source: "ui" }
const ls = { threadId: "t", turnId: "u", itemId: "i", command: "ls -l", cwd: "/w" }

/** A session `t` whose turn `u` asks for something; the child's first request has the number 0. */
function asking(params: Record<string, unknown> = ls, method = COMMAND) {
  const house = openRooms()
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
    ],
    "run",
  )
  house.ingest.take([asked(0, method, { threadId: "t", turnId: "u", itemId: "i", ...params })], "run")
  const rows = [...listOf(house), ...listOf(house, "tool_input"), ...listOf(house, "tool_call")]
  return { ...house, id: String(rows[0]?.approvalId ?? rows[0]?.requestId) }
}

const listOf = (
  { rooms }: Pick<OpenRooms, "rooms">,
  kind: "approval" | "tool_input" | "tool_call" = "approval",
) => rooms.requests.list("t", kind)
const frames = (house: Pick<OpenRooms, "told">) =>
  house.told
    .filter((e) => e.type.startsWith("request."))
    .map(({ type, body }) => {
      const told = JSON.parse(body)
      return type === "request.updated" ? { frame: "request_updated", payload: told } : told
    })
/** What was told as the end of a request. */
const endsOf = (house: Pick<OpenRooms, "told">, id: string) =>
  frames(house)
    .filter(({ frame }) => frame.endsWith("_resolved"))
    .map(({ payload }) => payload)
    .filter(({ approvalId, requestId }) => (approvalId ?? requestId) === id)
/** What a client that only listens takes for waiting; an end that is told of what doesn't wait fails. */
function pendingIn(house: Pick<OpenRooms, "told">): Set<unknown> {
  const waits = new Set<unknown>()
  for (const { frame, payload } of frames(house)) {
    if (frame === "approval") waits.add(payload.approvalId)
    if (frame === "approval_resolved") expect(waits.delete(payload.approvalId)).toBe(true)
  }
  return waits
}
const stateOf = ({ rooms, id }: { rooms: OpenRooms["rooms"]; id: string }) => rooms.requests.find(id)?.state
const dies = (house: OpenRooms, runId = "run") => {
  const work: (() => void)[] = []
  house.now((tx) => house.acts.endRun(tx, { runId, reason: "killed" }, (fn) => work.push(fn)))
  for (const fn of work) fn()
}
const answersOf = ({ child }: Pick<OpenRooms, "child">) => child.calls.filter(([what]) => what === "answer")
const startsOf = ({ child }: Pick<OpenRooms, "child">) =>
  child.calls.filter(([what]) => what === "start").map(([, start]) => start as StartTurn)
const api = { actor: "somebody", source: "api" }
const ann = { actor: "ann", source: "ui" }
const decide = (house: OpenRooms & { id: string }, decision: Decision = accept, id = house.id) =>
  house.settle(house.rooms.requests.decide(id, decision, api))
/** Whatever was set going comes to rest. */
const rest = async (house: OpenRooms) => {
  for (let i = 0; i < 50; i++) await house.settle(Promise.resolve())
}
const ends = (house: OpenRooms, id: string, status = "completed") =>
  house.ingest.take([said("turn/completed", { threadId: "t", turn: { id, status } })], "run-2")
const begins = (house: OpenRooms, id: string) =>
  house.ingest.take([said("turn/started", { threadId: "t", turn: { id, status: "inProgress" } })], "run-2")
/** The rooms of a daemon that starts on the same tables. */
const reborn = (house: OpenRooms): Requests =>
  createRequests({
    ...house,
    transcript: house.rooms.transcript,
    codex: house.child,
    audienceOf: () => ({ thread: "t" }),
    onAccepted: () => {},
    limits: { approval: 0, toolInput: 0, elicitation: 0, toolCall: 0 },
    hide: () => {},
    onFault: () => {},
  })

/** An accepted orphan whose continuation turn `turn-1` runs. */
async function carrying(params: Record<string, unknown> = ls, method = COMMAND, decision: Decision = accept) {
  const house = asking(params, method)
  dies(house)
  await decide(house, decision)
  await rest(house)
  return house
}

describe("when the child dies", () => {
  test("what was open is an orphan: told again as one, never as resolved, listed as pending, with the reason", () => {
    const house = asking()
    dies(house)
    const [row] = listOf(house)
    expect(row).toMatchObject({ approvalId: house.id, status: "pending", state: "orphaned" })
    expect(row?.reason).toBe("its turn was interrupted: killed")
    expect(frames(house).map(({ frame, payload }) => [frame, payload.state])).toEqual([
      ["approval", "open"],
      ["approval", "orphaned"],
    ])
    expect(frames(house).at(-1).payload).toEqual(row)
    expect(house.rooms.requests.waiting().count).toBe(1)
  })

  test("the same after a kill of the daemon, from the table alone", () => {
    const house = asking()
    const requests = reborn(house)
    house.now((tx) => requests.endRun(tx, { runId: undefined, reason: "the daemon was stopped" }))
    expect(requests.list("t", "approval")).toMatchObject([{ approvalId: house.id, state: "orphaned" }])
    // A second start finds it as it is, and tells it no more.
    house.now((tx) => requests.endRun(tx, { runId: undefined, reason: "again" }))
    expect(frames(house)).toHaveLength(2)
  })

  test("claimed and not handed over is an orphan that shows its recorded decision", async () => {
    const house = asking()
    // Killed while something has to reach the child ahead of the answer.
    house.rooms.requests.decide(house.id, accept, ann, () => new Promise(() => {}))
    await rest(house)
    expect([stateOf(house), answersOf(house)]).toEqual(["claimed", []])
    const after = reborn(house)
    house.now((tx) => after.endRun(tx, { runId: undefined, reason: "stopped" }))
    const [row] = after.list("t", "approval")
    expect(row).toMatchObject({ state: "orphaned", recorded: { decision: accept, by: "ann" } })
    const outcome = await house.settle(after.decide(house.id, accept, ann))
    expect(outcome.state).toBe("accepted-for-carry")
  })

  test("handed over to a process that died before it showed so: the transcript and a frame say that nobody knows, none takes the decision back", async () => {
    const house = asking()
    await decide(house)
    const before = frames(house).length
    dies(house)
    expect(stateOf(house)).toBe("indeterminate")
    const reason = "the app-server ended before it showed that it had the answer"
    const about = { approvalId: house.id, kind: "approval", turnId: "u", reason }
    expect(frames(house).slice(before)).toEqual([
      { frame: "request_updated", payload: { ...about, state: "indeterminate" } },
    ])
    const { details = "{}" } = house.rooms.transcript.find(house.db, "t", `approval-${house.id}`) ?? {}
    expect(JSON.parse(details)).toMatchObject({
      status: "resolved",
      decision: "accept",
      decidedBy: "somebody",
      state: "indeterminate",
      reason,
    })
    await house.settle(house.carry.dismiss(house.id, ANN))
    const seen = house.rooms.transcript.find(house.db, "t", `approval-${house.id}`)?.details ?? "{}"
    expect(JSON.parse(seen)).toMatchObject({ decision: "accept", state: "dismissed", dismissedBy: "ann" })
    expect(frames(house).at(-1)).toEqual({
      frame: "request_updated",
      payload: { ...about, state: "dismissed" },
    })
  })

  test("what may have been written is indeterminate: never repeated, not listed as waiting, until a person dismisses it", async () => {
    const house = asking()
    house.child.answer = () => new Promise(() => {})
    house.rooms.requests.decide(house.id, accept, api)
    await rest(house)
    const after = reborn(house)
    house.now((tx) => after.endRun(tx, { runId: undefined, reason: "stopped" }))
    expect(stateOf(house)).toBe("indeterminate")
    expect(after.list("t", "approval")).toEqual([])
    expect(after.inbox({ limit: 10 }).data).toEqual([])
    const [row] = after.inbox({ limit: 10, states: ["indeterminate"] }).data as Record<string, unknown>[]
    expect(row).toMatchObject({ approvalId: house.id, status: "indeterminate", choices: [] })
    expect(row?.reason).toMatch(/ended before it showed/)
    for (const word of [accept, decline]) {
      const again = house.settle(after.decide(house.id, word, api))
      await expect(again).rejects.toMatchObject({ code: "request_reconciled" })
    }
    expect(startsOf(house)).toEqual([])
    await house.settle(house.carry.dismiss(house.id, ANN))
    expect(stateOf(house)).toBe("dismissed")
    const { details = "{}" } = house.rooms.transcript.find(house.db, "t", `approval-${house.id}`) ?? {}
    expect(JSON.parse(details)).toMatchObject({ dismissedBy: "ann", dismissedFrom: "ui" })
    const twice = house.settle(house.carry.dismiss(house.id, ANN))
    await expect(twice).rejects.toMatchObject({ code: "request_settled" })
    await expect(house.settle(house.carry.dismiss("nobody", ANN))).rejects.toMatchObject({
      code: "request_not_found",
    })
  })

  test("handed over and not shown is indeterminate, and what was told stays told", async () => {
    const house = asking()
    await decide(house)
    dies(house)
    expect(stateOf(house)).toBe("indeterminate")
    const told = frames(house).map(({ frame }) => frame)
    expect(told).toEqual(["approval", "approval_resolved", "request_updated"])
  })

  test("an answer on its way to it that was not written goes on as that of the orphan", async () => {
    const house = asking()
    const pipe = Promise.withResolvers<undefined>()
    house.child.answer = () => pipe.promise
    const done = house.rooms.requests.decide(house.id, accept, api)
    await rest(house)
    dies(house)
    expect(stateOf(house)).toBe("claimed")
    pipe.reject(new Fault("runtime_unavailable", "gone"))
    expect((await house.settle(done)).state).toBe("accepted-for-carry")
    await rest(house)
    expect(startsOf(house)).toHaveLength(1)
  })

  test("an answer that the pipe took just before it died is indeterminate", async () => {
    const house = asking()
    const pipe = Promise.withResolvers<undefined>()
    house.child.answer = () => pipe.promise
    const done = house.rooms.requests.decide(house.id, accept, api)
    await rest(house)
    dies(house)
    pipe.resolve(undefined)
    await house.settle(done)
    expect(stateOf(house)).toBe("indeterminate")
  })

  test.each([
    [
      "item/tool/call",
      { tool: "lamp", arguments: {} },
      "tool_call_resolved",
      { status: "expired", success: false },
    ],
    ["execCommandApproval", { command: ["ls"], cwd: "/w" }, "approval_resolved", { status: "expired" }],
    [
      "applyPatchApproval",
      { fileChanges: { a: { add: { content: "1" } } } },
      "approval_resolved",
      { status: "expired" },
    ],
    ["skill/requestApproval", { skillName: "s" }, "approval_resolved", { status: "expired" }],
    [
      "mcpServer/elicitation/request",
      { serverName: "m", message: "?" },
      "tool_user_input_resolved",
      { status: "expired" },
    ],
    [
      INPUT,
      { questions: [{ id: "q", question: "?", isSecret: true }] },
      "tool_user_input_resolved",
      { status: "expired" },
    ],
    [PATCH, { reason: "nobody knows what it would change" }, "approval_resolved", { status: "expired" }],
    // The command that it was for died as well.
    [COMMAND, { ...ls, kind: "writeStdin" }, "approval_resolved", { status: "expired" }],
  ])("%s expires with it, in the body that existing clients know", async (method, params, frame, end) => {
    const house = asking(params, method)
    dies(house)
    expect(frames(house).at(-1)).toMatchObject({ frame, payload: end })
    expect(stateOf(house)).toBe("expired")
  })
})

describe("a request is answered when the child shows it", () => {
  test("by saying so, by the next item of its turn, or by that turn's end", async () => {
    const item = { type: "agentMessage", id: "m", text: "" }
    for (const line of [
      said("serverRequest/resolved", { threadId: "t", requestId: 0 }),
      said("item/started", { threadId: "t", turnId: "u", item }),
      said("item/completed", { threadId: "t", turnId: "u", item }),
      said("turn/completed", { threadId: "t", turn: { id: "u", status: "completed" } }),
    ]) {
      const house = asking()
      await decide(house)
      expect(stateOf(house)).toBe("claimed")
      house.ingest.take([line], "run")
      expect(stateOf(house)).toBe("answered")
    }
  })

  test("not by an item of before the answer", () => {
    const house = asking()
    house.ingest.take(
      [
        said("item/started", {
          threadId: "t",
          turnId: "u",
          item: { type: "agentMessage", id: "m", text: "" },
        }),
      ],
      "run",
    )
    expect(stateOf(house)).toBe("open")
  })
})

describe("a person decides an orphan", () => {
  test("decline and cancel close it without a turn", async () => {
    for (const word of ["decline", "cancel"] as const) {
      const house = asking()
      dies(house)
      expect((await decide(house, { ...decline, decision: word })).state).toBe("declined")
      await rest(house)
      expect(startsOf(house)).toEqual([])
      expect(listOf(house)).toEqual([])
      expect(frames(house).at(-1).payload).toMatchObject({
        status: "resolved",
        decision: word,
        state: "declined",
      })
      expect((await decide(house, { ...decline, decision: word })).state).toBe("declined")
      await expect(decide(house)).rejects.toMatchObject({ details: { code: "already_resolved" } })
    }
  })

  test("an accept is told at once, as decided, and only once: before a child is there and after", async () => {
    const house = asking()
    dies(house)
    const { loadThread } = house.child
    house.child.loadThread = async () => {
      throw new Fault("runtime_unavailable", "no child yet")
    }
    const before = frames(house).length
    await decide(house)
    await rest(house)
    const end = { approvalId: house.id, status: "resolved", decision: "accept", scope: "turn" }
    const told = [{ frame: "approval_resolved", payload: { ...end, state: "accepted-for-carry" } }]
    expect(frames(house).slice(before)).toEqual(told)
    await decide(house)
    house.child.loadThread = loadThread
    house.carry.resume()
    await rest(house)
    expect(stateOf(house)).toBe("carrying")
    expect(frames(house).slice(before)).toEqual(told)
  })

  test("an accept that is ended before its turn is told as expired, beside its end", async () => {
    const house = asking()
    dies(house)
    house.rooms.turns.drain()
    await decide(house)
    await house.settle(house.life.archive("t"))
    expect(endsOf(house, house.id)).toHaveLength(1)
    expect(frames(house).at(-1)).toMatchObject({
      frame: "request_updated",
      payload: { approvalId: house.id, state: "expired", reason: expect.any(String) },
    })
  })

  test("accept starts one turn that says what was asked, that the runtime restarted and that the person accepted", async () => {
    const house = await carrying()
    const [start] = startsOf(house)
    expect(startsOf(house)).toHaveLength(1)
    for (const words of ["runtime was restarted", "ls -l", "/w", "The person accepted it"])
      expect(start?.text).toContain(words)
    expect(stateOf(house)).toBe("carrying")
    expect(listOf(house)).toEqual([])
    expect((await decide(house)).state).toBe("carrying")
    await expect(decide(house, decline)).rejects.toMatchObject({ code: "request_reconciled" })
    expect(startsOf(house)).toHaveLength(1)
  })

  test("the reserved turn is committed before it is started", async () => {
    const house = asking()
    dies(house)
    const { startTurn } = house.child
    const seen: unknown[] = []
    house.child.startTurn = async (start) => {
      const { state, carryId, carryTurnId } = house.rooms.requests.find(house.id) ?? {}
      seen.push([state, carryId === start.clientId, carryTurnId])
      return startTurn(start)
    }
    await decide(house)
    await rest(house)
    expect(seen).toEqual([["carrying", true, undefined]])
    expect(house.rooms.requests.find(house.id)?.carryTurnId).toBe("turn-1")
  })

  test("an accept for the session holds for the turn, and says so; a rule that outlives it is not made", async () => {
    const amended = ["ls"]
    const house = asking({ ...ls, proposedExecpolicyAmendment: amended })
    dies(house)
    const { decided } = await decide(house, { ...accept, execpolicyAmendment: amended })
    expect(decided).toEqual(accept)
    const other = asking()
    dies(other)
    expect((await decide(other, { ...accept, scope: "session" })).decided).toEqual(accept)
  })
})

describe("the continuation turn", () => {
  const again = (
    house: OpenRooms,
    params: Record<string, unknown>,
    { method = COMMAND, rpc = 0, turnId = "turn-1" } = {},
  ) => house.ingest.take([asked(rpc, method, { threadId: "t", itemId: "j", ...params, turnId })], "run-2")

  test("the same request is answered by the recorded decision, exactly once, under the id that clients know", async () => {
    const house = await carrying()
    again(house, ls)
    await rest(house)
    expect(answersOf(house)).toEqual([["answer", "run-2", 0, { decision: "accept" }]])
    expect(frames(house).at(-1)).toEqual({
      frame: "request_updated",
      payload: {
        approvalId: house.id,
        kind: "approval",
        turnId: "turn-1",
        state: "claimed",
        carried: true,
      },
    })
    expect(endsOf(house, house.id)).toHaveLength(1)
    const signal = house.told.findLast(({ type }) => type === "app.request")
    expect(JSON.parse(signal?.context ?? "").requestId).toBe(house.id)
    again(house, ls, { rpc: 1 })
    await rest(house)
    expect(answersOf(house)).toHaveLength(1)
    expect(listOf(house)).toMatchObject([{ state: "open", turnId: "turn-1" }])
    ends(house, "turn-1")
    expect(stateOf(house)).toBe("answered")
  })

  test.each([
    ["another command", { command: "ls -la" }],
    ["another folder", { cwd: "/etc" }],
    ["another machine", { environmentId: "remote" }],
    ["input for a command that runs", { kind: "writeStdin" }],
    ["more permissions", { additionalPermissions: { network: { enabled: true } } }],
    ["the network", { networkApprovalContext: { host: "example.org", protocol: "https" } }],
    ["an answer that it doesn't take", { availableDecisions: ["cancel"] }],
  ])("%s is a new request for the person, and the accept is void at the turn's end", async (_, differs) => {
    const house = await carrying()
    again(house, { ...ls, ...differs })
    await rest(house)
    expect(answersOf(house)).toEqual([])
    expect(listOf(house)).toMatchObject([{ state: "open" }])
    ends(house, "turn-1")
    expect(stateOf(house)).toBe("void")
    const told = frames(house).find(({ payload }) => payload.state === "void")
    expect(told).toMatchObject({
      frame: "request_updated",
      payload: { approvalId: house.id, turnId: "turn-1" },
    })
    expect(endsOf(house, house.id)).toMatchObject([{ decision: "accept", state: "accepted-for-carry" }])
    expect(told.payload.reason).toMatch(/ended without asking for it again/)
    await expect(decide(house)).rejects.toMatchObject({ details: { code: "not_eligible" } })
    expect(startsOf(house)).toHaveLength(1)
  })

  test("the same in another turn is a new request", async () => {
    const house = await carrying()
    again(house, ls, { turnId: "somebody-else" })
    await rest(house)
    expect(answersOf(house)).toEqual([])
  })

  test("under another sandbox than it was asked in, it is a new request", async () => {
    const house = asking()
    house.now((tx) => {
      tx.run(
        "UPDATE turns SET controls = ?",
        JSON.stringify({ filesystemSandbox: "read-only", networkAccess: "restricted" }),
      )
      house.rooms.controls.stick(tx, "t", { filesystemSandbox: "danger-full-access" })
    })
    dies(house)
    await decide(house)
    await rest(house)
    again(house, ls)
    await rest(house)
    expect(answersOf(house)).toEqual([])
    expect(listOf(house)).toHaveLength(1)
  })

  test("a patch is the same when its changes are", async () => {
    const changes = [{ path: "/w/a", kind: { type: "add" }, diff: "1\n" }]
    const house = await carrying({ changes }, PATCH)
    expect(startsOf(house)[0]?.text).toContain("add /w/a")
    again(house, { changes: [{ diff: "2\n", kind: { type: "add" }, path: "/w/a" }] }, { method: PATCH })
    await rest(house)
    expect(answersOf(house)).toEqual([])
    again(
      house,
      { changes: [{ diff: "1\n", kind: { type: "add", move_path: null }, path: "/w/a" }] },
      { method: PATCH, rpc: 1 },
    )
    await rest(house)
    expect(answersOf(house)).toEqual([["answer", "run-2", 1, { decision: "accept" }]])
  })

  test("permissions are granted for the turn", async () => {
    const permissions = { network: { enabled: true } }
    const method = "item/permissions/requestApproval"
    const house = await carrying({ permissions, cwd: "/w" }, method, { ...accept, scope: "session" })
    again(house, { permissions, cwd: "/w" }, { method })
    await rest(house)
    expect(answersOf(house)).toEqual([["answer", "run-2", 0, { permissions, scope: "turn" }]])
  })

  test("permissions that were accepted in part are told to the model and granted as that part", async () => {
    const asks = { network: { enabled: true }, fileSystem: { read: null, write: ["/srv/a", "/srv/b"] } }
    const method = "item/permissions/requestApproval"
    const part = { fileSystem: { write: ["/srv/a"] } }
    const house = await carrying({ permissions: asks, cwd: "/w" }, method, { ...accept, permissions: part })
    expect(startsOf(house)[0]?.text).toContain(
      `The person accepted a part of it, and that part alone will be granted: ${JSON.stringify(part)}`,
    )
    expect(startsOf(house)[0]?.text).not.toContain("accepted it.")
    expect(endsOf(house, house.id)).toMatchObject([{ decision: "accept", permissions: part }])
    again(house, { permissions: asks, cwd: "/w" }, { method })
    await rest(house)
    expect(answersOf(house)).toEqual([["answer", "run-2", 0, { permissions: part, scope: "turn" }]])
    const whole = { fileSystem: { write: ["/srv/a", "/srv/b"] }, network: { enabled: true } }
    const other = await carrying({ permissions: asks, cwd: "/w" }, method, { ...accept, permissions: whole })
    expect(startsOf(other)[0]?.text).toContain("The person accepted it.")
  })

  test("answers to questions go as text, and are with the child when the turn has begun", async () => {
    const house = asking({ questions: [{ id: "q", question: "Which colour?", options: null }] }, INPUT)
    dies(house)
    const answers = { q: { answers: ["blue"] } }
    await decide(house, { kind: "tool_input", decision: "accept", answers })
    await rest(house)
    expect(startsOf(house)[0]?.text).toContain("Which colour? blue")
    expect(endsOf(house, house.id)).toEqual([
      { requestId: house.id, status: "resolved", decision: "accept", state: "accepted-for-carry" },
    ])
    expect(frames(house).at(-1)).toMatchObject({ frame: "request_updated", payload: { carried: true } })
    expect(answersOf(house)).toEqual([])
    ends(house, "turn-1")
    expect(stateOf(house)).toBe("answered")
  })

  test("all accepted orphans of a session share it, and wait for a newer turn's end", async () => {
    const house = asking()
    dies(house)
    begins(house, "v")
    house.ingest.take([asked(5, COMMAND, { ...ls, turnId: "v", command: "id" })], "run-2")
    dies(house, "run-2")
    begins(house, "newer")
    const [first, second] = listOf(house).map((row) => String(row.approvalId))
    await decide(house, accept, first)
    await decide(house, accept, second)
    await rest(house)
    expect(startsOf(house)).toEqual([])
    ends(house, "newer")
    await rest(house)
    expect(startsOf(house)).toHaveLength(1)
    expect(startsOf(house)[0]?.text).toMatch(/ls -l[\s\S]*id/)
    again(house, { ...ls, command: "id" }, { rpc: 7 })
    again(house, ls, { rpc: 8 })
    await rest(house)
    expect(answersOf(house).map(([, , rpc]) => rpc)).toEqual([7, 8])
  })

  test("a crash while carrying is void with the reason, and starts no second turn by itself", async () => {
    for (const crash of ["child", "daemon"]) {
      const house = await carrying()
      if (crash === "child") dies(house, "run-2")
      else house.now((tx) => reborn(house).endRun(tx, { runId: undefined, reason: "stopped" }))
      expect(stateOf(house)).toBe("void")
      expect(house.rooms.requests.find(house.id)?.reason).toMatch(/cut off/)
      house.carry.resume()
      await rest(house)
      expect(startsOf(house)).toHaveLength(1)
    }
  })

  test("one that can't be started, or that nobody knows of, is void", async () => {
    const house = asking()
    dies(house)
    house.child.startTurn = async () => {
      throw new Fault("codex_error", "no such model")
    }
    await decide(house)
    await rest(house)
    expect(house.rooms.requests.find(house.id)).toMatchObject({ state: "void", reason: "no such model" })
  })

  test("without a child the accept waits; a session that can't be loaded makes it void", async () => {
    for (const [code, state] of [
      ["runtime_unavailable", "carrying"],
      ["invalid_state", "void"],
    ] as const) {
      const house = asking()
      dies(house)
      const { loadThread } = house.child
      house.child.loadThread = async () => {
        throw new Fault(code, "no")
      }
      await decide(house)
      await rest(house)
      expect(stateOf(house)).toBe(state === "void" ? "void" : "accepted-for-carry")
      house.child.loadThread = loadThread
      house.carry.resume()
      await rest(house)
      expect(stateOf(house)).toBe(state)
    }
  })

  test("what was carried over and could not be written is asked as a request of its turn", async () => {
    const house = await carrying()
    house.child.answer = async () => {
      throw new Fault("runtime_unavailable", "not now")
    }
    again(house, ls)
    await rest(house)
    expect(listOf(house)).toMatchObject([{ approvalId: house.id, state: "open", turnId: "turn-1" }])
    expect(frames(house).at(-1)).toMatchObject({ frame: "approval", payload: { state: "open" } })
  })
})

test("a draining daemon carries nothing over: it waits for the next start", async () => {
  const house = asking()
  dies(house)
  house.rooms.turns.drain()
  await decide(house)
  await rest(house)
  expect([stateOf(house), startsOf(house).length]).toEqual(["accepted-for-carry", 0])
})

test("archive and delete end what waits, with its frame", async () => {
  for (const how of ["archive", "remove"] as const) {
    const house = asking()
    dies(house)
    await house.settle(how === "archive" ? house.life.archive("t") : house.life.remove("t").then(() => {}))
    expect(frames(house).at(-1)).toEqual({
      frame: "approval_resolved",
      payload: { approvalId: house.id, status: "expired" },
    })
    expect(listOf(house)).toEqual([])
    await expect(decide(house)).rejects.toMatchObject({ code: "request_not_found" })
  }
})

test("an orphan of a turn that is taken back ends with it", async () => {
  const house = asking()
  dies(house)
  await house.settle(house.rooms.turns.rollback("t", 1))
  expect(frames(house).at(-1).payload).toEqual({ approvalId: house.id, status: "expired" })
  expect(house.rooms.requests.find(house.id)?.reason).toBe("its turn was taken back")
})

test("a person has the model look into what nobody knows the outcome of, without a word of approval", async () => {
  const house = asking()
  await decide(house)
  dies(house)
  await house.settle(house.carry.lookInto(house.id, ANN))
  await rest(house)
  const [start] = startsOf(house)
  expect(start?.text).toContain("nobody knows whether it was carried out")
  expect(start?.text).not.toContain("accepted")
  expect(stateOf(house)).toBe("dismissed")
  house.ingest.take([asked(0, COMMAND, { ...ls, turnId: "turn-1" })], "run-2")
  expect(listOf(house)).toMatchObject([{ state: "open" }])
})

test("whatever is killed when, each accept lets the command run at most once, and the list is what can be decided", () => {
  const step = fc.constantFrom(
    "accept",
    "decline",
    "child-dies",
    "daemon-dies",
    "asks",
    "asks-other",
    "ends",
    "shows",
    "pipe",
  )
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const house = asking()
      let run = 1
      let rpc = 1
      let accepted = 0
      let ran = 0
      let broken: "no" | "unwritten" | "unknown" = "no"
      house.child.answer = async (...args) => {
        const [, , result] = args as [string, number, { decision: string }]
        if (broken === "unwritten") throw new Fault("runtime_unavailable", "nothing was written")
        if (result.decision === "accept") ran++
        if (broken === "unknown") throw new Fault("request_undelivered", "half a line")
      }
      const current = () => (run === 1 ? "run" : `run-${run}`)
      const turn = () => house.rooms.turns.active("t")?.id
      for (const what of steps) {
        if (what === "pipe")
          broken = broken === "no" ? "unwritten" : broken === "unwritten" ? "unknown" : "no"
        if (what === "accept" || what === "decline") {
          const waiting = listOf(house).map((row) => String(row.approvalId))
          for (const id of waiting) {
            if (what === "accept") accepted++
            await decide({ ...house, id }, what === "accept" ? accept : decline).catch(() => {})
          }
        }
        if (what === "child-dies") {
          dies(house, current())
          run++
        }
        if (what === "daemon-dies") {
          house.now((tx) => house.acts.endRun(tx, { reason: "stopped" }, () => {}))
          run++
        }
        const active = turn()
        if (active && what.startsWith("asks")) {
          const command = what === "asks" ? "ls -l" : "rm -r"
          house.ingest.take([asked(rpc++, COMMAND, { ...ls, command, turnId: active })], current())
        }
        if (active && what === "ends")
          house.ingest.take(
            [said("turn/completed", { threadId: "t", turn: { id: active, status: "completed" } })],
            current(),
          )
        if (active && what === "shows") {
          const item = { type: "agentMessage", id: `m-${rpc++}`, text: "" }
          house.ingest.take([said("item/completed", { threadId: "t", turnId: active, item })], current())
        }
        await rest(house)
        expect(ran).toBeLessThanOrEqual(accepted)
        for (const row of listOf(house)) {
          const request = house.rooms.requests.find(String(row.approvalId))
          const asksLiving = request?.state === "open" && request.runId === current()
          expect(asksLiving || request?.state === "orphaned").toBe(true)
        }
        expect(pendingIn(house)).toEqual(new Set(listOf(house).map((row) => row.approvalId)))
      }
      house.ingest.take([], current())
      expect(house.faults).toEqual([])
    }),
    { numRuns: 120 },
  )
}, 60_000)
