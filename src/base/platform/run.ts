// Runs a program of the machine to its end and hands back what it said. Short programs only: its output is kept whole.

import { execFile } from "node:child_process"

export interface Ended {
  code: number
  out: string
  err: string
}

/** Never rejects: a program that isn't there ends with 127 and says so. */
export const runToEnd = ([program = "", ...args]: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 64 * 1024 * 1024, encoding: "utf8" }, (error, out, err) => {
      if (error === null) return resolve({ code: 0, out, err })
      const { code } = error
      resolve(typeof code === "number" ? { code, out, err } : { code: 127, out, err: err || error.message })
    })
  })

export const osName = (): string => process.platform
