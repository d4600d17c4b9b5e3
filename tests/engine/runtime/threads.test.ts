import { expect, test } from "bun:test"
import { createSignal } from "../../../src/base/kit/signal.ts"
import type { RunRef } from "../../../src/engine/runtime/lifecycle.ts"
import type { Message } from "../../../src/engine/runtime/protocol/wire.ts"
import { createAliases } from "../../../src/engine/runtime/threads/aliases.ts"
import { createMouth } from "../../../src/engine/runtime/threads/mouth.ts"

const alias = { outer: "0193-outer", inner: "0193-inner" }
const told = (params: unknown): Message => ({
  kind: "notification",
  method: "x",
  params,
  raw: JSON.stringify({ method: "x", params }),
})

test("the child's id becomes ours wherever it is a whole value, and nowhere else", () => {
  const aliases = createAliases([alias])
  const params = {
    threadId: alias.inner,
    thread: { id: alias.inner, sessionId: alias.inner, path: `/x/${alias.inner}.jsonl`, forkedFromId: null },
    list: ["a", alias.inner],
    text: `look at "${alias.inner}", or ["${alias.inner}"]`,
    agents: { [alias.inner]: "key" },
  }
  expect(aliases.message(told(params)).params).toEqual({
    threadId: alias.outer,
    thread: { id: alias.outer, sessionId: alias.outer, path: params.thread.path, forkedFromId: null },
    list: ["a", alias.outer],
    text: params.text,
    agents: params.agents,
  })
  expect(aliases.outOf({ id: alias.inner })).toEqual({ id: alias.outer })
})

test("our id becomes the child's in what we send, at any depth", () => {
  const aliases = createAliases([])
  aliases.add(alias)
  const params = {
    threadId: alias.outer,
    input: [{ text: `about ${alias.outer}`, id: alias.outer }],
    n: 1,
    none: null,
  }
  expect(aliases.into(params)).toEqual({
    threadId: alias.inner,
    input: [{ text: `about ${alias.outer}`, id: alias.inner }],
    n: 1,
    none: null,
  })
})

test("without an alias in it a message is the same object", () => {
  const message = told({ threadId: "other" })
  expect(createAliases([]).message(message)).toBe(message)
  expect(createAliases([alias]).message(message)).toBe(message)
})

test("a thread that is started a third time forgets its second id", () => {
  const aliases = createAliases([alias])
  aliases.add({ outer: alias.outer, inner: "third" })
  expect(aliases.innerOf(alias.outer)).toBe("third")
  expect(aliases.outerOf(alias.inner)).toBe(alias.inner)
  expect(aliases.outerOf("third")).toBe(alias.outer)
})

test("what is said of a new thread waits for its name, what is said of others does not", () => {
  const aliases = createAliases([])
  const source = createSignal<{ batch: Message[]; run: RunRef }>(() => {})
  const heard: unknown[] = []
  const run = { id: "run", pid: 1 }
  const mouth = createMouth({
    supervisor: { onMessages: (hear) => source.on(({ batch, run: ref }) => hear(batch, ref)) },
    aliases,
    isLoaded: (thread) => thread === "known",
    onFault: () => {},
  })
  mouth.onMessages((batch) => heard.push(...batch.map((m) => m.params)))
  {
    using _held = mouth.hold()
    source.emit({
      batch: [told({ threadId: alias.inner, n: 1 }), told({ threadId: "known" }), told({})],
      run,
    })
    source.emit({ batch: [told({ thread: { id: alias.inner }, n: 2 })], run })
    expect(heard).toEqual([{ threadId: "known" }, {}])
    aliases.add(alias)
  }
  expect(heard.slice(2)).toEqual([
    { threadId: alias.outer, n: 1 },
    { thread: { id: alias.outer }, n: 2 },
  ])
})

test("the daemon's own secrets are taken out of everything that the child says", () => {
  const aliases = createAliases([alias], {
    json: (text) => text.replaceAll("s3cret-token", "[masked]"),
    piece: (piece) => piece,
  })
  const params = { threadId: alias.inner, item: { text: "it is s3cret-token", n: 1 } }
  const masked = { threadId: alias.outer, item: { text: "it is [masked]", n: 1 } }
  const message = aliases.message(told(params))
  expect(message.params).toEqual(masked)
  expect(message.raw).toBe(JSON.stringify({ method: "x", params: masked }))
  expect(aliases.outOf({ preview: "s3cret-token" })).toEqual({ preview: "[masked]" })
})

test("what is said of a thread in whose place another one answers is heard no more", () => {
  const aliases = createAliases([alias])
  const source = createSignal<{ batch: Message[]; run: RunRef }>(() => {})
  const heard: unknown[] = []
  const mouth = createMouth({
    supervisor: { onMessages: (hear) => source.on(({ batch, run }) => hear(batch, run)) },
    aliases,
    isLoaded: () => true,
    onFault: () => {},
  })
  mouth.onMessages((batch) => heard.push(...batch.map((m) => m.params)))
  source.emit({
    batch: [told({ threadId: alias.outer, n: "former" }), told({ threadId: alias.inner, n: "present" })],
    run: { id: "run", pid: 1 },
  })
  expect(heard).toEqual([{ threadId: alias.outer, n: "present" }])
})

test("a fork that could not take its thread's place is not told: it is looked for first", () => {
  const source = createSignal<{ batch: Message[]; run: RunRef }>(() => {})
  const heard: unknown[] = []
  const mouth = createMouth({
    supervisor: { onMessages: (hear) => source.on(({ batch, run }) => hear(batch, run)) },
    aliases: createAliases([]),
    isLoaded: () => false,
    onFault: () => {},
  })
  mouth.onMessages((batch) => heard.push(...batch.map((m) => m.params)))
  const other = { thread: { id: "other", forkedFromId: null } }
  {
    using held = mouth.hold()
    const fork = { thread: { id: "fork", forkedFromId: "t" } }
    const batch = [fork, { threadId: "fork", n: 1 }, other].map(told)
    source.emit({ batch, run: { id: "run", pid: 1 } })
    held.discard("t")
  }
  expect(heard).toEqual([other])
})
