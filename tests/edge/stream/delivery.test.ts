import { expect, setDefaultTimeout, test } from "bun:test"
import type { Scope } from "../../../src/base/events/event.ts"
import { FAMILIES } from "../../../src/edge/stream/wire/families.ts"
import { eventsOfScope, expected, type Want } from "./made.ts"
import { openRig, settled } from "./rig.ts"

setDefaultTimeout(30_000)

const SCOPES: [Scope, string | null][] = [
  ["thread", "T1"],
  ["thread", "T2"],
  ["hidden", "T1"],
  ["hidden", "T2"],
  ["none", null],
  ["global", null],
  ["global", "T1"],
]
const WANTS: Want[] = [null, "T1", "T3"].flatMap((thread) =>
  [undefined, ...FAMILIES.map((family) => [family]), ["notification", "alias"]].map((families) => ({
    thread,
    families,
  })),
)
const queryOf = ({ thread, families }: Want, more = "") =>
  `?threadId=${thread ?? ""}&families=${families?.join(",") ?? ""}${more}`
const shape = (text: string) => {
  const { seq, type } = JSON.parse(text) as { seq: number; type: string }
  return { seq, type }
}

test("every listener gets exactly the frames of its filter and families, live, in order, once", async () => {
  await using rig = await openRig()
  const sockets = await Promise.all(
    WANTS.map((want, i) => rig.connect(queryOf(want), i % 2 ? "tcp" : "unix")),
  )
  const sources = await Promise.all(WANTS.map((want) => rig.listen(queryOf(want))))
  for (const [scope, thread] of SCOPES) await rig.tell(...eventsOfScope(scope, thread))
  for (const [i, want] of WANTS.entries()) {
    const should = rig.told.flatMap((event) => expected(event, want))
    const live = await settled(sockets[i] ?? (await rig.connect()))
    expect(live.map(shape)).toEqual(should)
    const source = sources[i]
    await source?.untilCount(should.length + 1)
    expect(source?.sent.slice(1).map(({ data }) => data)).toEqual(live)
    expect(source?.sent.slice(1).map(({ id }) => id)).toEqual(should.map(({ seq }) => `${rig.log.id}.${seq}`))
  }
  expect(rig.errors).toEqual([])
})

test("a replayed frame is the live frame, byte for byte, on both doors", async () => {
  await using rig = await openRig()
  const since = `${rig.log.id}.${16 * rig.log.head() + 15}`
  const live = await Promise.all(WANTS.map((want) => rig.connect(queryOf(want))))
  for (const [scope, thread] of SCOPES) await rig.tell(...eventsOfScope(scope, thread))
  for (const [i, want] of WANTS.entries()) {
    const seen = await settled(live[i] ?? (await rig.connect()))
    const again = await rig.connect(queryOf(want, `&since=${since}`))
    await again.untilCount(seen.length + 1)
    expect(await settled(again)).toEqual(seen)
    const source = await rig.listen(queryOf(want), { "last-event-id": since })
    await source.untilCount(seen.length + 1)
    expect(source.sent.slice(1).map(({ data }) => data)).toEqual(seen)
    source.close()
  }
})

test("a listener that comes back in the middle of an event gets the rest of its frames", async () => {
  await using rig = await openRig()
  const live = await rig.connect()
  await rig.tell(...eventsOfScope("thread", "T1"))
  const seen = await settled(live)
  for (const [i, text] of seen.entries()) {
    const back = await rig.connect(`?since=${rig.log.id}.${shape(text).seq}`)
    await back.untilCount(seen.length - i)
    expect(await settled(back)).toEqual(seen.slice(i + 1))
  }
})

test("the ready frame says where the log stands, and what cannot be shown again", async () => {
  await using rig = await openRig()
  await rig.tell(...eventsOfScope("thread", "T1"))
  const { id } = rig.log
  const head = `${id}.${16 * rig.log.head() + 15}`
  const readyOf = async (query: string) => JSON.parse((await rig.connect(query)).texts[0] ?? "")
  expect(await readyOf("")).toEqual({ type: "ready", threadId: null, log: id, head, resume: "ok" })
  expect(await readyOf(`?threadId=T1&since=${head}`)).toMatchObject({ threadId: "T1", resume: "ok" })
  for (const since of ["nonsense", "other.16", `${id}.99999999`, `${id}.`, "5"])
    expect(await readyOf(`?since=${since}`)).toMatchObject({ resume: "gap", head })
})

test("frames that are never stored say so, and a replay over them says what is missing", async () => {
  await using rig = await openRig()
  const since = `${rig.log.id}.${16 * rig.log.head() + 15}`
  const live = await rig.connect("?families=notification")
  const [delta] = eventsOfScope("thread", "T1")
  if (delta === undefined) throw new Error("no event")
  await rig.tell({ ...delta, stored: false }, delta)
  const [raw, kept] = (await settled(live)).map((text) => JSON.parse(text))
  expect(raw.stored).toBe(false)
  expect(kept).not.toHaveProperty("stored")
  const again = await rig.connect(`?families=notification&since=${since}`)
  await again.untilCount(2)
  expect(JSON.parse(again.texts[0] ?? "")).toMatchObject({ resume: "ok", missing: ["raw"] })
  expect((await settled(again)).map((text) => JSON.parse(text))).toEqual([kept])
})
