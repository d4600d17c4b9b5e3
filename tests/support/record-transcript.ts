// Records tests/golden/<version>: the lines that a binary writes in a session, and the transcript that came of them.
// By hand, when the scripted work or a version changes: bun tests/support/record-transcript.ts

import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openWorld, verticalSpec } from "../blackbox/vertical-suite.ts"
import { ended, hear, isNotification, newSession, post, read, send } from "../blackbox/world.ts"
import { COMMANDS, VERSIONS } from "./daemon.ts"

const WORK = "reason: why\nrun: echo from the shell\npatch: notes.txt | one | two\necho: both are there"

for (const version of VERSIONS) {
  await using world = await openWorld(verticalSpec(COMMANDS.bun, version), version)
  const id = await newSession(world, { approvalPolicy: "never" })
  const listener = await hear(world, `threadId=${id}&families=notification`)
  for (const text of [WORK, "words: 20", "fail: 400 no"]) await ended(listener, await send(world, id, text))
  for (const what of ["compact", "review"]) {
    const from = listener.frames.length
    await post(world, `/api/sessions/${id}/${what}`)
    await listener.until(isNotification("turn/completed"), what, from)
  }
  const { transcript, thread } = await read(world, id)
  const lines = listener.frames
    .map(({ payload }) => JSON.stringify(payload))
    .filter((line) => !line.includes('"codex/event/') && !line.includes('"rawResponse'))
  const golden = { thread: id, turns: thread.turns.map((turn) => [turn.id, turn.status]), transcript }
  const folder = join(import.meta.dirname, "../golden", version)
  mkdirSync(folder, { recursive: true })
  const plain = (text: string) => text.replaceAll(world.place.path, "/place")
  writeFileSync(join(folder, "session.lines.jsonl"), plain(`${lines.join("\n")}\n`))
  writeFileSync(join(folder, "session.transcript.jsonl"), plain(`${JSON.stringify(golden)}\n`))
  listener.close()
}
