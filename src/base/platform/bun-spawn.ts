// Spawning on Bun. A FileSink buffers without limit and takes writes after the child's exit (decisions 11): each write
// is awaited, and fails here once the child is gone.

import type { Child, ChildExit, SpawnSpec } from "./port.ts"
import { signalGroup } from "./signal-group.ts"

export function spawnOnBun({ command, cwd, env }: SpawnSpec): Child {
  // `detached` is setsid: session, group and pid are one number.
  const child = Bun.spawn(command, {
    cwd,
    env,
    detached: true,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  })
  const { stdin } = child
  let gone = false
  let failWrite: ((error: Error) => void) | undefined

  const exited: Promise<ChildExit> = child.exited.then((): ChildExit => {
    gone = true
    failWrite?.(new Error("the child is gone"))
    const { exitCode, signalCode } = child
    return signalCode === null ? { code: exitCode, signal: null } : { code: null, signal: String(signalCode) }
  })

  return {
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    write(text) {
      if (gone) return Promise.reject(new Error("the child is gone"))
      return new Promise((resolve, reject) => {
        failWrite = reject
        flushed(stdin, text).then(resolve, reject)
      })
    },
    end() {
      // Rejects where the child is gone before: nothing is lost by it.
      Promise.resolve(stdin.end()).catch(() => undefined)
    },
    // Not after its end: the number may be another's by then. Who stays in the group is for the reaper.
    signal: (name) => {
      if (!gone) signalGroup(child.pid, name)
    },
  }
}

async function flushed(sink: Bun.FileSink, text: string): Promise<void> {
  await sink.write(text)
  await sink.flush()
}
