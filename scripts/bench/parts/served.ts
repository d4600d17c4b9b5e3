// A program that serves, from its spawn to its first answer and to its end.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { COMMANDS, FAKE_CODEX, within } from "../../../tests/support/daemon.ts"

export interface Served extends AsyncDisposable {
  pid: number
  port: number
  database: string
  /** The owner's. */
  token(): string
  /** From spawn to the line that says where it listens. */
  listensMs: number
  /** From spawn to the first answer of `GET /api`. */
  upMs: number
  /** Resolves when stderr has said this. */
  said(words: string): Promise<void>
}

export const BARE = [...COMMANDS.bun.slice(0, -1), join(import.meta.dir, "bare-hono.ts")]
export const serveBy = (command: readonly string[]): string[] => [...command, "serve", "--port", "0"]

const LISTENING = '"message":"codexd is listening"'

export async function startServed(
  command: readonly string[],
  more: Record<string, string> = {},
): Promise<Served> {
  const shelf = join(homedir(), ".cache/codexd-tests")
  mkdirSync(shelf, { recursive: true })
  const folder = mkdtempSync(join(shelf, "bench-"))
  const { PATH = "", HOME = "" } = process.env
  const data = join(folder, "data")
  const env = {
    PATH,
    HOME,
    DATA_DIR: data,
    CODEX_HOME: data,
    API_AUTH: "none",
    CODEX_BIN: FAKE_CODEX,
    AGENT_EXTENSION_WITHOUT: "supervisor",
    ...more,
  }
  const startedAt = performance.now()
  const child = Bun.spawn([...command], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] })
  const hearing = hear(child.stderr)
  await hearing.said(LISTENING)
  const listensMs = performance.now() - startedAt
  const port = Number(/"url":"http:[^"]+:(\d+)"/.exec(hearing.text())?.[1])
  const answer = await fetch(`http://127.0.0.1:${port}/api`)
  await answer.text()
  const upMs = performance.now() - startedAt
  if (answer.status !== 200) throw new Error(`GET /api was answered ${answer.status}`)
  return {
    pid: child.pid,
    port,
    database: join(data, "codexd.db"),
    token: () => readFileSync(join(data, "api-token"), "utf8").trim(),
    listensMs,
    upMs,
    said: hearing.said,
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function hear(stream: ReadableStream<Uint8Array>) {
  let text = ""
  const waiting = new Set<() => void>()
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true })
      for (const look of [...waiting]) look()
    }
  }
  read()
  const said = (words: string): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => text.includes(words) && resolve()
    waiting.add(look)
    look()
    return within(promise, () => `it did not say ${words}: ${text}`).finally(() => waiting.delete(look))
  }
  return { text: () => text, said }
}
