// Waits until programs have written to a file, as they do to say that they run.

import { within } from "../daemon.ts"

/** The first `count` lines of a file that may not be there yet. */
export async function linesOf(file: string, count: number): Promise<string[]> {
  const tail = Bun.spawn(["tail", "-n", "+1", "-F", file], { stdout: "pipe", stderr: "ignore" })
  let text = ""
  const read = async () => {
    for await (const chunk of tail.stdout) {
      text += new TextDecoder().decode(chunk)
      const lines = text.split("\n").slice(0, -1)
      if (lines.length >= count) return lines
    }
    throw new Error(`nobody writes to ${file}`)
  }
  try {
    return await within(read(), () => `${count} lines in ${file}, which has ${JSON.stringify(text)}`)
  } finally {
    tail.kill()
    await tail.exited
  }
}
