// Where plain HTTP leaves the machine, the log says so and what to do; on loopback it doesn't.

import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openListeners } from "../../../src/edge/http/doors/listeners.ts"

const folder = mkdtempSync(join(tmpdir(), "codexd-listeners-"))
afterAll(() => rmSync(folder, { recursive: true }))

async function warningsFor(host: string) {
  const warnings: { message: string; details: unknown }[] = []
  const nothing = () => {}
  const logger = {
    error: nothing,
    info: nothing,
    debug: nothing,
    warn: (message: string, details: unknown) => warnings.push({ message, details }),
  }
  const listener = { url: `http://${host}:3001`, stop: async () => {} }
  await openListeners({
    platform: { listen: async () => listener },
    config: { host, port: 3001, childEnv: {} },
    places: { socket: join(folder, "codexd.sock"), socketNote: join(folder, "note") },
    logger,
    spec: {},
  } as unknown as Parameters<typeof openListeners>[0])
  return warnings
}

test("an address beyond this machine is warned about: there is no TLS here", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.5", "box.example"]) {
    const [warning, ...more] = await warningsFor(host)
    expect([host, warning?.message, more.length]).toEqual([host, expect.stringContaining("plain HTTP"), 0])
    expect(warning?.details).toMatchObject({
      url: `http://${host}:3001`,
      remedy: expect.stringContaining("TLS"),
    })
  }
})

test.each(["127.0.0.1", "localhost", "::1"])("%s is this machine: nothing is said", async (host) => {
  expect(await warningsFor(host)).toEqual([])
})
