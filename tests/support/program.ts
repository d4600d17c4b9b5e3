// Starts codexd as a user would, from source (Bun or Node 24) or compiled, and waits for what it says.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { builtBinary } from "./built.ts"

const root = join(import.meta.dir, "../..")

export type Form = "source" | "node" | "compiled"

/** What stands before the arguments of codexd. */
export async function commandOf(form: Form): Promise<string[]> {
  if (form === "compiled") return [await builtBinary()]
  if (form === "node") return [join(root, "node_modules/.bin/node"), join(root, "src/main.node.ts")]
  return [
    process.execPath,
    "--no-env-file",
    `--config=${join(root, "bunfig.toml")}`,
    join(root, "src/main.ts"),
  ]
}

/** A fresh folder under the user's cache, removed on dispose (never in the temp folder: Codex's sandbox may write there). */
export function testFolder(name: string): { path: string } & Disposable {
  const shelf = join(homedir(), ".cache/codexd-tests")
  mkdirSync(shelf, { recursive: true })
  const path = mkdtempSync(join(shelf, `${name}-`))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}

export interface ProgramSpec {
  form: Form
  args: string[]
  cwd: string
  env?: Record<string, string>
}

/** A running codexd. Disposing kills it, if it is still there. */
export async function startProgram({ form, args, cwd, env = {} }: ProgramSpec) {
  const { PATH = "" } = process.env
  const child = Bun.spawn([...(await commandOf(form)), ...args], {
    cwd,
    // The test's folder is the home: commands run in login shells, and a person's profile may be slow or locked.
    env: { PATH, HOME: cwd, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const out = hear(child.stdout)
  const err = hear(child.stderr)
  return {
    pid: child.pid,
    out,
    err,
    signal: (name: "SIGTERM" | "SIGINT" | "SIGKILL") => child.kill(name),
    /** Exit code and everything that was said. */
    async ended(): Promise<{ code: number; out: string; err: string }> {
      const code = await child.exited
      return { code, out: await out.all, err: await err.all }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

function hear(stream: ReadableStream<Uint8Array>) {
  let text = ""
  let over = false
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of [...waiting]) look()
  }
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true })
      wake()
    }
    over = true
    wake()
    return text
  }
  return {
    all: read(),
    /** Resolves with the match once it was said; rejects with everything that was said when the program ends without. */
    until: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(text)
          if (!match && !over) return
          waiting.delete(look)
          if (match) resolve(match)
          else reject(new Error(`${pattern} was never said, but: ${text}`))
        }
        waiting.add(look)
        look()
      }),
  }
}

/** Runs it to its end. */
export async function runProgram(spec: ProgramSpec): Promise<{ code: number; out: string; err: string }> {
  await using program = await startProgram(spec)
  return await program.ended()
}
