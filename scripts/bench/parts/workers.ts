// Programs of a bench that run in processes of their own, and what they say: one JSON value at a time, in order.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { within } from "../../../tests/support/daemon.ts"

export interface Program extends AsyncDisposable {
  pid: number
  /** The next thing it says. */
  said<T>(what: string): Promise<T>
  tell(value: unknown): void
}

const NET_MS = 120_000

/** Starts `parts/NAME.ts` with these arguments. Disposing ends it. */
export function startProgram(name: string, args: readonly string[], env = {}): Program {
  const waiting: ((value: unknown) => void)[] = []
  const values: unknown[] = []
  const child = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dir, `${name}.ts`), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
    ipc(value) {
      const next = waiting.shift()
      if (next) next(value)
      else values.push(value)
    },
  })
  const next = () =>
    new Promise<unknown>((resolve) => {
      if (values.length > 0) resolve(values.shift())
      else waiting.push(resolve)
    })
  const ended = child.exited.then((code) => {
    throw new Error(`${name} ended with ${code}`)
  })
  ended.catch(() => {})
  return {
    pid: child.pid,
    said: <T>(what: string) =>
      within(Promise.race([next(), ended]), () => `${name}: ${what}`, NET_MS) as Promise<T>,
    tell: (value) => child.send(value),
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
    },
  }
}

/** Processor time a process has used, in milliseconds (ticks of 10). */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return Number(kb) / 1024
}
