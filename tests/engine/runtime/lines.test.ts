import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  createLineCutter,
  createPieceCutter,
  LineTooLong,
} from "../../../src/engine/runtime/protocol/lines.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

test("lines come out whole however the stream is cut, inside characters too", () => {
  const texts = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", "")))
  fc.assert(
    fc.property(texts, fc.string({ unit: "grapheme" }), fc.array(fc.nat(40)), (lines, tail, cuts) => {
      const last = tail.replaceAll("\n", "")
      const stream = bytes(lines.map((line) => `${line}\n`).join("") + last)
      const cutter = createLineCutter()
      const got: string[] = []
      let at = 0
      for (const size of cuts) {
        got.push(...cutter.push(stream.subarray(at, at + size)))
        at += size
      }
      got.push(...cutter.push(stream.subarray(at)))
      expect(got).toEqual(lines)
      expect(cutter.rest()).toBe(last === "" ? undefined : last)
      expect(cutter.rest()).toBeUndefined()
    }),
  )
})

test("what is held survives the reuse of the chunk's memory", () => {
  const cutter = createLineCutter()
  const chunk = bytes("half")
  cutter.push(chunk)
  chunk.fill(0)
  expect(cutter.push(bytes(" whole\n"))).toEqual(["half whole"])
})

test("a line of exactly the limit passes, one byte more fails, whether it came in one chunk or in many", () => {
  const lines = (...chunks: string[]) => {
    const cutter = createLineCutter({ limitBytes: 8 })
    return chunks.flatMap((chunk) => cutter.push(bytes(chunk)))
  }
  expect(lines("12345678\n12345678\n1\n")).toEqual(["12345678", "12345678", "1"])
  expect(lines("1234", "5678", "\nab\n")).toEqual(["12345678", "ab"])
  expect(() => lines("123456789\n")).toThrow(LineTooLong)
  expect(() => lines("1\n123456789\n1\n")).toThrow(LineTooLong)
  expect(() => lines("1234", "5678", "9\n")).toThrow(LineTooLong)
  expect(() => lines("1234", "56789")).toThrow(LineTooLong)
  expect(() => lines("a\n123456789")).toThrow(LineTooLong)
})

test("the whole lines before the one that is too long are not lost with it", () => {
  const before = (...chunks: string[]) => {
    const cutter = createLineCutter({ limitBytes: 8 })
    try {
      for (const chunk of chunks) cutter.push(bytes(chunk))
    } catch (error) {
      return error instanceof LineTooLong ? error.before : error
    }
    return "it did not throw"
  }
  expect(before("a\nb\n123456789\nc\n")).toEqual(["a", "b"])
  expect(before("ab", "c\n\n123456789")).toEqual(["abc", ""])
  expect(before("12345", "6789")).toEqual([])
})

test("broken UTF-8 becomes a replacement character and harms no other line", () => {
  const cutter = createLineCutter()
  expect(cutter.push(new Uint8Array([0xff, 10, 0xc3, 0xa9, 10]))).toEqual(["\ufffd", "é"])
})

test("in pieces: a line over the limit comes in parts of that size, others whole, however the stream is cut", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 30 }), {
    maxLength: 10,
  })
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 8 }), (chunks, limitBytes) => {
      const cutter = createPieceCutter({ limitBytes })
      const got = chunks.flatMap((chunk) => cutter.push(bytes(chunk)))
      const rest = cutter.rest()
      if (rest !== undefined) got.push(rest)
      const lines = chunks.join("").split("\n")
      if (lines.at(-1) === "") lines.pop()
      const pieces = lines.flatMap((line) => line.match(new RegExp(`.{1,${limitBytes}}`, "g")) ?? [""])
      expect(got).toEqual(pieces)
    }),
  )
})
