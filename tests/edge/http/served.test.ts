// The document and the reference page as they are fetched again and again; and capabilities asked for anew by many.

import { expect, test } from "bun:test"
import { Hono } from "hono"
import { documentOf, documentSteps } from "../../../src/edge/http/openapi/document.ts"
import { serveDocument } from "../../../src/edge/http/openapi/served.ts"
import { OPERATIONS } from "../../../src/edge/http/openapi/table.ts"
import { docsRoutes } from "../../../src/edge/http/routes/docs.ts"
import { createCapabilities } from "../../../src/flow/pass/capabilities.ts"
import { mountedApi } from "../../support/api.ts"

const needs = { routes: mountedApi().routes, version: "0" }

function served(steps: () => Generator<void, object>) {
  const breaths: (() => void)[] = []
  const soon = (next: () => void) => void breaths.push(next)
  return { app: new Hono().get("/", serveDocument({ clock: { soon }, steps })), breaths }
}

test("the document is built once for all who ask meanwhile, in steps that let others in, and is the whole one", async () => {
  let built = 0
  const { app, breaths } = served(() => {
    built++
    return documentSteps(needs)
  })
  const asked = [app.request("/"), app.request("/"), app.request("/")]
  let steps = 0
  const all = Promise.all(asked)
  let over = false
  all.finally(() => {
    over = true
  })
  while (!over) {
    const next = breaths.shift()
    if (next) steps++
    next?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const texts = await Promise.all((await all).map((response) => response.text()))
  expect(new Set(texts)).toEqual(new Set([JSON.stringify(documentOf(needs))]))
  expect([built, steps]).toEqual([1, Object.keys(OPERATIONS).length])
})

test("who has the document is told that nothing has changed", async () => {
  const { app } = served(() => documentSteps({ ...needs, routes: [] }))
  const first = await app.request("/")
  const etag = first.headers.get("etag") ?? ""
  expect([first.status, first.headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"])
  const again = await app.request("/", { headers: { "if-none-match": etag } })
  expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag])
})

test("the page's parts are fetched once", async () => {
  const pageParts = { read: (name: string) => `${name} bytes` } as never
  const app = docsRoutes({ pageParts })
  const tags = new Set<string>()
  for (const path of ["/docs", "/docs/start.js", "/docs/swagger-ui.js", "/docs/style.css"]) {
    const first = await app.request(path)
    const etag = first.headers.get("etag") ?? ""
    expect([path, first.status, etag]).toEqual([path, 200, expect.stringMatching(/^".+"$/)])
    tags.add(etag)
    const again = await app.request(path, { headers: { "if-none-match": etag } })
    expect([path, again.status, await again.text()]).toEqual([path, 304, ""])
    expect((await app.request(path, { headers: { "if-none-match": '"other"' } })).status).toBe(200)
  }
  expect(tags.size).toBe(4)
})

test("capabilities are asked for anew once for all who ask at once, and say so only when the binary answered", async () => {
  const asked: PromiseWithResolvers<boolean>[] = []
  let now = 1_000
  const able = createCapabilities({
    clock: { now: () => now } as never,
    supervisor: {
      state: () => ({ name: "ready", runId: "run", startedAt: 1_000 }),
      has: () => true,
      quirks: () => ({}),
      ready: () => ({}),
      callable: () => true,
      relearn: () => {
        const one = Promise.withResolvers<boolean>()
        asked.push(one)
        return one.promise
      },
    } as never,
  })
  const at = () => able.report().runtime.capabilitiesLastUpdatedAt
  const both = [able.refresh(), able.refresh()]
  expect(asked.length).toBe(1)
  now = 2_000
  asked[0]?.resolve(false)
  await Promise.all(both)
  expect(at()).toBe("1970-01-01T00:00:01.000Z")
  for (const end of ["reject", "resolve"] as const) {
    const one = able.refresh()
    asked.at(-1)?.[end](true)
    await one
    expect(at()).toBe(`1970-01-01T00:00:0${end === "reject" ? 1 : 2}.000Z`)
  }
  expect(asked.length).toBe(3)
})
