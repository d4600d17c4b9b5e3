// Run by `node --test`.
import assert from "node:assert/strict"
import { connect } from "node:net"
import { test } from "node:test"
import { createNodePlatform } from "../../src/base/platform/node.ts"
import { listenSuite } from "./listen-suite.ts"

listenSuite({
  test: (name, run) => void test(name, { timeout: 120_000 }, run),
  platform: createNodePlatform(),
})

test("a client that never closes its refused upgrade is cut", { timeout: 120_000 }, async () => {
  const { listen } = createNodePlatform()
  const socket = { open() {}, message() {}, drain() {}, close() {} }
  const at = { host: "127.0.0.1", port: 0 }
  const fetch = () => new Response("no", { status: 401 })
  const listener = await listen({ at, socket, fetch, maxLagBytes: 1_000, maxBodyBytes: 1_000 })
  const client = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true })
  const cut = new Promise<void>((resolve) => client.once("error", resolve).once("close", resolve))
  const said = new Promise<string>((resolve) => client.once("data", (bytes) => resolve(`${bytes}`)))
  const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
  client.write(`GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`)
  assert.match(await said, /^HTTP\/1\.1 401 /)
  // Whoever writes to a connection that is gone is told so.
  let gone = false
  const ended = cut.then(() => {
    gone = true
  })
  while (!gone) {
    client.write("x")
    await new Promise((next) => setImmediate(next))
  }
  await ended
  await listener.stop(0)
})
