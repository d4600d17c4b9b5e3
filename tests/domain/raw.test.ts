// Raw response items: kept only where asked for, small, in order, within their limits, and gone with their session.

import { expect, test } from "bun:test"
import { openRooms, said } from "../support/rooms.ts"

const HOUR = 3_600_000
const item = (text: string) => ({
  type: "message",
  role: "assistant",
  content: [{ type: "output_text", text }],
})

function open(raw: { stored?: boolean; maxAgeMs?: number; maxBytes?: number }) {
  const house = openRooms(undefined, { raw })
  house.now((tx) => house.rooms.sessions.learn(tx, { id: "s" }, { materialized: true }))
  const tell = (text: string, turnId = "t") => {
    const params = { threadId: "s", turnId, item: item(text) }
    house.ingest.take([said("rawResponseItem/completed", params)], "run")
  }
  const texts = (ask: { turnId?: string; after?: number; limit?: number } = {}) => {
    const { items, next } = house.rooms.raw.list({ sessionId: "s", after: 0, limit: 100, ...ask })
    return [...items.map((one) => (one.item as ReturnType<typeof item>).content[0]?.text ?? ""), next]
  }
  return { ...house, tell, texts }
}

test("nothing is kept unless it is asked for; frames are told unstored either way", () => {
  for (const stored of [false, true]) {
    const house = open({ stored })
    house.tell("one")
    expect(house.texts()).toEqual(stored ? ["one", null] : [null])
    const [event] = house.told.filter(({ body }) => body.includes("rawResponseItem"))
    expect(event?.stored).toBe(false)
  }
})

test("items come back word for word, by turn and by page, packed in less than a fifth of repeated text", () => {
  const house = open({ stored: true })
  const long = "Größe 你好 \u0000 the same again. ".repeat(400)
  house.tell(long)
  house.tell("two", "u")
  house.tell("three", "u")
  expect(house.texts()).toEqual([long, "two", "three", null])
  expect(house.texts({ turnId: "u" })).toEqual(["two", "three", null])
  const [, next] = house.texts({ limit: 1 })
  expect(house.texts({ after: Number(next), limit: 1 }).slice(0, 1)).toEqual(["two"])
  expect(Number(house.db.get("SELECT size FROM raw_items LIMIT 1")?.size)).toBeLessThan(long.length / 5)
})

test("what is too old or too much goes, the oldest first; a session's go with it", async () => {
  const house = open({ stored: true, maxAgeMs: HOUR, maxBytes: 900 })
  house.tell("old")
  house.clock.turn(HOUR + 1)
  for (const n of [1, 2, 3]) house.tell(`${n}`)
  await house.settle(house.rooms.raw.prune())
  expect(house.texts()).toEqual(["1", "2", "3", null])
  for (let n = 4; n < 700; n++) house.tell(`${n}`)
  await house.settle(house.rooms.raw.prune())
  const left = house.texts()
  expect(left.slice(-2)).toEqual(["699", null])
  expect(Number(house.db.get("SELECT sum(size) AS n FROM raw_items")?.n)).toBeLessThanOrEqual(900)
  await house.settle(house.life.remove("s"))
  expect(house.db.get("SELECT count(*) AS n FROM raw_items")?.n).toBe(0)
})
