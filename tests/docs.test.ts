// What the pages name is what the code has.

import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { FAMILIES } from "../src/edge/stream/wire/families.ts"
import { FRAMES } from "../src/edge/stream/wire/frames.ts"

const page = (name: string) => readFileSync(join(import.meta.dir, "../docs", name), "utf8")

test("the stream's page names every family, and only frames that there are", () => {
  const text = page("stream.md")
  for (const family of FAMILIES) expect(text).toContain(`\`${family}\``)
  const rows = text.split("\n").filter((line) => /^\| `(request|session|project|system)` \|/.test(line))
  const named = rows.flatMap((row) => [...row.matchAll(/`([a-z]+_[a-z_]+)`/g)].map((match) => match[1] ?? ""))
  expect(named.length).toBeGreaterThan(8)
  const event = { n: 1, at: 0, scope: "thread", thread: "t", context: "", stored: true } as const
  const known = Object.entries(FRAMES).flatMap(([type, kinds]) =>
    kinds.map((kind) => {
      try {
        return kind.type({ ...event, type, body: `{"frame":"named"}` }, {} as never).replaceAll(`"`, "")
      } catch {
        return ""
      }
    }),
  )
  const requests = ["approval", "tool_user_input", "tool_call"]
  const named1 = requests.flatMap((name) => [`${name}_resolved`, `${name}_requested`])
  for (const name of named) expect([...known, ...named1, "server_request"]).toContain(name)
})
