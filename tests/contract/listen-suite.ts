// What both platforms promise about listening. Runtime-neutral: run by listen.test.ts on Bun and listen.node.ts on Node.

import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ListenSpec, Peer, Platform, Socket, SocketHandlers } from "../../src/base/platform/port.ts"
import { openRawSocket } from "../support/raw-socket.ts"

export interface ListenSuiteNeeds {
  test(name: string, run: () => Promise<void>): void
  platform: Platform
}

const quiet: SocketHandlers = { open() {}, message() {}, drain() {}, close() {} }

export function listenSuite({ test, platform }: ListenSuiteNeeds): void {
  /** A listener on a free port; `fetch` upgrades `/ws` and answers everything else with `answer`. */
  const listen = (
    given: Partial<Omit<ListenSpec, "fetch">> & {
      answer?: (request: Request, peer: Peer) => Promise<Response>
    },
  ) => {
    const { answer, ...spec } = given
    return platform.listen({
      at: { host: "127.0.0.1", port: 0 },
      socket: quiet,
      maxLagBytes: 1 << 20,
      maxBodyBytes: 1_000,
      ...spec,
      fetch(request, peer) {
        const { pathname } = new URL(request.url)
        if (pathname === "/ws" && peer.upgrade({ name: request.headers.get("x-name") ?? "" }))
          return undefined
        return answer?.(request, peer) ?? new Response("hello")
      },
    })
  }
  const target = "/ws"

  test("a request is answered, and its peer is loopback", async () => {
    const seen: Peer[] = []
    const listener = await listen({
      async answer(request, peer) {
        seen.push(peer)
        return Response.json({ got: await request.text(), method: request.method }, { status: 201 })
      },
    })
    const reply = await fetch(`${listener.url}/x`, { method: "POST", body: "abc" })
    assert.equal(reply.status, 201)
    assert.deepEqual(await reply.json(), { got: "abc", method: "POST" })
    assert.equal(seen[0]?.loopback, true)
    assert.match(seen[0]?.address ?? "", /127\.0\.0\.1/)
    assert.equal(listener.url, `http://127.0.0.1:${listener.port}`)
    await listener.stop(1_000)
  })

  test("a port in use rejects with EADDRINUSE", async () => {
    const first = await listen({})
    await assert.rejects(listen({ at: { host: "127.0.0.1", port: first.port } }), { code: "EADDRINUSE" })
    await first.stop(1_000)
  })

  test("text and binary frames of a client both arrive as text, and data stays with the socket", async () => {
    const listener = await listen({
      socket: {
        ...quiet,
        message: (socket, text) => void socket.send(`${String(socket.data.name)}:${text}`),
      },
    })
    const client = await openRawSocket({ at: listener, target, headers: { "x-name": "anna" } })
    client.send("grüße")
    client.send("päckchen", 2)
    await client.untilCount(2)
    assert.deepEqual(client.texts, ["anna:grüße", "anna:päckchen"])
    await client.ping()
    client.close()
    assert.equal(await client.closed, 1000)
    await listener.stop(1_000)
  })

  test("published and sent frames keep their order; joining and leaving hold from that moment", async () => {
    const listener = await listen({
      socket: {
        ...quiet,
        message(socket) {
          platform.publish("order", "0")
          socket.subscribe("order")
          platform.publish("order", "1")
          socket.send("2")
          platform.publish("order", "3")
          socket.unsubscribe("order")
          platform.publish("order", "not for you")
          socket.send("4")
        },
      },
    })
    const client = await openRawSocket({ at: listener, target })
    client.send("go")
    await client.untilCount(4)
    client.send("go")
    await client.untilCount(8)
    assert.equal(client.texts.join(""), "12341234")
    client.destroy()
    await listener.stop(1_000)
  })

  test("what was published before the last topic was left still arrives", async () => {
    const open = Promise.withResolvers<Socket>()
    const listener = await listen({ socket: { ...quiet, open: (socket) => open.resolve(socket) } })
    const client = await openRawSocket({ at: listener, target })
    const socket = await open.promise
    await new Promise((resolve) => setImmediate(resolve))
    socket.subscribe("leaving")
    platform.publish("leaving", "kept")
    socket.unsubscribe("leaving")
    platform.publish("leaving", "not for you")
    socket.send("end")
    await client.untilCount(2)
    assert.deepEqual(client.texts, ["kept", "end"])
    client.destroy()
    await listener.stop(1_000)
  })

  test("publish reaches the sockets of all listeners, TCP and unix, each once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "listen-"))
    const path = join(folder, "s.sock")
    const seen: Peer[] = []
    const handlers: SocketHandlers = { ...quiet, open: (socket) => socket.subscribe("news") }
    const tcp = await listen({ socket: handlers })
    const unix = await listen({
      socket: handlers,
      at: { path },
      async answer(_, peer) {
        seen.push(peer)
        return new Response("unix")
      },
    })
    assert.equal(unix.port, 0)
    assert.equal(unix.url, `unix:${path}`)
    const clients = await Promise.all([
      openRawSocket({ at: tcp, target }),
      openRawSocket({ at: { path }, target }),
      openRawSocket({ at: { path }, target }),
    ])
    await Promise.all(clients.map((client) => client.ping()))
    platform.publish("news", "one")
    platform.publish("news", "two")
    await Promise.all(clients.map((client) => client.untilCount(2)))
    for (const client of clients) {
      assert.deepEqual(client.texts, ["one", "two"])
      client.destroy()
    }
    assert.match(await rawAnswer({ path }, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), /unix$/)
    assert.equal(seen[0]?.loopback, true)
    assert.equal(seen[0]?.address, "unix")
    await tcp.stop(1_000)
    await unix.stop(1_000)
    rmSync(folder, { recursive: true, force: true })
  })

  test("a socket that lags is cut after a contiguous prefix while others get everything", async () => {
    const COUNT = 40_000
    const frame = (i: number) => `${i}:${"x".repeat(500)}`
    const gone = Promise.withResolvers<number>()
    const listener = await listen({
      maxLagBytes: 256 * 1024,
      socket: {
        ...quiet,
        open: (socket) => socket.subscribe("flood"),
        close(socket, code) {
          if (socket.data.name === "slow") gone.resolve(code)
        },
      },
    })
    const slow = await openRawSocket({ at: listener, target, headers: { "x-name": "slow" } })
    const quick = await openRawSocket({ at: listener, target })
    await Promise.all([slow.ping(), quick.ping()])
    slow.pause()
    for (let i = 0; i < COUNT; i++) {
      platform.publish("flood", frame(i))
      // The quick one is in this process: let it read.
      if (i % 100 === 99) await quick.untilCount(i)
    }
    assert.equal(await gone.promise, 1006)
    await quick.untilCount(COUNT)
    slow.resume()
    assert.equal(await slow.closed, 1006)
    assert.ok(slow.texts.length < COUNT)
    assert.deepEqual(
      slow.texts,
      slow.texts.map((_, i) => frame(i)),
    )
    quick.destroy()
    await listener.stop(1_000)
  })

  test("send says when to wait, drain when to go on, and nothing is lost in between", async () => {
    const COUNT = 30_000
    const frame = (i: number) => `${i}:${"y".repeat(1_000)}`
    const first = Promise.withResolvers<void>()
    const waiting = { pauses: 0, next: 0 }
    const more = (socket: Socket) => {
      while (waiting.next < COUNT) {
        if (socket.send(frame(waiting.next++))) continue
        waiting.pauses++
        first.resolve()
        return
      }
    }
    const listener = await listen({ socket: { ...quiet, message: more, drain: more } })
    const client = await openRawSocket({ at: listener, target })
    client.pause()
    client.send("go")
    await first.promise
    assert.ok(waiting.next < COUNT)
    client.resume()
    await client.untilCount(COUNT)
    assert.deepEqual(
      client.texts,
      Array.from({ length: COUNT }, (_, i) => frame(i)),
    )
    client.destroy()
    await listener.stop(1_000)
  })

  test("an upgrade that the house refuses is an ordinary answer, and a plain request is no upgrade", async () => {
    const tried: boolean[] = []
    const listener = await listen({
      async answer(_, peer) {
        tried.push(peer.upgrade({}))
        return new Response("no", { status: 403, headers: { "x-why": "because" } })
      },
    })
    await assert.rejects(
      openRawSocket({ at: listener, target: "/other", headers: { upgrade: "h2c" } }),
      /403/,
    )
    assert.equal((await fetch(`${listener.url}/plain`)).headers.get("x-why"), "because")
    assert.deepEqual(tried, [false, false])
    await listener.stop(1_000)
  })

  test("a body that says it is too long is refused unread with the catalogue's body", async () => {
    let calls = 0
    const listener = await listen({
      async answer() {
        calls++
        return new Response("x")
      },
    })
    const answer = await rawAnswer(
      listener,
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n",
    )
    assert.match(answer, /^HTTP\/1\.1 413/)
    assert.match(answer, /"code":"request_failed"/)
    assert.equal(calls, 0)
    await listener.stop(1_000)
  })

  test("a body of unsaid length fails while it is read, with the fault", async () => {
    const listener = await listen({
      answer: async (request) => new Response(await request.text()),
    })
    const chunk = `3e8\r\n${"z".repeat(1_000)}\r\n`
    const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert.match(await rawAnswer(listener, `${head}${chunk}0\r\n\r\n`), /^HTTP\/1\.1 200/)
    assert.match(await rawAnswer(listener, `${head}${chunk}${chunk}0\r\n\r\n`), /^HTTP\/1\.1 413/)
    await listener.stop(1_000)
  })

  test("a failure that got out is 500 without its text", async () => {
    const listener = await listen({
      answer: () => Promise.reject(new Error("the secret")),
    })
    const reply = await fetch(listener.url)
    assert.equal(reply.status, 500)
    assert.doesNotMatch(await reply.text(), /secret/)
    await listener.stop(1_000)
  })

  test("a client that goes away aborts its request", async () => {
    const began = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    const listener = await listen({
      answer(request) {
        request.signal.addEventListener("abort", () => aborted.resolve())
        began.resolve()
        return new Promise<Response>(() => {})
      },
    })
    const socket = connect(listener.port, "127.0.0.1")
    socket.on("error", () => {})
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await began.promise
    socket.destroy()
    await aborted.promise
    await listener.stop(0)
  })

  test("a connection that is let go of is cut when its client takes nothing", async () => {
    const ended = Promise.withResolvers<void>()
    const listener = await listen({
      async answer(_, peer) {
        peer.holdOpen()
        const chunk = new Uint8Array(64 * 1024)
        let left = 1_024
        const body = new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              if (left-- > 0) return controller.enqueue(chunk)
              controller.close()
            },
            cancel: () => ended.resolve(),
          },
          new ByteLengthQueuingStrategy({ highWaterMark: chunk.byteLength }),
        )
        peer.letGo(1_000)
        return new Response(body)
      },
    })
    const socket = connect(listener.port, "127.0.0.1")
    socket.on("error", () => {})
    socket.pause()
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await ended.promise
    socket.destroy()
    await listener.stop(1_000)
  })

  test("stop closes sockets with 1012, lets answers under way finish and frees the port", async () => {
    const began = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const listener = await listen({
      async answer() {
        began.resolve()
        await release.promise
        return new Response("in time")
      },
    })
    const client = await openRawSocket({ at: listener, target })
    const reply = fetch(listener.url, { headers: { connection: "close" } })
    await began.promise
    const stopped = listener.stop(10_000)
    assert.equal(await client.closed, 1012)
    const again = await listen({ at: { host: "127.0.0.1", port: listener.port } })
    release.resolve()
    assert.equal(await (await reply).text(), "in time")
    await stopped
    await again.stop(0)
  })

  test("stop gives up on answers that outlive their grace", async () => {
    const began = Promise.withResolvers<void>()
    const listener = await listen({
      answer() {
        began.resolve()
        return new Promise<Response>(() => {})
      },
    })
    const reply = fetch(listener.url).then(
      () => "answered",
      () => "cut",
    )
    await began.promise
    await listener.stop(50)
    assert.equal(await reply, "cut")
  })
}

/** Writes raw bytes and returns everything that came back until the connection ended. */
function rawAnswer(at: { port: number } | { path: string }, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = "path" in at ? connect(at.path) : connect(at.port, "127.0.0.1")
    let got = ""
    const net = setTimeout(() => reject(new Error(`no end after: ${got.slice(0, 200)}`)), 60_000)
    const end = () => {
      clearTimeout(net)
      resolve(got)
    }
    socket.on("data", (bytes) => {
      got += bytes.toString()
    })
    socket.on("end", () => socket.end())
    socket.on("close", end)
    socket.on("error", end)
    socket.write(text)
  })
}
