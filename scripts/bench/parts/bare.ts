// Baseline (a): a bare reader of the pipe, that parses each line and does nothing with it. bare.ts HOME

import { type Figures, openMeter } from "./meter.ts"
import { DELTA, END, openPipe, type PipeLine, readLines } from "./pipe.ts"

const meter = openMeter()
const pipe = openPipe(process.argv[2] ?? "", () => process.send?.("ready"))
process.on("message", () => pipe.flood())
process.on("exit", () => pipe.end())
process.on("SIGTERM", () => process.exit(0))

await readLines(pipe.stdout, (lines) => {
  for (const line of lines) {
    const message = JSON.parse(line) as PipeLine
    if (message.method === DELTA) {
      meter.frame(line.length)
      const { delta = "" } = message.params ?? {}
      const space = delta.indexOf(" ")
      meter.delta(Number(delta.slice(0, space)), delta.slice(space + 1))
    } else if (message.method === END) {
      meter.end()
      process.send?.([meter.take()] satisfies Figures[])
    } else if (message.id !== undefined) pipe.hear(message)
  }
})
