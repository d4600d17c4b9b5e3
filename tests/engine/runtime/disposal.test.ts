import { expect, test } from "bun:test"
import { Fault, type FaultCode } from "../../../src/base/fault.ts"
import { createDisposal } from "../../../src/engine/runtime/threads/disposal.ts"

function start(deletesThreads: boolean, answers: Record<string, FaultCode> = {}) {
  const calls: string[] = []
  const unloaded: string[] = []
  const disposal = createDisposal({
    call: async <T>(method: string) => {
      calls.push(method)
      const code = answers[method]
      if (code) throw new Fault(code, method)
      return {} as T
    },
    deletesThreads: () => deletesThreads,
    unloaded: (id) => void unloaded.push(id),
  })
  return { disposal, calls, unloaded }
}

test.each([
  ["the binary deletes it", true, {}, "deleted", ["thread/delete"]],
  ["the binary has it no more", true, { "thread/delete": "not_found" }, "deleted", ["thread/delete"]],
  ["a fork holds on to it", true, { "thread/delete": "invalid_state" }, "kept", ["thread/delete"]],
  ["a binary that can't delete archives it, which unloads it", false, {}, "files", ["thread/archive"]],
  [
    "one without a turn can't be archived",
    false,
    { "thread/archive": "not_found" },
    "files",
    ["thread/archive"],
  ],
  [
    "a binary of which nothing is known turns out not to be able",
    true,
    { "thread/delete": "method_not_supported" },
    "files",
    ["thread/delete", "thread/archive"],
  ],
] as const)("%s", async (_, deletes, answers, outcome, calls) => {
  const at = start(deletes, answers)
  expect(await at.disposal.deleteThread("t")).toBe(outcome)
  expect(at.calls).toEqual([...calls])
})

test("what says nothing about the thread is passed on: it is tried again", async () => {
  for (const method of ["thread/delete", "thread/archive"]) {
    const at = start(method === "thread/delete", { [method]: "runtime_unavailable" })
    expect(at.disposal.deleteThread("t")).rejects.toMatchObject({ code: "runtime_unavailable" })
    expect(at.unloaded).toEqual([])
  }
})
