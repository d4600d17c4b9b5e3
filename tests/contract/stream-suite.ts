// The stream on whatever runtime runs this: what tests/edge/stream proves on Bun in depth, once more in short for both.

import assert from "node:assert/strict"
import { connect } from "node:net"
import { eventsOfScope, expected, notification } from "../edge/stream/made.ts"
import { openRig, seqOf, settled } from "../edge/stream/rig.ts"

export interface StreamSuiteNeeds {
  test(name: string, run: () => Promise<void>): void
}

export function streamSuite({ test }: StreamSuiteNeeds): void {
  test("sockets and readers get the same frames, live and replayed", async () => {
    await using rig = await openRig()
    const since = `${rig.log.id}.${16 * rig.log.head() + 15}`
    for (const thread of [null, "T1"]) {
      const before = rig.told.length
      const query = `?threadId=${thread ?? ""}`
      const [tcp, unix, source] = [
        await rig.connect(query),
        await rig.connect(query, "unix"),
        await rig.listen(query),
      ]
      await rig.tell(...eventsOfScope("thread", "T1"), ...eventsOfScope("global", null))
      await rig.tell(...eventsOfScope("hidden", "T1"), ...eventsOfScope("none", null))
      const seqs = (from: number) =>
        rig.told.slice(from).flatMap((e) => expected(e, { thread, families: undefined }))
      const live = await settled(tcp)
      assert.deepEqual(
        live.map(seqOf),
        seqs(before).map(({ seq }) => seq),
      )
      assert.deepEqual(await settled(unix), live)
      await source.untilCount(live.length + 1)
      assert.deepEqual(
        source.sent.slice(1).map(({ data }) => data),
        live,
      )
      const back = await rig.connect(`${query}&since=${since}`)
      await back.untilCount(seqs(0).length + 1)
      const again = await settled(back)
      assert.deepEqual(
        again.map(seqOf),
        seqs(0).map(({ seq }) => seq),
      )
      assert.deepEqual(again.slice(-live.length), live)
      source.close()
    }
    assert.deepEqual(rig.errors, [])
  })

  test("a slow socket is cut and resumes without a hole; a quick one never notices", async () => {
    // The least that STREAM_MAX_LAG_MIB takes: a replay sends up to half of it ahead.
    await using rig = await openRig({ maxLagBytes: 1024 * 1024 })
    const slow = await rig.connect("?families=notification")
    const quick = await rig.connect("?families=notification")
    slow.pause()
    for (let tick = 0; tick < 350; tick++) {
      await rig.tell(...Array.from({ length: 60 }, () => notification("x/y", { text: "z".repeat(900) })))
      await quick.untilCount(1 + 60 * (tick + 1))
    }
    const all = await settled(quick)
    slow.resume()
    assert.equal(await slow.closed, 1006)
    const first = slow.texts.slice(1)
    assert.ok(first.length < all.length)
    const since = `${rig.log.id}.${seqOf(first.at(-1) ?? "{}")}`
    const back = await rig.connect(`?families=notification&since=${since}`)
    await back.untilCount(1 + all.length - first.length)
    assert.deepEqual([...first, ...(await settled(back))], all)
  })

  test("a slow reader is cut with whole frames and no hole", async () => {
    await using rig = await openRig({ maxLagBytes: 256 * 1024 })
    const socket = await rig.connect("?families=notification")
    const slow = connect(Number(new URL(rig.url).port), "127.0.0.1")
    const got: Buffer[] = []
    const closed = new Promise<void>((resolve) => slow.on("close", () => resolve()))
    slow.on("data", (bytes) => void got.push(bytes))
    slow.on("error", () => {})
    slow.write("GET /api/events?families=notification HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    await new Promise((resolve) => slow.once("data", resolve))
    slow.pause()
    for (let tick = 0; tick < 400 && rig.hub.stats().listeners.events > 0; tick++) {
      await rig.tell(...Array.from({ length: 60 }, () => notification("x/y", { text: "z".repeat(1_000) })))
      await settled(socket)
    }
    assert.equal(rig.hub.stats().cuts, 1)
    slow.resume()
    await closed
    const text = Buffer.concat(got).toString()
    const seqs = Array.from(text.matchAll(/^id: [\w-]+\.(\d+)\ndata/gm), (match) => Number(match[1]))
    assert.ok(seqs.length > 0)
    assert.deepEqual(seqs, (await settled(socket)).map(seqOf).slice(0, seqs.length))
  })

  test("who goes away is forgotten, and closing the hub ends the rest", async () => {
    await using rig = await openRig()
    const source = await rig.listen()
    const [gone, socket] = [await rig.connect(), await rig.connect()]
    source.close()
    gone.close()
    for (
      let i = 0;
      i < 100_000 && rig.hub.stats().listeners.events + rig.hub.stats().listeners.socket > 1;
      i++
    )
      await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(rig.hub.stats().listeners, { socket: 1, events: 0 })
    const last = await rig.listen()
    rig.hub.close()
    assert.equal(await socket.closed, 1012)
    assert.equal(await last.over, "ended")
  })
}
