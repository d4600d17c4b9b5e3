// Loaded into a daemon before its own program (BUN_OPTIONS=--preload): what it counts, logs and audits of requests is
// replaced by nothing. For `stream.ts instruments` alone; the product can't be blinded.

import { readFileSync } from "node:fs"
import { plugin } from "bun"

const BLIND = `
export function createMeasures() {
  const all = counting()
  const nothing = () => {}
  const blind = Object.fromEntries(Object.keys(all).map((name) => [name, nothing]))
  return { ...blind, meters: all.meters, listen: () => ({ [Symbol.dispose]: nothing }) }
}`

plugin({
  name: "blind",
  setup(build) {
    build.onLoad({ filter: /src\/flow\/kept\/measures\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8")
      const loud = text.replace("export function createMeasures()", "function counting()")
      if (loud === text)
        throw new Error("measures.ts has changed: the bench no longer knows what to leave out")
      return { contents: loud + BLIND, loader: "ts" }
    })
    build.onLoad({ filter: /src\/edge\/http\/seen\/seen\.ts$/ }, () => ({
      contents: "export const createSeen = () => (_, next) => next()",
      loader: "ts",
    }))
  },
})
