// Requests over keep-alive connections, one after the other on each, for so long. load.ts PORT PATH CONNECTIONS MS
// [HEADER] [STATUS]

import { percentile } from "./figures.ts"

export interface LoadFigures {
  perSecond: number
  p50: number
  p99: number
}

const [port, path, connections, ms, header = "", status = "200"] = process.argv.slice(2)
const more = header && `${header}\r\n`
const REQUEST = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n`
const LENGTH = /content-length: (\d+)/i
const until = performance.now() + Number(ms)
const times: number[] = []
let open = Number(connections)

function finish() {
  if (--open > 0) return
  const sorted = times.sort((a, b) => a - b)
  const perSecond = (times.length * 1000) / Number(ms)
  const figures: LoadFigures = { perSecond, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }
  process.send?.(figures)
}

for (let i = 0; i < Number(connections); i++) {
  let sentAt = 0
  let got = ""
  let left = 0
  await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      open(socket) {
        sentAt = performance.now()
        socket.write(REQUEST)
      },
      data(socket, chunk) {
        // Only the head is read as text: bodies may be large.
        if (left === 0) {
          got += chunk.toString("latin1")
          const end = got.indexOf("\r\n\r\n")
          if (end < 0) return
          if (!got.startsWith(`HTTP/1.1 ${status}`)) throw new Error(got.slice(0, 500))
          left = end + 4 + Number(LENGTH.exec(got)?.[1] ?? 0) - got.length
          got = ""
        } else left -= chunk.length
        if (left > 0) return
        const at = performance.now()
        times.push(at - sentAt)
        if (at > until) {
          finish()
          return
        }
        sentAt = at
        socket.write(REQUEST)
      },
    },
  })
}
