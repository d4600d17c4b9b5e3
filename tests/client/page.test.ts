// The client as a page and its workers have it: their websocket sends no headers, and their `fetch` no cookie unless told to.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createClient } from "../../src/client/client.ts"
import { COMMANDS, ROOT } from "../support/daemon.ts"

const own = Object.getOwnPropertyDescriptor(globalThis, "navigator")
beforeAll(() => {
  const value = { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0" }
  Object.defineProperty(globalThis, "navigator", { value, configurable: true })
})
afterAll(() => {
  if (own) Object.defineProperty(globalThis, "navigator", own)
})

const READY = { type: "ready", threadId: null, log: "l", head: "l.0", resume: "ok" }

function page(target: { token?: string; headers?: Record<string, string> }) {
  const asked: { path: string; init: RequestInit | undefined }[] = []
  const answer = async (input: unknown, init?: RequestInit) => {
    const { pathname } = new URL(String(input))
    asked.push({ path: pathname, init })
    if (pathname !== "/api/events") return Response.json({})
    return new Response(`data: ${JSON.stringify(READY)}\n\n`)
  }
  return { asked, client: createClient({ url: "http://x", fetch: answer as typeof fetch, ...target }) }
}

test("a token goes by server-sent events, in a page and in a worker, which has no document", async () => {
  for (const target of [{ token: "t" }, { headers: { "x-api-token": "t" } }]) {
    const { asked, client } = page(target)
    for await (const told of client.stream()) {
      expect(told.kind).toBe("ready")
      break
    }
    expect(asked.map(({ path }) => path)).toEqual(["/api/events"])
  }
})

test("a token by websocket is refused at once: it would be tried for ever", async () => {
  const { client } = page({ token: "t" })
  const told = client.stream({ transport: "socket" }).next()
  await expect(told).rejects.toMatchObject({ name: "RefusedError", status: 0 })
})

test("every call carries the login's cookie to a daemon of another origin", async () => {
  const { asked, client } = page({})
  await client.api.health.$get()
  await client.api.projects.$post({ json: { name: "x" } })
  for await (const _ of client.stream({ transport: "events" })) break
  expect(asked.map(({ path, init }) => [path, init?.credentials])).toEqual([
    ["/api/health", "include"],
    ["/api/projects", "include"],
    ["/api/events", "include"],
  ])
})

test("Node runs the client by the package's name, out of a checkout in which nothing was built", () => {
  const { exports } = JSON.parse(readFileSync(join(import.meta.dir, "../../package.json"), "utf8"))
  for (const runtime of ["bun", "node"]) expect(exports["./client"][runtime]).toBe("./src/client/client.ts")
  const script = 'const { createClient } = await import("codexd/client"); console.log(typeof createClient)'
  const said = Bun.spawnSync([COMMANDS.node[0], "--input-type=module", "-e", script], { cwd: ROOT })
  expect(`${said.stdout}${said.stderr}`).toBe("function\n")
})
