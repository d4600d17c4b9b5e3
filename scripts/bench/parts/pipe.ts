// The pipe of the fake codex without a daemon: spawned, shaken hands with, told to flood. What reads it is the caller's.

import { FAKE_CODEX } from "../../../tests/support/daemon.ts"

export interface Pipe {
  stdout: ReadableStream<Uint8Array>
  /** To be called with every parsed line: answers lead on to the next call. */
  hear(message: PipeLine): void
  /** Starts a turn. */
  flood(): void
  begin(text: string): void
  /** Answers a request of the child. */
  answer(id: number, result: object): void
  end(): void
}
export interface PipeLine {
  id?: number
  method?: string
  params?: { delta?: string; threadId?: string }
  result?: { thread?: { id: string } }
}

/** `ready` is called when turns can be started. */
export function openPipe(home: string, ready: () => void): Pipe {
  const child = Bun.spawn([FAKE_CODEX, "app-server"], {
    env: { ...process.env, CODEX_HOME: home },
    stdio: ["pipe", "pipe", "inherit"],
  })
  let threadId = ""
  let id = 0
  const write = (line: object) => {
    child.stdin.write(`${JSON.stringify(line)}\n`)
    child.stdin.flush()
  }
  const call = (method: string, params: object) => write({ id: ++id, method, params })
  const begin = (text: string) =>
    call("turn/start", { threadId, input: [{ type: "text", text, text_elements: [] }] })
  const clientInfo = { name: "bench", title: "bench", version: "0" }
  call("initialize", { clientInfo, capabilities: { experimentalApi: true } })
  return {
    stdout: child.stdout,
    hear({ id: answered, result }) {
      if (answered === 1) call("thread/start", { cwd: home })
      if (answered !== 2) return
      threadId = result?.thread?.id ?? ""
      ready()
    },
    flood: () => begin("flood"),
    begin,
    answer: (rpcId, result) => write({ id: rpcId, result }),
    end: () => child.kill(),
  }
}

/** The simplest reader: every line of every chunk. */
export async function readLines(stdout: ReadableStream<Uint8Array>, hear: (lines: string[]) => void) {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    hear(lines)
  }
}

export const DELTA = "item/agentMessage/delta"
export const END = "turn/completed"
