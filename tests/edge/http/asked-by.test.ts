// Who asks for a compaction or a review is passed on as the author of what comes of it: the token by name, nobody where anybody may.

import { expect, test } from "bun:test"
import { Hono } from "hono"
import type { SessionEnv } from "../../../src/edge/http/env.ts"
import { turnRoutes } from "../../../src/edge/http/routes/turns.ts"
import { openRooms } from "../../support/rooms.ts"

function start(who: SessionEnv["Variables"]["who"]) {
  const house = openRooms()
  const asked: unknown[] = []
  const { turns } = house.rooms
  turns.compact = async (_, by) => {
    asked.push(by)
    return { result: {}, turnId: "t" }
  }
  turns.review = async (id, { by }) => {
    asked.push(by)
    return { result: {}, turnId: "t", reviewSessionId: id }
  }
  house.now((tx) => house.rooms.sessions.learn(tx, { id: "s" }, { materialized: true }))
  const routes = turnRoutes({
    ...house,
    reconcile: { find: async (id: string) => house.rooms.sessions.find(id), history: async () => {} },
    gate: () => async (c: { set(key: string, value: string): void }, next: () => Promise<void>) => {
      c.set("sessionId", "s")
      await next()
    },
  } as never)
  const api = new Hono<SessionEnv>().use(async (c, next) => {
    if (who) c.set("who", who)
    await next()
  })
  api.route("/", routes)
  const ask = async (what: string) => (await api.request(`/s/${what}`, { method: "POST" })).status
  return { ask, asked }
}

test("a token is named, the owner's socket too; where anybody may it is nobody", async () => {
  const ann = { name: "ann", scopes: ["operate"], tokenId: "1", via: "token" } as const
  for (const [who, author] of [
    [ann, "client:ann"],
    [{ ...ann, name: "socket", tokenId: null, via: "socket" as const }, "client:socket"],
    [{ ...ann, name: "anybody", tokenId: null, via: "nothing" as const }, undefined],
  ] as const) {
    const { ask, asked } = start(who)
    expect([await ask("compact"), await ask("review")]).toEqual([200, 200])
    expect(asked).toEqual([author, author])
  }
})
