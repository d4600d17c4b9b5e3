// A stdio MCP server whose tools ask the person before they answer: `order` by a form, `open` by a url, `plain` not at all.
// What came back is the tool's text.

interface Line {
  id?: number | string
  method?: string
  params?: { protocolVersion?: string; name?: string; arguments?: Record<string, unknown> }
  result?: unknown
  error?: unknown
}

const ASKS: Record<string, object> = {
  order: {
    message: "What may it be?",
    requestedSchema: {
      type: "object",
      properties: {
        size: { type: "string", title: "Size", enum: ["s", "l"], enumNames: ["Small", "Large"] },
        count: { type: "integer", title: "Count", description: "How many?", minimum: 1 },
        gift: { type: "boolean", title: "Gift" },
      },
      required: ["size", "count"],
    },
  },
  open: { mode: "url", message: "Log in there", url: "https://example.org/login", elicitationId: "e-1" },
}
const tools = ["order", "open", "plain"].map((name) => ({
  name,
  description: `The tool ${name}`,
  inputSchema: { type: "object", properties: { note: { type: "string" } } },
  // Said to be harmless, so that no version asks whether it may be called at all.
  annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
}))

const say = (line: object): void =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...line })}\n`)
const asked = new Map<string, (answer: unknown) => void>()
let last = 0

async function call({ name = "", arguments: given }: NonNullable<Line["params"]>): Promise<object> {
  const ask = ASKS[name]
  let text = `plain ${JSON.stringify(given ?? {})}`
  if (ask) {
    const id = `ask-${++last}`
    const answer = new Promise((resolve) => asked.set(id, resolve))
    say({ id, method: "elicitation/create", params: ask })
    text = JSON.stringify(await answer)
  }
  return { content: [{ type: "text", text }] }
}

async function answer({ method, params = {} }: Line): Promise<object> {
  if (method === "tools/list") return { tools }
  if (method === "tools/call") return call(params)
  if (method !== "initialize") return {}
  return {
    protocolVersion: params.protocolVersion ?? "2025-06-18",
    capabilities: { tools: {} },
    serverInfo: { name: "asks", version: "1" },
  }
}

let rest = ""
for await (const chunk of Bun.stdin.stream()) {
  const lines = (rest + new TextDecoder().decode(chunk)).split("\n")
  rest = lines.pop() ?? ""
  for (const line of lines.filter(Boolean)) {
    const one = JSON.parse(line) as Line
    if (one.method === undefined) asked.get(String(one.id))?.(one.result ?? one.error)
    else if (one.id !== undefined) answer(one).then((result) => say({ id: one.id, result }))
  }
}

export {}
