import { describe, expect, test } from "bun:test"
import { methodsOf, parseMethodList } from "../../../src/engine/runtime/methods.ts"
import { versionOf } from "../../../src/engine/runtime/protocol/handshake.ts"
import { quirksOf } from "../../../src/engine/runtime/quirks.ts"

describe("methods", () => {
  test("the list is read from the refusal, without the name that was refused", () => {
    const text = "Invalid request: unknown variant `codexd/x`, expected one of `initialize`, `thread/start`"
    expect(parseMethodList(text)).toEqual(["initialize", "thread/start"])
    expect(parseMethodList("Invalid request: missing field `threadId`")).toBeUndefined()
    expect(parseMethodList("Not initialized")).toBeUndefined()
  })

  test("without a list nothing is claimed", () => {
    expect(methodsOf(undefined).has("thread/start")).toBeUndefined()
    expect(methodsOf(["thread/start"]).has("x")).toBe(false)
  })
})

test("the version stands behind the client's name, whatever that is", () => {
  expect(versionOf("codexd/0.169.0 (Debian 12.0.0; x86_64) unknown (codexd; 0)")).toBe("0.169.0")
  expect(versionOf("my app/x/0.150.1-alpha.2 (Debian 12.0.0)")).toBe("0.150.1-alpha.2")
  expect(versionOf("")).toBe("unknown")
})

describe("quirks, from the lists of the real binaries", () => {
  const common = ["thread/start", "thread/resume", "thread/read", "turn/start"]
  const of = (methods: string[] | undefined) =>
    quirksOf({ has: methodsOf(methods && [...common, ...methods]).has, observed: { experimental: true } })

  test("0.105", () => {
    expect(of(["thread/rollback"])).toMatchObject({
      ...{
        revert: false,
        rollback: true,
        deletesThreads: false,
        listsTurns: false,
        resumeForgetsPolicy: true,
      },
      ...{ onFailurePolicy: true, rejectPolicy: true, syntheticHistory: true, tellsResolved: false },
    })
  })
  test("0.130", () => {
    expect(of(["thread/rollback", "thread/turns/list"])).toMatchObject({
      ...{ listsTurns: true, resumeForgetsPolicy: true, rejectPolicy: false, tellsResolved: true },
    })
  })
  test("0.169, and what is assumed of a binary that tells nothing", () => {
    const newest = [
      ...["thread/revert", "thread/delete", "thread/turns/list", "thread/items/list"],
      "thread/settings/update",
    ]
    expect(of(newest)).toMatchObject({
      revert: true,
      rollback: false,
      resumeForgetsPolicy: false,
      stableOnly: false,
    })
    // Wrongly believed to tell a message's id back, a binary would be sent the message twice.
    expect(of(undefined)).toEqual({ ...of(newest), tellsClientIds: false })
  })
})
