// Nothing that Codex started outlives it: not commands in the background or in sessions of their own, however the
// environment they get is cut down, sandboxed or not, nor an MCP server that ignores EOF and TERM. The real 0.169.

import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { systemClock } from "../../src/base/kit/clock.ts"
import { createScriptedModel } from "../../src/engine/model/model.ts"
import { providerConfig } from "../../src/engine/model/provider.ts"
import { ask, type Listener, listen } from "../support/client.ts"
import { COMMANDS, codexBin, type Daemon, openPlace, type Place, ROOT } from "../support/daemon.ts"
import { linesOf } from "../support/kill/lines.ts"
import { processes, type Seen } from "../support/kill/survivors.ts"
import { health, untilReady } from "./world.ts"

const NET_MS = 120_000
// By its path: a command without an environment has no PATH either.
const SETSID = Bun.which("setsid") ?? "setsid"
const STAY = join(ROOT, "tests/fakes/stay")
const POLICIES = {
  "the whole environment": "",
  "no environment": `[shell_environment_policy]\ninherit = "none"\n`,
  "PATH alone": `[shell_environment_policy]\ninclude_only = ["PATH"]\n`,
}

function mcpServer(folder: string): string {
  const [bun, ...options] = COMMANDS.bun.slice(0, -1)
  const args = [...options, join(ROOT, "tests/fakes/mcp-stubborn.ts"), join(folder, "mcp")]
  return `[mcp_servers.stubborn]\ncommand = ${JSON.stringify(bun)}\nargs = ${JSON.stringify(args)}\n`
}

/** Tells apart a later holder of the same pid: nobody else names the folder. */
const naming = (folder: string): Seen[] =>
  processes().filter(({ command, environ }) => `${command} ${environ.join(" ")}`.includes(folder))

async function openScene(policy: string, place: Place) {
  const model = createScriptedModel({ clock: systemClock })
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: (r) => model.fetch(r) })
  const home = join(place.path, "codex-home")
  mkdirSync(home)
  const provider = providerConfig({ baseUrl: `http://127.0.0.1:${server.port}`, model: "gpt-5.5" })
  writeFileSync(join(home, "config.toml"), `${provider}\n${policy}\n${mcpServer(place.work)}`)
  const env = { CODEX_HOME: home, DRAIN_GRACE_MS: "0" }
  const spec = { command: COMMANDS.bun, codexBin: codexBin("0.169.0"), env, offline: false }
  return { start: () => place.start(spec), [Symbol.asyncDispose]: () => server.stop(true) }
}

let serial = 0
/** Approved commands of a sandboxed and of an unsandboxed session leave processes behind; resolves when they are there. */
async function leaveSome(daemon: Daemon, listener: Listener): Promise<Seen[]> {
  for (const filesystemSandbox of ["danger-full-access", "workspace-write"]) {
    const left = join(daemon.work, `left-${serial++}`)
    const command = `{ ${STAY} plain ${left} & ${SETSID} ${STAY} setsid ${left} & (${SETSID} ${STAY} forked ${left} &) ; ${SETSID} ${STAY} deaf ${left} & } >/dev/null 2>&1; wait`
    const { body } = await ask<{ session: { sessionId: string } }>(daemon.url, "/api/sessions", {
      json: { cwd: daemon.work, filesystemSandbox },
    })
    const { sessionId } = body.session
    const from = listener.frames.length
    await ask(daemon.url, `/api/sessions/${sessionId}/messages`, { json: { text: `run: ${command}` } })
    const approval = await listener.until(
      (f) => f.type === "approval" && f.threadId === sessionId,
      "approval",
      from,
    )
    const path = `/api/approvals/${approval.payload.approvalId}/decision`
    expect((await ask(daemon.url, path, { json: { decision: "accept" } })).status).toBe(200)
    await linesOf(left, 4)
  }
  await linesOf(join(daemon.work, "mcp"), 1)
  const all = naming(dirname(daemon.work))
  for (const name of ["stay plain", "stay setsid", "stay forked", "stay deaf", "mcp-stubborn"]) {
    expect(all.filter(({ command }) => command.includes(name)).length, name).toBeGreaterThanOrEqual(1)
  }
  return all.filter(({ pid }) => pid !== daemon.pid)
}

const stillThere = (before: Seen[], folder: string) => {
  const now = new Map(naming(folder).map((one) => [one.pid, one.command]))
  return before
    .filter(({ pid, command }) => now.get(pid) === command)
    .map(({ pid, command }) => `${pid} ${command}`)
}

describe.each(Object.entries(POLICIES))("commands that get %s", (_, policy) => {
  test.concurrent(
    "are gone after a kill -9 of the child, of the daemon, and after a drain; so is a stubborn MCP server",
    async () => {
      await using place = openPlace("reap")
      await using scene = await openScene(policy, place)

      let daemon = await scene.start()
      let listener = await listen(daemon)
      await untilReady({ daemon })
      const underChild = await leaveSome(daemon, listener)
      const { codex } = await health({ daemon })
      const child = underChild.find(({ pid }) => pid === codex.pid)
      expect(child?.command).toEndWith("app-server")
      process.kill(Number(child?.pid), "SIGKILL")
      await untilReady({ daemon }, codex.pid)
      expect(stillThere(underChild, place.path)).toEqual([])

      const underDaemon = await leaveSome(daemon, listener)
      await daemon.end("SIGKILL")
      daemon = await scene.start()
      listener = await listen(daemon)
      await untilReady({ daemon })
      expect(stillThere(underDaemon, place.path)).toEqual([])

      const underDrain = await leaveSome(daemon, listener)
      await daemon.end("SIGTERM")
      expect(stillThere(underDrain, place.path)).toEqual([])
    },
    NET_MS,
  )
})
