// `webhook.deliver`: what is sent where, what is tried again, and what never leaves.

import { afterAll, expect, test } from "bun:test"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import type { Running } from "../../src/engine/queue/job.ts"
import { webhookDeliver } from "../../src/flow/jobs/webhook.ts"

let answer = 204
const seen: Headers[] = []
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    seen.push(request.headers)
    const headers = answer === 302 ? { location: "http://127.0.0.1:1/" } : {}
    return new Response(null, { status: answer, headers })
  },
})
afterAll(() => server.stop(true))

const url = `http://127.0.0.1:${server.port}/`
const kindOf = (secret: string | undefined) => webhookDeliver({ clock: createManualClock(), secret })
const run = async (payload: object, secret: string | undefined = "s") => {
  const kind = kindOf(secret)
  const job = { job: { id: "job-1" }, signal: new AbortController().signal } as unknown as Running
  try {
    return await kind.open({ url, event: "e", body: { a: 1 }, ...payload }).run(job)
  } catch (error) {
    return { again: kind.isRetryable(error), message: error instanceof Error ? error.message : "" }
  }
}

test("what is taken is done; whoever is busy or broken is tried again, whoever refuses is not", async () => {
  answer = 204
  expect(await run({})).toEqual({ answered: 204 })
  expect(seen.at(-1)?.get("webhook-id")).toBe("job-1")
  expect(seen.at(-1)?.get("webhook-timestamp")).toBe("1700000000")
  for (const [status, again] of [
    [500, true],
    [429, true],
    [408, true],
    [404, false],
    [410, false],
  ] as const) {
    answer = status
    expect(await run({})).toMatchObject({ again })
  }
  expect(await run({ url: "http://127.0.0.1:1/" })).toMatchObject({ again: true })
})

test("a redirect is not followed", async () => {
  answer = 302
  const before = seen.length
  expect(await run({})).toMatchObject({ message: expect.any(String) })
  expect(seen.length).toBe(before + 1)
})

test("nothing is sent unsigned, and nowhere over plain http but on this machine", async () => {
  const before = seen.length
  expect(await run({}, "")).toMatchObject({
    again: false,
    message: expect.stringContaining("WEBHOOK_SIGNING_SECRET"),
  })
  for (const bad of ["http://example.com/", "ftp://127.0.0.1/", "nonsense", "file:///etc/passwd"])
    expect(() => kindOf("s").open({ url: bad, event: "e", body: {} })).toThrow(/https/)
  expect(seen.length).toBe(before)
})
