// The scripted workload: a few clients that open sessions, send messages, decide, answer, interrupt, join and leave things
// waiting, as chance has it, until they are told to stop. What was acknowledged goes into the ledger.

import type { Ledger, Message } from "./ledger.ts"
import type { Random } from "./random.ts"
import type { Tape, Taped } from "./tape.ts"

export interface WorkloadNeeds {
  url: string
  tape: Tape
  ledger: Ledger
  random: Random
  /** Working directory of the sessions. */
  work: string
  /** Commands append their token here. */
  counter: string
  /** In the command line of everything that is left running. */
  mark: string
  stop: AbortSignal
}

const CLIENTS = 4
const TOOL = {
  name: "note",
  description: "Takes a note.",
  inputSchema: { type: "object", properties: { n: { type: "number" } } },
}
/** What a script asks for while it runs, and how the client answers it. */
const SCRIPTS = [
  "words",
  "words",
  "run",
  "run",
  "slow-run",
  "background",
  "setsid",
  "setsid",
  "background",
  "stays",
  "patch",
  "tool",
  "ask",
  "interrupt",
  "join",
  "mixed",
] as const

export type Workload = ReturnType<typeof createWorkload>

export function createWorkload(needs: WorkloadNeeds) {
  const { url, tape, ledger, random, stop } = needs
  let serial = 0
  const events = new Set<() => void>()
  const acknowledged = () => {
    ledger.acknowledged++
    for (const hear of [...events]) hear()
  }

  /** The body of a 2xx answer; undefined for any other end. */
  async function post(path: string, body: unknown): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await fetch(`${url}/api${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      })
      const text = await answer.text()
      if (answer.ok) {
        acknowledged()
        return JSON.parse(text)
      }
      const { code, status, message } = JSON.parse(text)
      const why = `${code ?? status} ${String(message).replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\/\S+/g, "…")}`
      const key = `${answer.status} ${why} ${path.replace(/[0-9a-f-]{36}/g, "…")}`
      ledger.refused.set(key, (ledger.refused.get(key) ?? 0) + 1)
      return undefined
    } catch {
      return undefined
    }
  }

  async function openSession(): Promise<string | undefined> {
    const body = await post("/sessions", {
      cwd: needs.work,
      filesystemSandbox: random.pick(["workspace-write", "danger-full-access", "danger-full-access"]),
      dynamicTools: [TOOL],
    })
    const id = (body?.session as { sessionId?: string } | undefined)?.sessionId
    if (id) ledger.sessions.push({ id, life: tape.life })
    return id
  }

  async function send(session: string, script: string, counts = false): Promise<Message> {
    const token = `T${tape.life}x${needs.mark.replace(/\D/g, "")}x${serial++}x`
    const text = `job ${token}\n${script.replaceAll("TOKEN", token).replaceAll("MARK", `${needs.mark}${serial}`)}`
    const message: Message = { session, token, text, life: tape.life, counts }
    ledger.messages.push(message)
    const body = await post(`/sessions/${session}/messages`, { text })
    if (body) message.turnId = String(body.turnId)
    return message
  }

  async function answer(frame: Taped, body: { decision: string } & Record<string, unknown>): Promise<void> {
    const { approvalId, requestId } = frame.payload
    const id = String(approvalId ?? requestId)
    const kind = approvalId ? "approval" : frame.type === "tool_call_requested" ? "tool_call" : "tool_input"
    const path = {
      approval: `/approvals/${id}/decision`,
      tool_input: `/tool-input/${id}/decision`,
      tool_call: `/tool-calls/${id}/response`,
    }
    const one = {
      id,
      kind: kind as "approval",
      session: frame.threadId ?? "",
      turnId: frame.payload.turnId as string | null,
      decision: body.decision,
      acknowledged: false,
      life: tape.life,
    }
    ledger.answers.push(one)
    one.acknowledged = (await post(path[kind], body)) !== undefined
  }

  /** Answers what the turn asks until it ends; resolves early when a request is left waiting. */
  function attend(session: string, from: number): Promise<"ended" | "left" | "stopped"> {
    const { promise, resolve } = Promise.withResolvers<"ended" | "left" | "stopped">()
    const see = (frame: Taped) => {
      if (frame.threadId !== session) return
      if (frame.type === "notification" && frame.payload.method === "turn/completed") return resolve("ended")
      const asks = /^(approval|tool_user_input_requested|tool_call_requested)$/.test(frame.type)
      if (!asks || stop.aborted) return
      if (random.often(0.15)) return resolve("left")
      void answer(frame, bodyFor(frame))
    }
    const hearing = tape.hear(see)
    for (const frame of tape.frames.slice(from)) see(frame)
    stop.addEventListener("abort", () => resolve("stopped"))
    if (stop.aborted) resolve("stopped")
    return promise.finally(() => hearing[Symbol.dispose]())
  }

  function bodyFor(frame: Taped): { decision: string } & Record<string, unknown> {
    if (frame.type === "tool_call_requested") return { decision: "answered", text: "noted", success: true }
    if (frame.type === "approval") {
      return { decision: random.pick(["accept", "accept", "accept", "decline", "cancel"]) }
    }
    const [question] = frame.payload.questions as { id: string }[]
    return { decision: "accept", answers: { [question?.id ?? ""]: { answers: ["A"] } } }
  }

  async function interrupt(session: string): Promise<void> {
    if (await post(`/sessions/${session}/interrupt`, {})) ledger.interrupts++
  }

  /** The first frame of the session since then that fits, or the order to stop. */
  function seen(session: string, from: number, fits: (frame: Taped) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const see = (frame: Taped) => {
      const over = frame.type === "notification" && frame.payload.method === "turn/completed"
      if (frame.threadId === session && (over || fits(frame))) resolve()
    }
    const hearing = tape.hear(see)
    for (const frame of tape.frames.slice(from)) see(frame)
    if (stop.aborted) resolve()
    stop.addEventListener("abort", () => resolve())
    return promise.finally(() => hearing[Symbol.dispose]())
  }
  const streams = (frame: Taped) => frame.text.includes("agentMessage/delta")

  async function play(session: string): Promise<"ended" | "left" | "stopped"> {
    const from = tape.frames.length
    const count = `echo TOKEN >> ${needs.counter}`
    const kind = random.pick(SCRIPTS)
    switch (kind) {
      case "words":
        await send(session, `words: ${random.whole(5, 150)} ${random.whole(0, 6)}`)
        break
      case "run":
        await send(session, `run: ${count}`, true)
        break
      case "slow-run":
        await send(session, `run: ${count}; sleep 0.${random.whole(1, 4)}; echo late`, true)
        break
      case "background":
        await send(session, `run: ${count}; sleep MARK & echo left one`, true)
        break
      case "setsid":
        await send(session, `run: ${count}; setsid sleep MARK >/dev/null 2>&1 & echo left one`, true)
        break
      case "stays":
        await send(session, `run: ${count}; sleep MARK`, true)
        if (random.often(0.5)) return "left"
        void attend(session, from)
        await seen(session, from, ({ type }) => type === "approval_resolved")
        await interrupt(session)
        break
      case "patch":
        await send(session, `patch: ${needs.work}/TOKEN.txt | TOKEN`)
        break
      case "tool":
        await send(session, `call: note {"n":1}`)
        break
      case "ask":
        await send(session, "ask: Which? | A | B")
        break
      case "interrupt":
        await send(session, "words: 2000 5")
        await seen(session, from, streams)
        await interrupt(session)
        break
      case "join":
        await send(session, "words: 60 8")
        await seen(session, from, streams)
        await send(session, `words: ${random.whole(5, 40)} 2`)
        break
      case "mixed":
        await send(session, `words: 20 3\nrun: ${count}\nwords: 20 3\ncall: note {"n":2}\necho: end`, true)
        break
    }
    if (ledger.messages.findLast((m) => m.session === session)?.turnId === undefined) return "left"
    return attend(session, from)
  }

  async function client(): Promise<void> {
    let session: string | undefined
    while (!stop.aborted) {
      const old = ledger.sessions.at(-random.whole(1, 12))
      session ??= random.often(0.3) && old && !busy.has(old.id) ? old.id : await openSession()
      if (session === undefined) return
      busy.add(session)
      const end = await play(session)
      if (end === "ended") busy.delete(session)
      // A session that waits for a person is left to itself.
      if (end !== "ended" || random.often(0.3)) session = undefined
    }
  }
  const busy = new Set<string>()

  return {
    /** Resolves when all clients have stopped. */
    run: async (): Promise<void> => {
      await Promise.all(Array.from({ length: CLIENTS }, client))
    },
    /** Resolves after so many frames and acknowledgements. */
    after(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      let left = count
      const hear = () => {
        if (--left <= 0) resolve()
      }
      events.add(hear)
      const hearing = tape.hear(hear)
      return promise.finally(() => {
        events.delete(hear)
        hearing[Symbol.dispose]()
      })
    },
  }
}
