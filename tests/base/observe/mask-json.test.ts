import { describe, expect, test } from "bun:test"
import { createMasks } from "../../../src/base/observe/logger.ts"
import { createDeltaMask } from "../../../src/base/observe/mask-deltas.ts"
import { maskJson } from "../../../src/base/observe/mask-json.ts"

const masking = (...secrets: string[]) => {
  const masks = createMasks()
  for (const secret of secrets) masks.add(secret)
  return (value: unknown) => JSON.parse(maskJson(masks, JSON.stringify(value)))
}

describe("a secret in JSON", () => {
  test("is masked in every text, at any depth", () => {
    const mask = masking("correct horse")
    expect(mask({ text: "it is correct horse!", list: [{ output: "correct horse" }] })).toEqual({
      text: "it is [masked]!",
      list: [{ output: "[masked]" }],
    })
  })

  test("is found with its quotes and backslashes, also in JSON inside a text", () => {
    const secret = 'pa"ss\\word\n'
    const mask = masking(secret)
    expect(mask({ text: secret, output: JSON.stringify({ answers: [secret] }) })).toEqual({
      text: "[masked]",
      output: '{"answers":["[masked]"]}',
    })
  })

  test("that is a word of the protocol leaves the protocol alone", () => {
    const mask = masking("completed", "turn/completed", "threadId", "message")
    const line = {
      method: "turn/completed",
      params: { threadId: "message-1", turn: { id: "threadId", status: "completed" }, text: "completed" },
    }
    expect(mask(line)).toEqual({ ...line, params: { ...line.params, text: "[masked]" } })
  })

  test("leaves a text without it as it is, byte for byte", () => {
    const masks = createMasks()
    masks.add("correct horse")
    const line = '{"n": 1.0, "text":"\\u0041"}'
    expect(maskJson(masks, line)).toBe(line)
  })
})

describe("a secret in a stream", () => {
  const speaking = (pieces: string[], ...secrets: string[]) => {
    const masks = createMasks()
    for (const secret of secrets) masks.add(secret)
    const mask = createDeltaMask(masks)
    return pieces.map((piece) => mask(piece, () => "one"))
  }

  test("is masked wherever the pieces are cut", () => {
    const text = "say correct horse twice, correct horse"
    for (let size = 1; size < 12; size++) {
      const pieces = text.match(new RegExp(`.{1,${size}}`, "g")) ?? []
      expect(speaking(pieces, "correct horse").join("")).toBe("say [masked] twice, [masked]")
    }
  })

  test("holds nothing back but what may begin one", () => {
    expect(speaking(["a corre", "ction", " is fine"], "correct horse")).toEqual([
      "a ",
      "correction",
      " is fine",
    ])
  })

  test("of one stream is nothing to another", () => {
    const masks = createMasks()
    masks.add("correct horse")
    const mask = createDeltaMask(masks)
    expect([mask("correct ", () => "a"), mask("horse", () => "b"), mask("horse", () => "a")]).toEqual([
      "",
      "horse",
      "[masked]",
    ])
  })

  test("that nobody has told costs nothing", () => {
    const mask = createDeltaMask(createMasks())
    expect(
      mask("anything", () => {
        throw new Error("asked for the stream")
      }),
    ).toBe("anything")
  })
})
