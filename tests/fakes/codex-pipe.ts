// The fake codex's side of the wire: everything it says goes through `say`, in order.

import { does } from "./codex-mischief.ts"
import type { Json } from "./codex-shapes.ts"

const out = Bun.stdout.writer()
const asked = new Map<number, (answer: Json) => void>()
let lastRequest = 0
let spoken: Promise<void> = Promise.resolve()

/** Lines leave one after the other; resolves when the pipe took it. */
export function say(text: string): Promise<void> {
  spoken = spoken.then(() => (does("split-utf8") ? writeSplit(text) : write(text)))
  return spoken
}
async function write(bytes: string | Uint8Array) {
  out.write(bytes)
  await out.flush()
}
/** Cuts inside the first character that has more than one byte. */
async function writeSplit(text: string) {
  const bytes = new TextEncoder().encode(text)
  const at = bytes.findIndex((byte) => byte >= 0x80)
  if (at < 0) return write(bytes)
  await write(bytes.slice(0, at + 1))
  await new Promise((resolve) => setImmediate(resolve))
  return write(bytes.slice(at + 1))
}
export const line = (message: Json) => `${JSON.stringify(message)}\n`
export const notify = (method: string, params: Json) => say(line({ method, params, emittedAtMs: Date.now() }))

export async function answer(id: unknown, body: { result: Json } | { error: Json }) {
  // As the real one: an error stands before its id.
  const text = line("result" in body ? { id, result: body.result } : { error: body.error, id })
  if (does("garbage")) await say('this is no JSON\n[1,2]\n"text"\n{"neither":"nor"}\n\n')
  await say(text)
  if (does("answer-twice")) await say(text)
}

/** Ends now, with what was said still delivered. */
export async function die(code: number): Promise<never> {
  await spoken
  process.exit(code)
}

/** A request of ours; `id` is what its answer and `serverRequest/resolved` carry. */
export function ask(method: string, params: Json): { id: number; answered: Promise<Json> } {
  const id = lastRequest++
  const answered = new Promise<Json>((resolve) => {
    asked.set(id, resolve)
    say(line({ method, id, params }))
  })
  return { id, answered }
}
/** The answer to a request of ours has come, or nobody waits for it any more. */
export function settle(id: unknown, result: Json) {
  asked.get(id as number)?.(result)
  asked.delete(id as number)
}
