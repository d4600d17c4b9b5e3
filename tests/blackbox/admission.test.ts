// The doors of a running daemon, on both runtimes: the owner's socket and our own commands over it, tokens and what they hold
// open, a browser's way in, and those who send too much, too slowly or without end.

import { describe, test } from "bun:test"
import { strict as assert } from "node:assert"
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs"
import { request } from "node:http"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { ask, type Body, listen, openEvents } from "../support/client.ts"
import {
  COMMANDS,
  codexBin,
  type Daemon,
  openPlace,
  type Place,
  runDaemon,
  within,
} from "../support/daemon.ts"
import { openRawSocket } from "../support/raw-socket.ts"

const NET_MS = 120_000
const FORMS = ["bun", "node"] as const
type Form = (typeof FORMS)[number]
const codex = codexBin("0.169.0")
const TOKEN = { API_AUTH: "token" }

const start = (place: Place, form: Form, env: Record<string, string> = {}) =>
  place.start({ command: COMMANDS[form], codexBin: codex, env: { ...TOKEN, ...env } })
const ownerOf = ({ dataDir }: Daemon) => readFileSync(join(dataDir, "api-token"), "utf8").trim()
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** One request over the unix socket. */
function overSocket(path: string, target: string, headers: Record<string, string> = {}, method = "GET") {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Body }>()
  const outgoing = request({
    socketPath: path,
    path: target,
    method,
    agent: false,
    headers: { host: "localhost", ...headers },
  })
  outgoing.on("error", reject)
  outgoing.on("response", (incoming) => {
    let text = ""
    incoming.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
    })
    incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as Body }))
  })
  outgoing.end()
  return within(promise, () => target)
}

/** What the other side says to these bytes until it closes, or until `enough`. */
function rawly(port: number, text: string, enough: (said: string) => boolean) {
  const socket = connect(port, "127.0.0.1")
  const { promise, resolve } = Promise.withResolvers<string>()
  let said = ""
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    said += chunk
    if (enough(said)) resolve(said)
  })
  socket.on("error", () => resolve(said))
  socket.on("close", () => resolve(said))
  socket.write(text)
  return within(promise, () => `an answer; got ${said}`).finally(() => socket.destroy())
}
const hasHead = (said: string) => said.includes("\r\n\r\n")
const statusOf = (said: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0)

function command(form: Form, daemon: Daemon, ...words: string[]) {
  const [program = "", ...before] = COMMANDS[form]
  const { PATH = "" } = process.env
  const env = { PATH, HOME: join(daemon.work, ".."), DATA_DIR: daemon.dataDir }
  const { status, stdout, stderr } = spawnSync(program, [...before, ...words], { env, encoding: "utf8" })
  return { code: status, out: stdout.trim(), err: stderr.trim() }
}

const residentMib = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024

describe.each(FORMS)("on %s", (form) => {
  test(
    "the owner's socket, tokens by command, what a revoked token held open, and a browser's login",
    async () => {
      await using place = openPlace("admission")
      const daemon = await start(place, form)
      const owner = bearer(ownerOf(daemon))
      const path = join(daemon.dataDir, "run/codexd.sock")
      assert.equal(statSync(join(daemon.dataDir, "run")).mode & 0o777, 0o700)
      assert.deepEqual((await overSocket(path, "/api/whoami")).body.scopes, ["read", "operate"])
      const refused = await overSocket(path, "/api/approvals/x/decision", {}, "POST")
      assert.deepEqual(
        [refused.status, refused.body.code, refused.body.required],
        [403, "insufficient_scope", "approve"],
      )
      assert.equal((await overSocket(path, "/api/whoami", { host: "evil.example" })).status, 403)
      assert.equal((await overSocket(path, "/api/tokens", owner)).status, 200)

      const made = command(form, daemon, "token", "create", "reader", "--scope", "read")
      assert.deepEqual([made.code, made.err], [0, ""])
      const reader = bearer(made.out)
      const other = await listen(daemon, "", owner)
      const own = await openRawSocket({ at: { path }, target: "/api/stream" })
      const listener = await listen(daemon, "", reader)
      const events = await openEvents(daemon, "", reader)
      assert.equal(
        (await ask(daemon.url, "/api/projects", { json: { name: "p" }, headers: reader })).status,
        403,
      )
      assert.equal(
        (await ask(daemon.url, "/api/projects", { json: { name: "p" }, headers: owner })).status,
        200,
      )
      // One tick's frames reach both doors.
      await listener.until(({ type }) => type === "project_upserted", "the project over TCP")
      await own.until((text) => text.includes("project_upserted"), "the project over the unix socket")
      await events.until(({ data }) => data.includes("project_upserted"), "the project as an event")
      assert.match(command("bun", daemon, "token", "list").out, /reader {2}token {2}read {2}used 20/)
      assert.equal(command(form, daemon, "token", "revoke", "reader").out, "revoked reader")
      assert.equal(await listener.closed, 1008)
      await assert.rejects(listen(daemon, "", reader), /401/)
      const again = command("bun", daemon, "token", "revoke", "reader")
      assert.deepEqual([again.code, again.err], [1, "codexd: there is no token reader"])
      other.send('{"type":"ping"}')
      await other.answer(1)

      const { body } = await ask(daemon.url, "/api/login/codes", { json: {}, headers: owner })
      assert.equal(body.url, `${daemon.url}/login`)
      const page = { origin: daemon.url }
      const login = await ask(daemon.url, "/api/login", { json: { code: body.code }, headers: page })
      const cookie = String(login.headers["set-cookie"]).split(";")[0] ?? ""
      const browser = await listen(daemon, "", { cookie, ...page })
      await assert.rejects(listen(daemon, "", { cookie }), /403/)
      await assert.rejects(listen(daemon, "", { cookie, origin: "http://evil.example" }), /403/)
      await assert.rejects(listen(daemon, "", { ...owner, origin: "http://evil.example" }), /403/)
      assert.equal(
        (await ask(daemon.url, "/api/logout", { json: {}, headers: { cookie, ...page } })).status,
        200,
      )
      assert.equal(await browser.closed, 1008)

      assert.equal((await daemon.end("SIGTERM")).code, 0)
      assert.equal(existsSync(path), false)
      const said = daemon.said()
      for (const secret of [ownerOf(daemon), made.out, String(body.code), cookie.split("=")[1] ?? ""])
        assert.ok(!said.includes(secret))
      const absent = command("bun", daemon, "token", "list")
      assert.equal(absent.code, 1)
      assert.match(absent.err, /no daemon is running in/)
    },
    NET_MS,
  )

  test(
    "doubled headers, huge headers, endless bodies and a thousand idle connections",
    async () => {
      await using place = openPlace("floods")
      const daemon = await start(place, form)
      const token = ownerOf(daemon)
      const get = (headers: string[], target = "/api/whoami", method = "GET") =>
        `${method} ${target} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`
      const host = `Host: 127.0.0.1:${daemon.port}`
      const auth = `Authorization: Bearer ${token}`
      const tries: [string, number[]][] = [
        [get([host, auth]), [200]],
        [get([host, "Host: evil.example", auth]), [400, 403]],
        [get(["Host: evil.example", host, auth]), [400, 403]],
        [get([host, "Authorization: Bearer x", auth]), [401, 400]],
        [get([auth]), [400, 403]],
        [get([host, auth], "/api/%2e%2e/api/whoami"), [200, 404]],
        [get([host], "//api/whoami"), [401, 404]],
        [get([host], `http://127.0.0.1:${daemon.port}/api/whoami`), [401, 400, 404]],
        [get([host, `X-Long: ${"x".repeat(1_000_000)}`, auth]), [431, 400, 413, 0]],
        [
          get([host, auth, "Content-Length: 5", "Transfer-Encoding: chunked"], "/api/projects", "POST"),
          [400, 0],
        ],
        [get([host, auth, "Content-Length: 5", "Content-Length: 6"], "/api/projects", "POST"), [400, 0]],
        [get([host, auth, "Content-Length: -1"], "/api/projects", "POST"), [400, 0]],
      ]
      for (const [text, statuses] of tries) {
        const status = statusOf(await rawly(daemon.port, text, hasHead))
        assert.ok(statuses.includes(status), `${status} to ${text.slice(0, 200)}`)
      }

      const before = residentMib(daemon.pid)
      const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`
      const heads = [
        [get([host, "Transfer-Encoding: chunked"], "/api/projects", "POST"), 401],
        [
          get(
            [host, auth, "Content-Type: application/json", "Transfer-Encoding: chunked"],
            "/api/projects",
            "POST",
          ),
          413,
        ],
        [
          get(
            [host, auth, "Content-Type: application/json", "Content-Length: 99000000000"],
            "/api/projects",
            "POST",
          ),
          413,
        ],
      ] as const
      for (const [head, status] of heads) {
        const said = await rawly(
          daemon.port,
          `${head}${head.includes("chunked") ? chunk.repeat(40) : ""}`,
          hasHead,
        )
        assert.equal(statusOf(said), status)
        // It goes on all the same: what comes is thrown away, or the line is cut.
        await pour(daemon.port, head, chunk, 800)
      }
      assert.ok(
        residentMib(daemon.pid) - before < 60,
        `${before} MiB before, ${residentMib(daemon.pid)} MiB after`,
      )

      const idle: Socket[] = []
      for (let i = 0; i < 1_000; i++) {
        const socket = connect(daemon.port, "127.0.0.1")
        idle.push(socket)
        await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject))
        if (i % 2 === 0) socket.write("GET /api/whoami HTTP/1.1\r\nHost: 127")
      }
      assert.equal((await ask(daemon.url, "/api/whoami", { headers: bearer(token) })).status, 200)
      const listener = await listen(daemon, "", bearer(token))
      listener.send('{"type":"ping"}')
      await listener.answer(1)
      listener.close()
      for (const socket of idle) socket.destroy()
      assert.equal((await ask(daemon.url, "/api/health")).status, 200)
    },
    NET_MS,
  )

  test(
    "as many listeners as may be, and one more",
    async () => {
      await using place = openPlace("listeners")
      const daemon = await start(place, form, { STREAM_MAX_LISTENERS: "2", API_AUTH: "none" })
      const first = await listen(daemon)
      const events = await openEvents(daemon)
      await assert.rejects(listen(daemon), /503/)
      await assert.rejects(openEvents(daemon), /503/)
      first.close()
      assert.equal(await first.closed, 1000)
      events.close()
    },
    NET_MS,
  )
})

/** Sends the head and then chunks until all are taken or the line is cut. */
function pour(port: number, head: string, chunk: string, count: number): Promise<void> {
  const socket = connect(port, "127.0.0.1")
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = count
  const go = () => {
    while (left > 0) {
      left--
      if (!socket.write(chunk)) return
    }
    resolve()
  }
  socket
    .on("drain", go)
    .on("error", () => resolve())
    .on("close", () => resolve())
    .resume()
  socket.write(head)
  go()
  return within(promise, () => `${left} chunks left`).finally(() => socket.destroy())
}

test("a start that would leave the door open is refused, and says what to do", async () => {
  await using place = openPlace("open")
  const spec = (env: Record<string, string>) => ({ command: COMMANDS.bun, codexBin: codex, env })
  const none = await runDaemon(spec({ HOST: "0.0.0.0", API_AUTH: "none" }), place)
  assert.equal(none.code, 1)
  assert.match(none.said, /use API_AUTH=token, or HOST=127\.0\.0\.1/)
  const header = {
    ...TOKEN,
    HOST: "0.0.0.0",
    AGENT_EXTENSION_RBAC_MODE: "header",
    AGENT_EXTENSION_RBAC_HEADER_SECRET: "a secret",
  }
  const roles = await runDaemon(spec(header), place)
  assert.equal(roles.code, 1)
  assert.match(roles.said, /use jwt, or AGENT_EXTENSION_ALLOW_INSECURE_HEADER_MODE=true/)
})

test(
  "a linked data folder, one that is open to others, a token that others could read, and a path too long for a socket",
  async () => {
    await using place = openPlace("folders")
    const real = join(place.path, "a-long-name-".repeat(8))
    mkdirSync(real)
    chmodSync(real, 0o755)
    symlinkSync(real, place.dataDir)
    const spec = { command: COMMANDS.bun, codexBin: codex, env: TOKEN }
    const first = await place.start(spec)
    assert.match(first.said(), /the data folder was open to others and is yours alone now/)
    assert.equal(statSync(real).mode & 0o777, 0o700)
    await first.end("SIGTERM")
    chmodSync(join(real, "api-token"), 0o644)
    const second = await place.start({
      ...spec,
      args: ["--data-dir", real],
      env: { ...TOKEN, XDG_RUNTIME_DIR: place.path },
    })
    assert.match(second.said(), /the API token could be read by others/)
    assert.equal(statSync(join(real, "api-token")).mode & 0o777, 0o600)
    const socket = readFileSync(join(real, "run/socket-path"), "utf8").trim()
    assert.ok(socket.startsWith(join(place.path, "codexd/")), socket)
    assert.equal((await overSocket(socket, "/api/whoami")).status, 200)
    assert.match(command("bun", { ...second, dataDir: real }, "token", "list").out, /^owner/)
  },
  NET_MS,
)
