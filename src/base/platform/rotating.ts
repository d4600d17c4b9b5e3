// A log file that never grows without bound: at its limit it becomes FILE.1, the older ones move up, the oldest goes.

import { appendFileSync, existsSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { ensurePrivateFolder } from "./files.ts"

export interface RotatingFile extends Disposable {
  /** Appends one line. Throws what the disk throws. */
  line(text: string): void
}

export interface RotatingSpec {
  path: string
  limitBytes: number
  /** Old files kept beside it. */
  keep: number
}

/** Opens the file for appending; its folder is made, for its owner only. */
export function openRotatingFile({ path, limitBytes, keep }: RotatingSpec): RotatingFile {
  ensurePrivateFolder(dirname(path))
  let size = existsSync(path) ? statSync(path).size : 0
  const turn = (): void => {
    rmSync(`${path}.${keep}`, { force: true })
    for (let i = keep - 1; i >= 1; i--)
      if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`)
    if (existsSync(path)) renameSync(path, `${path}.1`)
    size = 0
  }
  return {
    line(text) {
      const bytes = Buffer.from(`${text}\n`)
      if (size > 0 && size + bytes.length > limitBytes) turn()
      appendFileSync(path, bytes, { mode: 0o600 })
      size += bytes.length
    },
    [Symbol.dispose]: () => undefined,
  }
}
