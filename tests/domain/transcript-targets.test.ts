// The rows that a job promises (wire-contract §3.6), row by row of the contract's table, and after a crash.

import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import type { Entry, EntryStatus } from "../../src/domain/transcript/entry.ts"
import { openRooms, said } from "../support/rooms.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const about = { turnId: "u", author: "job:7", anchorItemId: "c", approvalId: "a" } as const
const target = {
  messageId: "r",
  type: "turn.supervisorReview",
  placeholderTexts: ["Looking …", "Still looking"],
  completeFallback: "Nothing to say.",
  errorFallback: "It failed.",
  canceledFallback: "Stopped.",
}
const targets = [target]

function start() {
  const house = openRooms()
  house.ingest.take([said("thread/started", { thread: { id: "t" } })], "run")
  const { transcript } = house.rooms
  return {
    house,
    open: () => house.now((tx) => transcript.openTargets(tx, "t", { about, targets })),
    end: (outcome: "complete" | "error" | "canceled", reason?: string) =>
      house.now((tx) => transcript.reconcileTargets(tx, "t", { about, targets, outcome, reason })),
    write: (content: string, status: EntryStatus) =>
      house.now((tx) =>
        transcript.say(tx, "t", {
          messageId: "r",
          turnId: "u",
          role: "system",
          type: target.type,
          content,
          status,
        }),
      ),
    row: () => {
      const found = transcript.find(house.db, "t", "r")
      return found && [found.status, found.content]
    },
    told: () => house.told.filter(({ type }) => type === "transcript.updated").length,
  }
}

test("a placeholder while the job runs; a fallback where nothing was written; the reason behind an error", () => {
  for (const [outcome, text] of [
    ["complete", "Nothing to say."],
    ["error", "It failed. (out of memory)"],
    ["canceled", "Stopped."],
  ] as const) {
    const { house, open, end, row } = start()
    open()
    expect(row()).toEqual(["streaming", "Looking …"])
    const entry = house.rooms.transcript.find(house.db, "t", "r")
    expect(JSON.parse(entry?.details ?? "")).toEqual({ anchorItemId: "c", approvalId: "a" })
    expect(entry?.author).toBe("job:7")
    end(outcome, "out of memory")
    expect(row()).toEqual([outcome, text])
  }
})

test("what was written stays, with the job's status; a success is never taken back; no row gets one", () => {
  const one = start()
  one.open()
  one.write("all good so far", "streaming")
  one.end("canceled")
  expect(one.row()).toEqual(["canceled", "all good so far"])
  const other = start()
  other.write("done", "complete")
  other.end("error", "late")
  expect([other.row(), other.told()]).toEqual([["complete", "done"], 1])
  other.open()
  expect(other.row()).toEqual(["complete", "done"])
  const none = start()
  none.end("error")
  expect(none.row()).toEqual(["error", "It failed."])
  const shouted = start()
  shouted.write("  LOOKING … ", "streaming")
  shouted.end("complete")
  expect(shouted.row()).toEqual(["complete", "Nothing to say."])
})

test("a job that begins anew opens its rows again; a turn's end and a kill leave a job's rows to the job", () => {
  const { house, open, end, row } = start()
  house.ingest.take([said("turn/started", { threadId: "t", turn: { id: "u", status: "inProgress" } })], "run")
  open()
  house.ingest.take(
    [said("turn/completed", { threadId: "t", turn: { id: "u", status: "completed" } })],
    "run",
  )
  expect(row()).toEqual(["streaming", "Looking …"])
  end("error")
  open()
  expect(row()).toEqual(["streaming", "Looking …"])
  end("complete")
  expect(row()).toEqual(["complete", "Nothing to say."])
})

test("the same end twice writes and tells once, whatever came before", () => {
  const outcome = fc.constantFrom("complete" as const, "error" as const, "canceled" as const)
  const step = fc.oneof(
    fc.constant(["open"] as const),
    fc.tuple(fc.constant("end" as const), outcome),
    fc.tuple(
      fc.constant("write" as const),
      fc.constantFrom("", "Looking …", "words"),
      fc.constantFrom<Entry["status"]>("streaming", "complete", "canceled", "error"),
    ),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), outcome, (steps, last) => {
      const { open, end, write, row, told } = start()
      for (const one of steps) {
        if (one[0] === "open") open()
        else if (one[0] === "end") end(one[1])
        else write(one[1], one[2])
      }
      const wasComplete = row()?.[0] === "complete"
      end(last)
      const [after, count] = [row(), told()]
      expect(after?.[0]).toBe(wasComplete ? "complete" : last)
      if (!wasComplete) expect(after?.[1]).not.toBe("")
      end(last)
      expect([row(), told()]).toEqual([after, count])
    }),
    { numRuns: 60 },
  )
})
