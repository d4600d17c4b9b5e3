// A stdio MCP server that offers nothing and won't go: deaf to the end of its input, to TERM, HUP and INT.
// `mcp-stubborn.ts FILE` adds the line `mcp PID` to FILE when it starts.

import { appendFileSync } from "node:fs"

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGPIPE"]) process.on(signal, () => {})
setInterval(() => {}, 3_600_000)
appendFileSync(process.argv[2] ?? "mcp", `mcp ${process.pid}\n`)

interface Asked {
  id?: number | string
  method?: string
  params?: { protocolVersion?: string }
}

function resultOf({ method, params }: Asked): unknown {
  if (method === "initialize") {
    return {
      protocolVersion: params?.protocolVersion ?? "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: "stubborn", version: "1" },
    }
  }
  if (method === "tools/list") return { tools: [] }
  return {}
}

let rest = ""
for await (const chunk of Bun.stdin.stream()) {
  const lines = (rest + new TextDecoder().decode(chunk)).split("\n")
  rest = lines.pop() ?? ""
  for (const line of lines.filter(Boolean)) {
    const asked = JSON.parse(line) as Asked
    if (asked.id === undefined) continue
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id: asked.id, result: resultOf(asked) })}\n`)
  }
}
