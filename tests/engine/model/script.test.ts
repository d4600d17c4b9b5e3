import { describe, expect, test } from "bun:test"
import * as v from "valibot"
import { readAsk, responsesBody } from "../../../src/engine/model/request.ts"
import { scriptOf } from "../../../src/engine/model/script.ts"

const EXEC = { type: "function", name: "exec_command" }
const user = (text: string) => ({ type: "message", role: "user", content: [{ type: "input_text", text }] })
const call = (call_id: string, name = "exec_command") => ({
  type: "function_call",
  call_id,
  name,
  arguments: "{}",
})
const output = (call_id: string, text: unknown) => ({ type: "function_call_output", call_id, output: text })

interface PlayWith {
  tools?: object[]
  attempt?: number
  instructions?: string
}

function play(input: object[], { tools = [EXEC], attempt = 1, ...more }: PlayWith = {}) {
  return scriptOf(readAsk(v.parse(responsesBody, { input, tools, ...more })), attempt)
}
const steps = (...args: Parameters<typeof play>) => play(...args).steps
const said = (...args: Parameters<typeof play>) =>
  steps(...args).flatMap((step) => (step.do === "say" ? [step.text] : []))

describe("whose words count", () => {
  test("plain text is echoed", () => {
    expect(said([user("hello there")])).toEqual(["You said: hello there"])
  })

  test("codex's own notes among the user messages are not a person's words", () => {
    const notes = [
      "<environment_context>\n  <cwd>/x</cwd>\n</environment_context>",
      "# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>\nrun: rm -rf /\n</INSTRUCTIONS>",
      "<turn_aborted>\nrun: no\n</turn_aborted>",
      "Warning: apply_patch was requested via exec_command. Use the apply_patch tool instead of exec_command.",
    ]
    expect(said([user("echo: mine"), ...notes.map(user)])).toEqual(["mine"])
  })

  test("only the newest message is obeyed, so a steered one replaces what was left", () => {
    const input = [user("run: one\nrun: two"), call("a"), output("a", "x"), user("echo: steered")]
    expect(said(input)).toEqual(["steered"])
  })

  test("calls of earlier turns are not this turn's progress", () => {
    const input = [user("run: old"), call("a"), output("a", "x"), user("run: new")]
    expect(steps(input)).toMatchObject([{ do: "function", name: "exec_command" }])
  })

  test("a history summarised within the turn ends it instead of running it again", () => {
    const summary = "Another language model started to solve this problem and produced a summary"
    expect(said([user("run: again"), user(summary)])).toEqual([
      "Done; the history was summarised on the way.",
    ])
  })
})

describe("tools", () => {
  const argsOf = (tools: object[], text: string) => {
    const [step] = steps([user(text)], { tools })
    return step?.do === "function" ? [step.name, JSON.parse(step.args)] : step
  }

  test("the shell is called by the name and shape that is offered", () => {
    expect(argsOf([EXEC], "run: ls -l")).toEqual(["exec_command", { cmd: "ls -l", yield_time_ms: 30_000 }])
    const older = (name: string) => [{ type: "function", name }]
    expect(argsOf(older("shell_command"), "run: ls")).toEqual(["shell_command", { command: "ls" }])
    expect(argsOf(older("shell"), "run: ls")).toEqual(["shell", { command: ["bash", "-lc", "ls"] }])
    expect(argsOf([{ type: "local_shell" }], "run: ls")).toMatchObject({
      do: "local_shell",
      command: ["bash", "-lc", "ls"],
    })
  })

  test("escalate asks to leave the sandbox", () => {
    expect(argsOf([EXEC], "escalate: ls")).toMatchObject([
      "exec_command",
      { cmd: "ls", sandbox_permissions: "require_escalated" },
    ])
  })

  test("a patch goes to the custom tool, else through the shell", () => {
    const patch = "*** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** End Patch"
    const custom = { type: "custom", name: "apply_patch" }
    expect(steps([user("patch: a.txt\none\ntwo\nend\necho: later")], { tools: [EXEC, custom] })).toEqual([
      { do: "custom", name: "apply_patch", input: patch },
    ])
    expect(argsOf([EXEC], "patch: a.txt | one | two")).toMatchObject([
      "exec_command",
      { cmd: `apply_patch <<'EOF'\n${patch}\nEOF` },
    ])
  })

  test("a whole patch is used as it is", () => {
    const patch = "*** Begin Patch\n*** Delete File: a.txt\n*** End Patch"
    const tools = [{ type: "custom", name: "apply_patch" }]
    expect(steps([user(`patch:\n${patch}\nend`)], { tools })).toMatchObject([{ input: patch }])
  })

  test("tools are called by name, inside a namespace too", () => {
    const tools = [EXEC, { type: "namespace", name: "crm", tools: [{ type: "function", name: "find" }] }]
    expect(steps([user('call: crm.find {"id":7}')], { tools })).toEqual([
      { do: "function", name: "find", namespace: "crm", args: '{"id":7}' },
    ])
  })

  test("what is not offered is said, and the script goes on", () => {
    const [complaint, after] = said([user("ask: Colour? | Red\necho: after")])
    expect(complaint).toContain("offers no request_user_input")
    expect(after).toBe("after")
  })

  test("a question has the person's options", () => {
    const [name, args] = argsOf(
      [{ type: "function", name: "request_user_input" }],
      "ask: Colour? | Red | Blue",
    ) as [string, { questions: { question: string; options: { label: string }[] }[] }]
    expect(name).toBe("request_user_input")
    expect(args.questions[0]?.question).toBe("Colour?")
    expect(args.questions[0]?.options.map((one) => one.label)).toEqual(["Red", "Blue"])
  })
})

describe("order", () => {
  const text = "echo: before\nrun: one\nrun: two\necho: after"

  test("a response ends at its tool call, the next goes on behind it", () => {
    expect(steps([user(text)]).map((step) => step.do)).toEqual(["say", "function"])
    const one = [user(text), call("a"), output("a", "1")]
    expect(steps(one)).toMatchObject([{ do: "function", args: '{"cmd":"two","yield_time_ms":30000}' }])
    expect(said([...one, call("b"), output("b", "2")])).toEqual(["after"])
  })

  test("without words of its own it ends by quoting the results, free of times and ids", () => {
    const exec =
      "Chunk ID: e4\nWall time: 0.11 seconds\nProcess exited with code 3\nOriginal token count: 1\nOutput:\nmade\n"
    expect(said([user("run: x"), call("a"), output("a", exec)])).toEqual(["exec_command (exit 3):\nmade"])
    const nested = "Wall time: 0.0 seconds\nOutput:\nExit code: 0\nWall time: 0 seconds\nOutput:\nSuccess.\n"
    expect(said([user("run: x"), call("a"), output("a", nested)])).toEqual([
      "exec_command (exit 0):\nSuccess.",
    ])
    const parts = [{ type: "input_text", text: "ticket 7" }]
    expect(said([user("run: x"), call("a", "find"), output("a", parts)])).toEqual(["find:\nticket 7"])
  })

  test("a command that still runs is waited for, and the wait is no progress", () => {
    const running = "Chunk ID: 1\nWall time: 30.0 seconds\nProcess running with session ID 42\nOutput:\n"
    const input = [user("run: x\necho: done"), call("a"), output("a", running)]
    expect(steps(input)).toMatchObject([{ name: "write_stdin" }])
    const exited = "Wall time: 1 seconds\nProcess exited with code 0\nOutput:\n"
    expect(said([...input, call("b", "write_stdin"), output("b", exited)])).toEqual(["done"])
  })
})

describe("failures and the rest", () => {
  test("a failure ends the response; once means the first attempt alone", () => {
    expect(steps([user("fail: 503 busy\necho: never")])).toEqual([
      { do: "fail", status: 503, message: "busy" },
    ])
    expect(steps([user("fail: once 500")])).toMatchObject([{ do: "fail", status: 500 }])
    expect(said([user("fail: once 500\necho: now")], { attempt: 2 })).toEqual(["now"])
    expect(steps([user("ratelimit: 7")])).toEqual([{ do: "ratelimit", seconds: 7 }])
    expect(steps([user("words: 2\ncut")]).map((step) => step.do)).toEqual(["say", "cut"])
  })

  test("words are numbered and paced", () => {
    expect(steps([user("words: 3 20")])).toEqual([{ do: "say", text: "w1 w2 w3", paceMs: 20 }])
  })

  test("a directive that can't be read says its form", () => {
    for (const line of ["words: many", "slow: soon", "fail: 200", "call: x {no", "run:", "patch:"]) {
      expect(said([user(line)])[0]).toStartWith(`I can't read "${line}". The form is: `)
    }
  })

  test("tokens follow the lengths, or the script", () => {
    expect(play([user("x")]).inputTokens).toBe(play([user("y")]).inputTokens)
    expect(play([user("usage: 12345")]).inputTokens).toBe(12_345)
  })

  test("a request for a summary gets one, and obeys nothing", () => {
    const prompt = "You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary"
    expect(said([user("run: x"), user(prompt)], { tools: [] })[0]).toStartWith(
      "Summary by the scripted model",
    )
  })

  test("a review is answered in the schema it demands", () => {
    const instructions = "# Review guidelines:\n\nYou are acting as a reviewer"
    const [verdict] = said([user("finding: /x/a.ts:7 Off by one")], { instructions })
    expect(JSON.parse(verdict ?? "")).toMatchObject({
      findings: [
        { title: "Off by one", code_location: { absolute_file_path: "/x/a.ts", line_range: { start: 7 } } },
      ],
      overall_correctness: "patch is incorrect",
    })
    expect(JSON.parse(said([user("look")], { instructions })[0] ?? "").findings).toEqual([])
  })
})

describe("a turn that a restart cut off", () => {
  const note = user("<runtime_restarted>\nrun: this is no script\n</runtime_restarted>")
  const command = (input: object[]) => {
    const [step] = steps(input)
    return step?.do === "function" ? JSON.parse(step.args).cmd : said(input)
  }

  test("goes on at the call that was cut off, whether codex kept it or not", () => {
    const script = user("run: one\nrun: two\necho: end")
    expect(command([script, note])).toBe("one")
    expect(command([script, call("a"), output("a", "aborted"), note])).toBe("one")
    const waited = "Wall time: 0.6 seconds\naborted by user"
    expect(command([script, call("a"), output("a", waited), note])).toBe("one")
    expect(command([script, call("a"), output("a", "fine"), call("b"), output("b", "aborted"), note])).toBe(
      "two",
    )
    const whole = [script, call("a"), output("a", "fine"), note, call("c"), output("c", "fine")]
    expect(command(whole)).toEqual(["end"])
  })

  test("plays the lines behind `restarted:` instead, which are for that alone", () => {
    const script = user("run: one\nrestarted:\nrun: other\necho: end")
    expect(command([script])).toBe("one")
    expect(command([script, call("a"), output("a", "fine")])).not.toBe("other")
    expect(command([script, call("a"), output("a", "fine"), note])).toBe("other")
    expect(command([script, note, call("b"), output("b", "fine")])).toEqual(["end"])
  })
})
