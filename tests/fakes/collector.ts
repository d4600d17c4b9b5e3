// A collector of traces: it remembers the spans that it was sent. It can also never answer.

import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

interface Value {
  stringValue?: string
  intValue?: number | string
}
interface Sent {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  status: { code?: number }
  attributes: { key: string; value: Value }[]
}

export interface ToldSpan extends Omit<Sent, "attributes"> {
  attributes: Record<string, string | number | undefined>
}

const plain = (attributes: Sent["attributes"]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]))

export async function openCollector({ answers = true } = {}) {
  const spans: ToldSpan[] = []
  const resources: Record<string, string | number | undefined>[] = []
  const asked: { path: string; key: string }[] = []
  let text = ""
  const server = createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk
    })
    request.on("end", () => {
      asked.push({ path: request.url ?? "", key: String(request.headers["x-key"]) })
      text += body
      for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
        resources.push(plain(resource.attributes))
        for (const { spans: sent } of scopeSpans)
          spans.push(...sent.map((one: Sent) => ({ ...one, attributes: plain(one.attributes) })))
      }
      if (answers) response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resources,
    asked,
    text: () => text,
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
