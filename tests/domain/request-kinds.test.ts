// Every kind of request: what its row tells a person, which decisions it takes, and what each is in the app-server's words.

import { describe, expect, test } from "bun:test"
import type { Decision } from "../../src/domain/requests/verdict.ts"
import { API, asked, openRooms, said } from "../support/rooms.ts"

const COMMAND = "item/commandExecution/requestApproval"
const PATCH = "item/fileChange/requestApproval"
const PERMISSIONS = "item/permissions/requestApproval"
const QUESTIONS = "item/tool/requestUserInput"
const ELICITATION = "mcpServer/elicitation/request"

type Row = Record<string, unknown> & { about: Record<string, unknown>; choices: object[] }

/** A house in which the child has asked that. */
function asking(method: string, params: Record<string, unknown>, before: ReturnType<typeof said>[] = []) {
  const house = openRooms()
  house.ingest.take(
    [
      said("thread/started", { thread: { id: "t", cwd: "/w" } }),
      said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } }),
      ...before,
      asked(7, method, params),
    ],
    "run",
  )
  const { list } = house.rooms.requests
  const [row] = [...list("t", "approval"), ...list("t", "tool_input"), ...list("t", "tool_call")] as Row[]
  if (!row) throw new Error("nothing waits")
  const id = String(row.approvalId ?? row.requestId)
  /** The result that the child was sent. */
  const sent = async (decision: Decision) => {
    await house.settle(house.rooms.requests.decide(id, decision, API))
    return house.child.calls.at(-1)?.[3]
  }
  return { ...house, row, id, sent }
}
const in_ = (more: Record<string, unknown> = {}) => ({ threadId: "t", turnId: "u", itemId: "i", ...more })
const approval = (decision: "accept" | "decline" | "cancel", more: object = {}) =>
  ({ kind: "approval", decision, scope: "turn", ...more }) as Decision
const input = (decision: "accept" | "decline" | "cancel", more: object = {}) =>
  ({ kind: "tool_input", decision, ...more }) as Decision

describe("a command", () => {
  const exec = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["git", "push"] } }
  const rule = (action: string) => ({
    applyNetworkPolicyAmendment: { network_policy_amendment: { host: "example.org", action } },
  })
  const params = in_({
    command: "/bin/bash -lc 'git push'",
    cwd: "/w",
    reason: "to publish",
    commandActions: [
      { type: "read", command: "cat a", name: "a", path: "/w/a" },
      { type: "search", command: "rg b", query: "b", path: null },
      { type: "listFiles", command: "ls", path: "src" },
      { type: "unknown", command: "git push" },
    ],
    networkApprovalContext: { host: "example.org", protocol: "https" },
    environmentId: "local",
    availableDecisions: ["accept", exec, rule("allow"), rule("deny"), "cancel"],
  })

  test("says what it would do, and which answers it takes", () => {
    const { row } = asking(COMMAND, params)
    expect(row.topic).toBe("command")
    expect(row.summary).toBe("/bin/bash -lc 'git push'")
    expect(row.about).toEqual({
      command: "/bin/bash -lc 'git push'",
      cwd: "/w",
      environment: "local",
      actions: [
        { type: "read", text: "reads /w/a" },
        { type: "search", text: "searches for b" },
        { type: "listFiles", text: "lists src" },
        { type: "unknown", text: "runs git push" },
      ],
      reason: "to publish",
      network: "network access to example.org (https)",
      permissions: [],
      into: null,
    })
    expect(row.choices).toEqual([
      { decision: "accept", scope: "turn" },
      { decision: "accept", execpolicyAmendment: ["git", "push"] },
      { decision: "accept", networkPolicyAmendment: { host: "example.org", action: "allow" } },
      { decision: "decline", networkPolicyAmendment: { host: "example.org", action: "deny" } },
      { decision: "decline" },
      { decision: "cancel" },
    ])
  })

  test("takes every choice that it offers, as the app-server spelled it", async () => {
    const results = []
    for (const choice of asking(COMMAND, params).row.choices)
      results.push(
        await asking(COMMAND, params).sent({ kind: "approval", scope: "turn", ...choice } as Decision),
      )
    expect(results).toEqual(
      ["accept", exec, rule("allow"), rule("deny"), "decline", "cancel"].map((decision) => ({ decision })),
    )
  })

  test.each([
    ["a rule that it did not offer", approval("accept", { execpolicyAmendment: ["git"] })],
    ["a rule with the other decision", approval("decline", { execpolicyAmendment: ["git", "push"] })],
    [
      "another host",
      approval("accept", { networkPolicyAmendment: { host: "evil.example", action: "allow" } }),
    ],
    ["permissions", approval("accept", { permissions: {} })],
  ])("refuses %s and goes on waiting", async (_, decision) => {
    const { sent, child, rooms } = asking(COMMAND, params)
    await expect(sent(decision)).rejects.toMatchObject({ code: "invalid_request" })
    expect(child.calls).toEqual([])
    expect(rooms.requests.list("t", "approval")).toHaveLength(1)
  })

  test("without a list of decisions takes what was proposed", async () => {
    const older = in_({ command: "make", proposedExecpolicyAmendment: ["make"] })
    const { row, sent } = asking(COMMAND, older)
    expect(row.choices).toContainEqual({ decision: "accept", execpolicyAmendment: ["make"] })
    expect(await sent(approval("accept", { execpolicyAmendment: ["make"] }))).toEqual({
      decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["make"] } },
    })
  })

  test("is not accepted where only rules are offered", async () => {
    const { sent } = asking(COMMAND, in_({ availableDecisions: [rule("deny")] }))
    await expect(sent(approval("accept"))).rejects.toMatchObject({ code: "invalid_request" })
    expect(await sent(approval("decline"))).toEqual({ decision: "decline" })
  })

  test("in the older dialect is argv and parsed commands", async () => {
    const legacy = {
      conversationId: "t",
      callId: "c",
      command: ["git", "push"],
      cwd: "/w",
      reason: null,
      parsedCmd: [{ type: "list_files", cmd: "ls", path: null }],
      proposedExecpolicyAmendment: ["git", "push"],
    }
    const { row, sent } = asking("execCommandApproval", legacy)
    expect(row).toMatchObject({ summary: "git push", itemId: "c", turnId: "u", threadId: "t" })
    expect(row.about.actions).toEqual([{ type: "listFiles", text: "lists files" }])
    expect(await sent(approval("accept", { execpolicyAmendment: ["git", "push"] }))).toEqual({
      decision: { approved_execpolicy_amendment: { proposed_execpolicy_amendment: ["git", "push"] } },
    })
  })
})

describe("a file change", () => {
  test("shows the diff of its item, and counts its lines", () => {
    const changes = [
      { path: "/w/new", kind: { type: "add" }, diff: "one\ntwo\n" },
      { path: "/w/old", kind: { type: "delete" }, diff: "gone\n" },
      { path: "/w/a", kind: { type: "update", move_path: "/w/b" }, diff: "@@ -1 +1,2 @@\n-x\n+y\n+z\n" },
    ]
    const item = { type: "fileChange", id: "i", status: "inProgress", changes }
    const before = [said("item/started", { threadId: "t", turnId: "u", item })]
    const { row } = asking(PATCH, in_({ reason: "tidy", grantRoot: "/w" }), before)
    expect(row).toMatchObject({
      topic: "fileChange",
      summary: "3 changes",
      details: { changes, changeCount: 3 },
    })
    expect(row.about).toMatchObject({ reason: "tidy", grantRoot: "/w" })
    expect(row.about.changes).toEqual([
      { path: "/w/new", kind: "add", movePath: null, diff: "one\ntwo\n", added: 2, removed: 0 },
      { path: "/w/old", kind: "delete", movePath: null, diff: "gone\n", added: 0, removed: 1 },
      { path: "/w/a", kind: "update", movePath: "/w/b", diff: changes[2]?.diff, added: 2, removed: 1 },
    ])
  })

  test("in the older dialect names files by path", async () => {
    const fileChanges = {
      "/w/new": { type: "add", content: "a\n" },
      "/w/a": { update: { unified_diff: "@@ -1 +1 @@\n-x\n+y\n", move_path: null } },
    }
    const { row, sent } = asking("applyPatchApproval", { conversationId: "t", callId: "c", fileChanges })
    expect(row).toMatchObject({ summary: "2 changes", details: { changeCount: 2 } })
    expect(row.about.changes).toMatchObject([
      { path: "/w/new", kind: "add", diff: "a\n", added: 1 },
      { path: "/w/a", kind: "update", added: 1, removed: 1 },
    ])
    expect((row.details as { changes: object[] }).changes[1]).toEqual({
      path: "/w/a",
      kind: { type: "update", move_path: null },
      diff: "@@ -1 +1 @@\n-x\n+y\n",
    })
    expect(await sent(approval("decline"))).toEqual({ decision: "denied" })
  })

  test("of which nothing is known says its reason", () => {
    expect(asking(PATCH, in_({ reason: "extra access" })).row.summary).toBe("extra access")
  })
})

describe("permissions", () => {
  const permissions = {
    network: { enabled: true },
    fileSystem: { read: ["/etc"], write: ["/w/a", "/w/b"] },
  }
  const params = in_({ cwd: "/w", reason: "to build", permissions })

  test("are said in words, and granted as they were asked for", async () => {
    const { row, sent } = asking(PERMISSIONS, { ...params, permissions: { ...permissions, more: null } })
    expect(row.summary).toBe("permissions: network access, read /etc, write /w/a, write /w/b")
    expect(row.about).toMatchObject({ cwd: "/w", reason: "to build" })
    expect(await sent(approval("accept", { scope: "session" }))).toEqual({ permissions, scope: "session" })
  })

  test("are granted in part", async () => {
    const less = { fileSystem: { write: ["/w/b"] }, network: { enabled: false } }
    expect(await asking(PERMISSIONS, params).sent(approval("accept", { permissions: less }))).toEqual({
      permissions: less,
      scope: "turn",
    })
  })

  test.each([
    { fileSystem: { write: ["/etc"] } },
    { fileSystem: { read: ["/etc"], deny: [] } },
    { everything: true },
    { network: true },
  ])("are never more than was asked for: %j", async (more) => {
    const { sent } = asking(PERMISSIONS, params)
    await expect(sent(approval("accept", { permissions: more }))).rejects.toMatchObject({
      code: "invalid_request",
    })
  })

  test("are never granted without what was to stay denied in them", async () => {
    const at = (path: string, access: string) => ({ path: { type: "path", path }, access })
    const entries = [at("/w", "write"), at("/w/secret", "deny"), at("/x", "read")]
    const asked = in_({ permissions: { network: { enabled: true }, fileSystem: { entries, write: ["/w"] } } })
    const grant = (permissions: Record<string, unknown>) =>
      asking(PERMISSIONS, asked).sent(approval("accept", { permissions }))
    for (const more of [{ entries: entries.slice(0, 1) }, { write: ["/w"] }])
      await expect(grant({ fileSystem: more })).rejects.toMatchObject({ code: "invalid_request" })
    for (const less of [{ fileSystem: { entries: entries.slice(0, 2) } }, { network: { enabled: true } }])
      expect(await grant(less)).toEqual({ permissions: less, scope: "turn" })
  })

  test.each(["decline", "cancel"] as const)("are none on %s", async (word) => {
    expect(await asking(PERMISSIONS, params).sent(approval(word))).toEqual({ permissions: {}, scope: "turn" })
  })

  test("of newer binaries name entries", () => {
    const entries = [{ path: { type: "path", path: "/x" }, access: "write" }]
    const { row } = asking(PERMISSIONS, in_({ permissions: { network: null, fileSystem: { entries } } }))
    expect(row.summary).toBe("permissions: write /x")
  })

  test("are all said: what the older lists leave out, places without a path, and parts that nobody here knows", () => {
    const special = (kind: string, more = {}) => ({ path: { type: "special", value: { kind, ...more } } })
    const entries = [
      { path: { type: "path", path: "/x" }, access: "write" },
      { ...special("root"), access: "write" },
      { ...special("project_roots", { subpath: "docs" }), access: "read" },
      { path: { type: "glob_pattern", pattern: "/**/*.pem" }, access: "deny" },
    ]
    const fileSystem = { read: null, write: ["/x"], entries }
    const profile = { network: null, fileSystem, macos: { accessibility: true, calendar: null }, later: null }
    const { row } = asking(PERMISSIONS, in_({ permissions: profile }))
    const words = ["write /x", "write / (everything)", "read project_roots docs", "deny /**/*.pem"]
    const said = [...words, 'macos: {"accessibility":true,"calendar":null}']
    expect(row.summary).toBe(`permissions: ${said.join(", ")}`)
    expect((row.about as { permissions: string[] }).permissions).toEqual(said)
  })
})

describe("a skill", () => {
  test("names no thread: it belongs to the only one that is busy", async () => {
    const { row, sent } = asking("skill/requestApproval", { itemId: "i", skillName: "deploy" })
    expect(row).toMatchObject({ threadId: "t", turnId: "u", summary: "use the skill deploy", topic: "skill" })
    expect(await sent(approval("accept"))).toEqual({ decision: "approve" })
  })

  test("with several busy threads belongs to the one that has the item", () => {
    const item = { type: "commandExecution", id: "i", command: "x" }
    const { row } = asking("skill/requestApproval", { itemId: "i", skillName: "deploy" }, [
      said("thread/started", { thread: { id: "other", cwd: "/w" } }),
      said("turn/started", { threadId: "other", turn: { id: "v", status: "inProgress" } }),
      said("item/started", { threadId: "t", turnId: "u", item }),
    ])
    expect(row.threadId).toBe("t")
  })

  test("that belongs to nobody is refused at once", () => {
    const house = openRooms()
    house.ingest.take([asked(1, "skill/requestApproval", { itemId: "i", skillName: "deploy" })], "run")
    expect(house.child.calls).toEqual([["refuse", "run", 1, -32601, expect.stringContaining("skill")]])
  })

  test.each(["decline", "cancel"] as const)("is declined on %s", async (word) => {
    const { sent } = asking("skill/requestApproval", { itemId: "i", skillName: "deploy" })
    expect(await sent(approval(word))).toEqual({ decision: "decline" })
  })
})

describe("questions", () => {
  const questions = [
    { id: "colour", header: "Colour", question: "Which?", options: [{ label: "red", description: "" }] },
    { id: "name", header: "Name", question: "Yours?", options: null, isOther: false, isSecret: false },
  ]
  const params = in_({ questions })

  test("are asked all, and answered all at once", async () => {
    const { row, sent } = asking(QUESTIONS, params)
    expect(row).toMatchObject({ summary: "2 questions", topic: "userInput" })
    expect(row.questions).toMatchObject([
      { id: "colour", options: [{ label: "red" }], isOther: false, isSecret: false },
      { id: "name", options: null },
    ])
    const answers = { colour: { answers: ["red"] }, name: { answers: ["Ada"] } }
    expect(await sent(input("accept", { answers }))).toEqual({ answers })
  })

  test.each([
    [{}, ["colour", "name"]],
    [{ answers: { colour: { answers: ["red"] } } }, ["name"]],
    [{ answers: { colour: { answers: [] }, name: { answers: [" "] } } }, ["colour", "name"]],
  ])("left open are named: %j", async (more, unanswered) => {
    const { sent, rooms } = asking(QUESTIONS, params)
    const refused = sent(input("accept", more))
    await expect(refused).rejects.toMatchObject({ code: "invalid_request", details: { unanswered } })
    expect(rooms.requests.list("t", "tool_input")).toHaveLength(1)
  })

  test("are passed over by a decline, a cancel, or an answer word for word", async () => {
    for (const word of ["decline", "cancel"] as const)
      expect(await asking(QUESTIONS, params).sent(input(word))).toEqual({ answers: {} })
    expect(await asking(QUESTIONS, params).sent(input("accept", { response: null }))).toBeNull()
  })
})

describe("an MCP server's form", () => {
  const requestedSchema = {
    type: "object",
    properties: {
      name: { type: "string", title: "Name", description: "Who are you?" },
      age: { type: "integer" },
      weight: { type: "number" },
      sure: { type: "boolean", default: true },
      size: { type: "string", enum: ["s", "l"], enumNames: ["Small", "Large"] },
      colour: { type: "string", oneOf: [{ const: "#f00", title: "Red" }] },
      tags: {
        type: "array",
        items: {
          anyOf: [
            { const: "a", title: "A" },
            { const: "b", title: "B" },
          ],
        },
      },
    },
    required: ["name", "size"],
  }
  const form = {
    threadId: "t",
    turnId: null,
    serverName: "shop",
    mode: "form",
    message: "Order?",
    requestedSchema,
  }
  const all = Object.fromEntries(
    Object.entries({
      name: ["Ada"],
      age: ["36"],
      weight: ["1.5"],
      sure: ["false"],
      size: ["Large"],
      colour: ["#f00"],
      tags: ["A", "b"],
    }).map(([id, answers]) => [id, { answers }]),
  )

  test("becomes questions of the running turn", () => {
    const { row } = asking(ELICITATION, form)
    expect(row).toMatchObject({ summary: "shop: Order?", turnId: "u", topic: "elicitation" })
    expect(row.about).toMatchObject({
      server: "shop",
      mode: "form",
      message: "Order?",
      url: null,
      tool: null,
    })
    expect(row.questions).toMatchObject([
      { id: "name", header: "Name", question: "Who are you?", options: null, required: true, type: "string" },
      { id: "age", type: "integer", required: false },
      { id: "weight", type: "number" },
      { id: "sure", type: "boolean", options: [{ label: "true" }, { label: "false" }], default: true },
      { id: "size", type: "choice", options: [{ label: "Small" }, { label: "Large" }] },
      { id: "colour", type: "choice", options: [{ label: "Red" }] },
      { id: "tags", type: "choices", options: [{ label: "A" }, { label: "B" }] },
    ])
  })

  test("is answered in the types that the server wants", async () => {
    expect(await asking(ELICITATION, form).sent(input("accept", { answers: all }))).toEqual({
      action: "accept",
      content: {
        name: "Ada",
        age: 36,
        weight: 1.5,
        sure: false,
        size: "l",
        colour: "#f00",
        tags: ["a", "b"],
      },
      _meta: null,
    })
    const content = { name: "Ada", anything: [1] }
    expect(await asking(ELICITATION, form).sent(input("accept", { content }))).toMatchObject({ content })
  })

  test("says which answers are missing or of another type", async () => {
    const { sent } = asking(ELICITATION, form)
    await expect(sent(input("accept", { answers: { age: all.age } }))).rejects.toMatchObject({
      details: { unanswered: ["name", "size"] },
    })
    for (const [id, text, wanted] of [
      ["age", "1.5", "a whole number"],
      ["sure", "maybe", "one of true, false"],
      ["size", "huge", "one of Small, Large"],
      ["tags", "c", "one of A, B"],
    ]) {
      const answers = { ...all, [String(id)]: { answers: [text] } }
      await expect(sent(input("accept", { answers }))).rejects.toThrow(`${id}: must be ${wanted}`)
    }
  })

  test("is declined or cancelled", async () => {
    for (const action of ["decline", "cancel"] as const)
      expect(await asking(ELICITATION, form).sent(input(action))).toEqual({
        action,
        content: null,
        _meta: null,
      })
  })

  test("that is a url is opened elsewhere", async () => {
    const url = {
      ...form,
      mode: "url",
      url: "https://example.org",
      elicitationId: "e",
      requestedSchema: undefined,
    }
    const { row, sent } = asking(ELICITATION, url)
    expect(row.about).toMatchObject({ mode: "url", url: "https://example.org" })
    expect(await sent(input("accept"))).toEqual({ action: "accept", content: null, _meta: null })
  })

  test("about a tool says its arguments, and holds for the session where that is offered", async () => {
    const _meta = {
      codex_approval_kind: "mcp_tool_call",
      persist: ["session"],
      tool_title: "Buy",
      tool_params: { n: 1 },
    }
    const tool = { ...form, requestedSchema: { type: "object", properties: {} }, _meta }
    const { row } = asking(ELICITATION, tool)
    expect(row.about.tool).toEqual({ title: "Buy", arguments: { n: 1 } })
    expect(row.choices).toEqual([
      { decision: "accept" },
      { decision: "accept", scope: "session" },
      { decision: "decline" },
      { decision: "cancel" },
    ])
    const yes = async (scope: string) => asking(ELICITATION, tool).sent(input("accept", { scope }))
    expect(await yes("session")).toEqual({ action: "accept", content: {}, _meta: { persist: "session" } })
    expect(await yes("always")).toEqual({ action: "accept", content: {}, _meta: null })
  })

  test("of a mode that codexd can't answer takes a client's own answer only", async () => {
    const check = {
      ...form,
      mode: "openai/userVerification",
      title: "You?",
      message: undefined,
      challenge: "x",
    }
    const { row, sent } = asking(ELICITATION, check)
    expect(row.summary).toBe("shop: You?")
    await expect(sent(input("accept"))).rejects.toMatchObject({ code: "invalid_request" })
    const response = { action: "accept", content: { proof: 1 }, _meta: null }
    expect(await sent(input("accept", { response }))).toEqual(response)
  })
})

describe("what no person answers", () => {
  const ask = (method: string, params: object = { threadId: "t" }) => {
    const house = openRooms()
    house.ingest.take([asked("x", method, params)], "run")
    const told = house.told.map(({ type }) => type)
    return { calls: house.child.calls, told, house }
  }

  test("the time is answered by the daemon", () => {
    const { calls, told, house } = ask("currentTime/read")
    const currentTimeAt = Math.floor(house.clock.now() / 1000)
    expect(calls).toEqual([["answer", "run", "x", { currentTimeAt }]])
    expect(told).toEqual(["app.request"])
  })

  test.each([
    ["account/chatgptAuthTokens/refresh", /log in again/],
    ["attestation/generate", /attested/],
    ["something/new", /does not answer something\/new/],
  ])("%s is refused at once, told, and says why", (method, why) => {
    const { calls, told } = ask(method, {})
    expect(calls).toEqual([["refuse", "run", "x", -32601, expect.stringMatching(why)]])
    expect(told).toEqual(["app.request", "request.unsupported"])
  })
})
