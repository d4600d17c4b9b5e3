// The two live doors: commands, filters, families, and coming back with a seq (wire-contract §2, decisions 1–7, 38).

import { strict as assert } from "node:assert"
import { createClient } from "../../../src/client/client.ts"
import { type Frame, type Listener, listen, openEvents } from "../../support/client.ts"
import { assertFrames, kept } from "../frames.ts"
import {
  approvalOf,
  type Check,
  decide,
  ended,
  hear,
  isNotification,
  newSession,
  runTurn,
  send,
  type World,
} from "../world.ts"

/** The texts that come back after `since`, up to `last`. */
async function resumed(
  world: World,
  query: string,
  last: Frame,
): Promise<{ listener: Listener; texts: string[] }> {
  const listener = await hear(world, query)
  await listener.until((f) => f.seq === last.seq, `seq ${last.seq}`)
  return { listener, texts: listener.frames.map((f) => f.text) }
}

const FAMILY_OF: [RegExp, string][] = [
  [/^app_server\./, "signal"],
  [/^notification$/, "notification"],
  [/^(thread_token_usage|turn_plan|turn_diff|account|app_list|mcp)/, "alias"],
  [/^(approval|tool_|server_request)/, "request"],
  [/^transcript_/, "transcript"],
  [/^session_/, "session"],
  [/^runtime_/, "system"],
]
const familyOf = ({ type }: Frame) => FAMILY_OF.find(([pattern]) => pattern.test(type))?.[1]

export const streamChecks: Check[] = [
  {
    name: "the typed client follows a turn by either door, and its frames are those of the wire",
    async run(world) {
      const client = createClient({ url: world.daemon.url })
      for (const transport of ["socket", "events"] as const) {
        const made = await client.api.sessions.$post({ json: { cwd: world.daemon.work } })
        const { sessionId } = (await made.json()).session
        const wire = await hear(world, `threadId=${sessionId}&families=notification`)
        const seqs: number[] = []
        let turnId = ""
        for await (const told of client.stream({
          transport,
          threadId: sessionId,
          families: ["notification"],
        })) {
          if (told.kind === "ready") {
            const param = { sessionId }
            const sent = await client.api.sessions[":sessionId"].messages.$post({
              param,
              json: { text: "echo: told to the client" },
            })
            turnId = (await sent.json()).turnId
          }
          if (told.kind !== "frame") continue
          seqs.push(told.frame.seq)
          if (isNotification("turn/completed", turnId)(told.frame as Frame)) break
        }
        const last = await ended(wire, turnId)
        assert.deepEqual(
          seqs,
          wire.frames.map(({ seq }) => seq).filter((seq) => seq >= (seqs[0] ?? 0) && seq <= last.seq),
        )
        wire.close()
      }
    },
  },
  {
    name: "ready comes first, pings are answered, nonsense draws an error and keeps the connection",
    async run(world) {
      const all = await hear(world)
      assert.equal(all.ready.threadId, null)
      assert.equal(all.ready.resume, "ok")
      assert.match(all.ready.head, new RegExp(`^${all.ready.log}\\.\\d+$`))
      assert.ok(!("seq" in all.ready))
      const id = await newSession(world)
      const one = await hear(world, `threadId=${id}`)
      assert.equal(one.ready.threadId, id)
      assert.equal((await hear(world, "threadId=")).ready.threadId, null)
      const nonsense = [
        "",
        "{",
        "null",
        "[]",
        "5",
        '{"type":"dance"}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","threadId":""}',
        '{"type":"subscribe","threadId":5}',
        '{"type":"subscribe","threadId":"x","families":["gossip"]}',
      ]
      for (const [i, text] of nonsense.entries()) {
        one.send(text)
        assert.deepEqual(
          await one.answer(i + 1),
          { type: "error", message: "invalid websocket command" },
          text,
        )
      }
      one.send('{"type":"ping"}')
      assert.deepEqual(await one.answer(nonsense.length + 1), { type: "pong" })
      const { listener, turnId } = await runTurn(world, id, "echo: heard")
      await ended(one, turnId)
      for (const each of [all, one, listener]) each.close()
    },
  },
  {
    name: "subscribe and unsubscribe change what is heard",
    async run(world) {
      const [mine, other] = [await newSession(world), await newSession(world)]
      const listener = await hear(world, `threadId=${mine}`)
      const first = await runTurn(world, other, "echo: not for you")
      listener.send('{"type":"ping"}')
      await listener.answer(1)
      assert.ok(!listener.texts.some((text) => text.includes(first.turnId)))
      listener.send(JSON.stringify({ type: "subscribe", threadId: other }))
      listener.send('{"type":"ping"}')
      await listener.answer(2)
      const second = await runTurn(world, other, "echo: for you")
      await ended(listener, second.turnId)
      listener.send('{"type":"unsubscribe"}')
      listener.send('{"type":"ping"}')
      await listener.answer(3)
      const third = await runTurn(world, mine, "echo: for all")
      await ended(listener, third.turnId)
      for (const each of [listener, first.listener, second.listener, third.listener]) each.close()
    },
  },
  {
    name: "a listener that names families hears these, and nothing else",
    async run(world) {
      const id = await newSession(world)
      const all = await hear(world, `threadId=${id}`)
      const since = all.ready.head
      const { turnId, listener } = await runTurn(world, id, "words: 3")
      const last = await ended(all, turnId)
      for (const frame of all.frames) assert.ok(familyOf(frame), frame.type)
      for (const families of ["notification", "signal", "notification,alias"]) {
        const wanted = families.split(",")
        const expected = all.frames.filter((f) => wanted.includes(familyOf(f) ?? "") && !("stored" in f))
        const end = expected.at(-1) ?? last
        const { listener: one, texts } = await resumed(
          world,
          `threadId=${id}&families=${families}&since=${since}`,
          end,
        )
        assert.deepEqual(
          texts,
          expected.map((f) => f.text),
        )
        one.close()
      }
      const live = await hear(world, `threadId=${id}`)
      live.send(JSON.stringify({ type: "subscribe", threadId: id, families: "notification" }))
      live.send('{"type":"ping"}')
      await live.answer(1)
      const next = await runTurn(world, id, "echo: again")
      await ended(live, next.turnId)
      assert.deepEqual([...new Set(live.frames.map((f) => f.type))], ["notification"])
      for (const each of [all, live, listener, next.listener]) each.close()
    },
  },
  {
    name: "from every place in a finished turn the rest comes back as it was live, byte for byte",
    async run(world) {
      const id = await newSession(world)
      const { listener, end } = await runTurn(world, id, "echo: replayed ✓")
      const { log, head } = listener.ready
      const upTo = listener.frames.findIndex((f) => f.seq === end.seq)
      const live = listener.frames.slice(0, upTo + 1)
      assertFrames(live)
      for (const since of [head, ...live.map((f) => `${log}.${f.seq}`).slice(0, -1)]) {
        const seq = Number(since.slice(log.length + 1))
        const rest = kept(live.filter((f) => f.seq > seq))
        const { listener: again, texts } = await resumed(world, `threadId=${id}&since=${since}`, end)
        assert.deepEqual(texts.slice(0, rest.length), rest)
        assert.equal(again.ready.log, log)
        assert.equal(again.ready.resume, "ok")
        again.close()
      }
      listener.close()
    },
  },
  {
    name: "a listener that comes back in the middle of a running turn misses nothing and hears nothing twice",
    async run(world) {
      const id = await newSession(world)
      const listener = await hear(world, `threadId=${id}`)
      // It doesn't end before all have come back: the command waits for its approval.
      const turnId = await send(world, id, "words: 400 2\nrun: touch came-back\nwords: 50")
      const joins: Listener[] = []
      for (let i = 0; i < 5; i++) {
        const isWord = isNotification("item/agentMessage/delta", turnId)
        const seen = await listener.until(isWord, "progress", i * 100)
        joins.push(await hear(world, `threadId=${id}&since=${listener.ready.log}.${seen.seq}`))
      }
      const { payload } = await approvalOf(listener, turnId)
      await decide(world, payload.approvalId, "accept")
      const end = await ended(listener, turnId)
      for (const again of joins) {
        await ended(again, turnId)
        const first = again.frames[0]?.seq ?? 0
        const expected = listener.frames.filter((f) => f.seq >= first && f.seq <= end.seq)
        const got = again.frames.filter((f) => f.seq <= end.seq)
        assert.deepEqual(kept(got), kept(expected))
        again.close()
      }
      listener.close()
    },
  },
  {
    name: "another log's id, or a place beyond the end, is a gap",
    async run(world) {
      const { ready } = await hear(world)
      const seq = Number(ready.head.split(".")[1])
      for (const since of [
        `${ready.log}x.5`,
        "0.0",
        `${ready.log}.${seq + 16 * 1_000_000}`,
        "nonsense",
        `${ready.log}.x`,
      ]) {
        assert.equal((await hear(world, `since=${since}`)).ready.resume, "gap", since)
      }
      assert.equal((await hear(world, `since=${ready.head}`)).ready.resume, "ok")
    },
  },
  {
    name: "server-sent events tell the same frames, and Last-Event-ID resumes",
    async run(world) {
      const id = await newSession(world)
      const socket = await hear(world, `threadId=${id}`)
      const events = await openEvents(world.daemon, `threadId=${id}`)
      assert.match(String(events.headers["content-type"]), /^text\/event-stream/)
      await events.until((e) => e.data.startsWith('{"type":"ready"'), "ready")
      assert.equal(events.events[0]?.id, undefined)
      const turnId = await send(world, id, "words: 10")
      const end = await ended(socket, turnId)
      const { log } = socket.ready
      const upTo = socket.frames.findIndex((f) => f.seq === end.seq)
      const idOf = (f: Frame) => `${log}.${f.seq}`
      await events.until((e) => e.id === idOf(end), "the end")
      // The session's own beginning may be told between the two: from the turn's start on both listened.
      const from = socket.frames.findIndex((f) => f.payload.method === "turn/started")
      const live = socket.frames.slice(from, upTo + 1)
      const first = events.events.findIndex((e) => e.id === idOf(live[0] as Frame))
      const told = events.events.slice(first, first + live.length)
      assert.deepEqual(
        told,
        live.map((f) => ({ id: idOf(f), data: f.text })),
      )
      events.close()
      const middle = live[Math.floor(live.length / 2)] as Frame
      const rest = kept(live.filter((f) => f.seq > middle.seq))
      for (const query of ["header", "since"]) {
        const again =
          query === "since"
            ? await openEvents(world.daemon, `threadId=${id}&since=${idOf(middle)}`)
            : await openEvents(world.daemon, `threadId=${id}&since=0.0`, { "last-event-id": idOf(middle) })
        await again.until((e) => e.id === idOf(end), "the end again")
        assert.equal(JSON.parse(again.events[0]?.data ?? "{}").resume, "ok")
        assert.deepEqual(
          again.events.slice(1, rest.length + 1).map((e) => e.data),
          rest,
        )
        again.close()
      }
      const gap = await openEvents(world.daemon, "", { "last-event-id": "0.0" })
      assert.equal(JSON.parse((await gap.until(() => true, "ready")).data).resume, "gap")
      gap.close()
      socket.close()
    },
  },
  {
    name: "fifty listeners hear the same",
    async run(world) {
      const id = await newSession(world)
      const many = await Promise.all(Array.from({ length: 50 }, () => listen(world.daemon, `threadId=${id}`)))
      const turnId = await send(world, id, "words: 100")
      const ends = await Promise.all(many.map((each) => ended(each, turnId)))
      // The session's own beginning may be told while they join: from the turn's start on all listened.
      const begins = many.map(
        (each) => each.frames.find((f) => f.payload.method === "turn/started")?.seq ?? 0,
      )
      const heard = many.map((each, i) =>
        each.frames
          .filter((f) => f.seq >= (begins[i] ?? 0) && f.seq <= (ends[i]?.seq ?? 0))
          .map((f) => f.text),
      )
      assert.ok((heard[0]?.length ?? 0) > 100)
      for (const texts of heard) assert.deepEqual(texts, heard[0])
      for (const each of many) each.close()
    },
  },
]
