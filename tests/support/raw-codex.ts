// The real `codex app-server` over stdio, with nothing of ours between: one JSON object a line, both directions kept.
// Server requests go to `answer`; everything waits for a line, never for time (deadlines are failure nets).

import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

export type Json = Record<string, unknown>
export interface Line {
  dir: "in" | "out"
  message: Json
}

const vendor = "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl"
const cached = (version: string) => join(homedir(), ".cache/codexd-codex", version, vendor)

/** The binaries that the suites know, by version. */
export const BINARIES: Record<string, string> = {
  "0.105.0": join(cached("0.105.0"), "codex/codex"),
  "0.130.0": join(cached("0.130.0"), "codex/codex"),
  "0.150.1": join(cached("0.150.1"), "bin/codex"),
  "0.169.0": join(import.meta.dirname, "../..", vendor, "bin/codex"),
}

/** A fresh folder outside the system's temp folder, removed when disposed. */
export function openTestHome(name: string): { path: string } & Disposable {
  const root = join(homedir(), ".cache/codexd-tests")
  mkdirSync(root, { recursive: true })
  const path = mkdtempSync(join(root, `${name}-`))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export interface RawCodexNeeds {
  binary: string
  codexHome: string
  cwd: string
  /** The result for a server request; undefined leaves it unanswered. */
  answer?: (method: string, params: Json) => unknown
}

const DEADLINE_MS = 30_000

/** Spawns `codex app-server`, shakes hands with the experimental API, and returns calls and waits. Disposing kills it. */
export async function openRawCodex({ binary, codexHome, cwd, answer }: RawCodexNeeds) {
  const child = Bun.spawn([binary, "app-server"], {
    cwd,
    env: { PATH: process.env.PATH ?? "", HOME: codexHome, CODEX_HOME: codexHome },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    // A group of its own, so that its commands go with it.
    detached: true,
  })
  const lines: Line[] = []
  const hearers = new Set<() => void>()
  let ended = false
  let errors = ""
  const wake = () => {
    for (const hear of [...hearers]) hear()
  }

  const send = (message: Json) => {
    lines.push({ dir: "in", message })
    child.stdin.write(`${JSON.stringify(message)}\n`)
    child.stdin.flush()
  }

  const take = (message: Json) => {
    lines.push({ dir: "out", message })
    if (message.id !== undefined && typeof message.method === "string") {
      const result = answer?.(message.method, message.params as Json)
      if (result !== undefined) send({ id: message.id, result })
    }
    wake()
  }

  const readOut = async () => {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of child.stdout) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = parts.pop() ?? ""
      for (const part of parts) if (part.trim()) take(JSON.parse(part))
    }
    ended = true
    wake()
  }
  const readErr = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of child.stderr) errors = (errors + decoder.decode(chunk)).slice(-8_000)
  }
  const reading = Promise.all([readOut(), readErr()])

  /** The first line from the child at or after `from` that matches; rejects at the deadline or when the child is gone. */
  const wait = (what: string, match: (message: Json) => boolean, from = 0): Promise<Json> =>
    new Promise((resolve, reject) => {
      let at = from
      const fail = (why: string) => {
        stop()
        const tail = lines.slice(-6).map((l) => `${l.dir} ${JSON.stringify(l.message).slice(0, 300)}`)
        reject(new Error(`${why} waiting for ${what}\n${tail.join("\n")}\n${errors.slice(-1_500)}`))
      }
      const look = () => {
        for (; at < lines.length; at++) {
          const line = lines[at]
          if (line?.dir === "out" && match(line.message)) {
            stop()
            resolve(line.message)
            return
          }
        }
        if (ended) fail("the child ended")
      }
      const net = setTimeout(() => fail("deadline"), DEADLINE_MS)
      const stop = () => {
        clearTimeout(net)
        hearers.delete(look)
      }
      hearers.add(look)
      look()
    })

  let lastId = 0
  const request = (method: string, params: Json): Promise<Json> => {
    const id = ++lastId
    const from = lines.length
    send({ id, method, params })
    return wait(`answer of ${method}`, (m) => m.id === id && m.method === undefined, from)
  }
  /** The result; throws the error object as text. */
  const call = async (method: string, params: Json): Promise<Json> => {
    const reply = await request(method, params)
    if (reply.error) throw new Error(`${method}: ${JSON.stringify(reply.error)}`)
    return reply.result as Json
  }

  /** Starts a turn with this text and waits for its `turn/completed`; returns the turn and the lines since its start. */
  const runTurn = async (threadId: string, text: string, more: Json = {}) => {
    const from = lines.length
    const input = [{ type: "text", text, text_elements: [] }]
    await call("turn/start", { threadId, input, ...more })
    const done = await wait("turn/completed", (m) => m.method === "turn/completed", from)
    return { turn: (done.params as { turn: Json }).turn, lines: lines.slice(from) }
  }

  const close = async () => {
    try {
      process.kill(-child.pid, "SIGKILL")
    } catch {
      child.kill("SIGKILL")
    }
    await child.exited
    await reading
  }

  try {
    await call("initialize", {
      clientInfo: { name: "codexd-tests", title: "codexd tests", version: "0" },
      capabilities: { experimentalApi: true },
    })
    send({ method: "initialized" })
  } catch (error) {
    await close()
    throw error
  }
  return { call, request, send, wait, runTurn, lines, pid: child.pid, [Symbol.asyncDispose]: close }
}
export type RawCodex = Awaited<ReturnType<typeof openRawCodex>>
