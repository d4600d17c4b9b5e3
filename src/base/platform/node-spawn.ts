// Spawning on Node, to the same promises as bun-spawn.ts.

import { spawn } from "node:child_process"
import type { Child, ChildExit, SpawnSpec } from "./port.ts"
import { signalGroup } from "./signal-group.ts"

export function spawnOnNode({ command, cwd, env }: SpawnSpec): Child {
  const [program, ...args] = command
  if (program === undefined) throw new Error("nothing to spawn")
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] })
  const { pid, stdin, stdout, stderr } = child
  // Node reports a failed start as an event; the missing pid tells it at once.
  child.on("error", () => undefined)
  if (pid === undefined) throw new Error(`${program} can't be started in ${cwd}`)
  // At the child's exit Node throws away what nobody has begun to read; a stream with this listener is left alone.
  for (const stream of [stdout, stderr]) stream.on("readable", () => undefined)
  let gone = false
  let failWrite: ((error: Error) => void) | undefined
  // A broken pipe is the failed write's business, not the process's.
  stdin.on("error", () => undefined)

  const exited: Promise<ChildExit> = new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      gone = true
      failWrite?.(new Error("the child is gone"))
      resolve({ code, signal })
    })
  })

  return {
    pid,
    stdout,
    stderr,
    exited,
    write(text) {
      if (gone) return Promise.reject(new Error("the child is gone"))
      return new Promise((resolve, reject) => {
        failWrite = reject
        stdin.write(text, (error) => (error ? reject(error) : resolve()))
      })
    },
    end: () => void stdin.end(),
    // Not after its end: the number may be another's by then. Who stays in the group is for the reaper.
    signal: (name) => {
      if (!gone) signalGroup(pid, name)
    },
  }
}
