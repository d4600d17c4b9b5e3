// What each version wrote in a recorded session gives the transcript that the daemon had of it, line by line or in one read.

import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Entry } from "../../src/domain/transcript/entry.ts"
import { openRooms, said } from "../support/rooms.ts"

interface Golden {
  thread: string
  turns: [string, string][]
  transcript: Entry[]
}
/** Times are the machine's. */
const timeless = (list: Entry[]) => list.map(({ startedAt: _s, completedAt: _c, ...entry }) => entry)

for (const version of ["0.105.0", "0.130.0", "0.150.1", "0.169.0"]) {
  for (const atOnce of [1, 1_000]) {
    test(`${version}, ${atOnce} lines at a time`, () => {
      const file = (name: string) => readFileSync(join(import.meta.dir, "../golden", version, name), "utf8")
      const golden = JSON.parse(file("session.transcript.jsonl")) as Golden
      const lines = file("session.lines.jsonl").trim().split("\n")
      const messages = lines.map((line) => {
        const { method, params } = JSON.parse(line) as { method: string; params: unknown }
        return said(method, params)
      })
      const house = openRooms()
      house.ingest.take([said("thread/started", { thread: { id: golden.thread } })], "run")
      for (let i = 0; i < messages.length; i += atOnce)
        house.ingest.take(messages.slice(i, i + atOnce), "run")
      const { transcript } = house.rooms.transcript.joined(golden.thread, true)
      expect(timeless(JSON.parse(transcript))).toEqual(timeless(golden.transcript))
      expect(house.rooms.turns.list(golden.thread).map(({ id, status }) => [id, status])).toEqual(
        golden.turns,
      )
    })
  }
}
