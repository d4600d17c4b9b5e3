// A program of a user of the client: a session, a turn by each transport, a resume over a cut, a refusal. Run by Bun and by
// Node, on the source and on the bundle for browsers; prints `done` when everything was as promised.

import { strict as assert } from "node:assert"
import { connect, createServer, type Socket } from "node:net"
import type * as Source from "../../src/client/client.ts"

type Client = Source.Client

/** A wire between client and daemon that can be cut. */
async function openWire(port: number) {
  const ends = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1")
    for (const end of [near, far]) ends.add(end.on("error", () => {}).on("close", () => ends.delete(end)))
    near.pipe(far)
    far.pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    cut: () => ends.forEach((end) => void end.destroy()),
    close: () => void server.close(),
  }
}

async function untilReady(client: Client): Promise<void> {
  const isUp = async () => {
    const health = (await (await client.api.health.$get()).json()) as { codex?: { initialized: boolean } }
    return health.codex?.initialized === true
  }
  for await (const told of client.stream({ families: ["system"] }))
    if (told.kind !== "lost" && (await isUp())) return
}

async function newSession(client: Client, cwd: string): Promise<string> {
  const made = await client.api.sessions.$post({ json: { cwd } })
  assert.equal(made.status, 200)
  const { session } = await made.json()
  const title: string = session.title
  assert.equal(title, "New chat")
  return session.sessionId
}

async function say(client: Client, sessionId: string, text: string): Promise<string> {
  const sent = await client.api.sessions[":sessionId"].messages.$post({
    param: { sessionId },
    json: { text },
  })
  assert.equal(sent.status, 202)
  return (await sent.json()).turnId
}

const isEnd = (payload: unknown, turnId: string): boolean => {
  const { method, params } = payload as { method?: string; params?: { turn?: { id: string } } }
  return method === "turn/completed" && params?.turn?.id === turnId
}

/** A turn is followed to its end though the wire is cut in the middle: nothing is missing, nothing comes twice. */
async function followed(client: Client, transport: "socket" | "events", wire: { cut(): void }, cwd: string) {
  const sessionId = await newSession(client, cwd)
  const seqs: number[] = []
  const kinds: string[] = []
  let turnId = ""
  for await (const told of client.stream({ transport, threadId: sessionId, families: ["notification"] })) {
    kinds.push(told.kind)
    if (told.kind === "ready") {
      assert.equal(told.ready.resume, "ok")
      if (told.again) turnId ||= await say(client, sessionId, "echo: after the cut")
      else {
        const first = await say(client, sessionId, "echo: before the cut")
        assert.ok(first)
      }
    }
    if (told.kind !== "frame") continue
    seqs.push(told.frame.seq)
    const { method } = told.frame.payload as { method?: string }
    if (method === "turn/completed" && !kinds.includes("lost")) wire.cut()
    if (turnId && isEnd(told.frame.payload, turnId)) break
  }
  assert.ok(kinds.includes("lost"))
  assert.equal(kinds.filter((kind) => kind === "ready").length, 2)
  const all: number[] = []
  const from = `${(await firstPlace(client)).log}.0`
  for await (const told of client.stream({ threadId: sessionId, families: ["notification"], since: from })) {
    if (told.kind !== "frame") continue
    all.push(told.frame.seq)
    if (isEnd(told.frame.payload, turnId)) break
  }
  // Deltas are dropped once what they built up is stored whole: the replay has no more than was heard.
  const [first = 0] = seqs
  assert.deepEqual(
    seqs,
    [...new Set(seqs)].sort((a, b) => a - b),
  )
  const missing = all.filter((seq) => seq >= first && !seqs.includes(seq))
  assert.deepEqual(missing, [])
}

async function firstPlace(client: Client) {
  for await (const told of client.stream({ families: ["system"] }))
    if (told.kind === "ready") return told.ready
  throw new Error("no ready")
}

async function main() {
  const [file = "", port = "", token = "", cwd = ""] = process.argv.slice(2)
  const { createClient } = (await import(file)) as typeof Source
  const wire = await openWire(Number(port))
  const client = createClient({ url: `http://127.0.0.1:${wire.port}`, token })
  await untilReady(client)
  await followed(client, "socket", wire, cwd)
  await followed(client, "events", wire, cwd)
  for (const transport of ["socket", "events"] as const) {
    for await (const told of client.stream({ transport, since: "another-log.16" })) {
      assert.equal(told.kind === "ready" && told.ready.resume, "gap")
      break
    }
    const stranger = createClient({ url: `http://127.0.0.1:${wire.port}`, token: "wrong" })
    const refused = stranger.stream({ transport }).next()
    await assert.rejects(refused, { name: "RefusedError", status: 401 })
  }
  const heard = Promise.withResolvers<string>()
  const listening = client.listen({ onFrame: ({ type }) => heard.resolve(type) }, { families: ["project"] })
  const waiting = (async () => {
    await firstPlace(client)
    return client.api.projects.$post({ json: { name: `told by ${process.version} ${file}` } })
  })()
  assert.equal((await waiting).status, 200)
  assert.equal(await heard.promise, "project_upserted")
  listening[Symbol.dispose]()
  wire.cut()
  wire.close()
  process.stdout.write("done\n")
}

await main()
