// What may stand in an env file, line by line.

import { expect, test } from "bun:test"
import { parseEnvFile } from "../../../src/base/config/env-file.ts"

const LINES: [line: string, value: string][] = [
  ["A=1", "1"],
  ["export A=1", "1"],
  ["  A = 1 ", "1"],
  ["A=", ""],
  ["A=a b", "a b"],
  ["A=a # why", "a"],
  ["A=# why", ""],
  ["A=a#b", "a#b"],
  ["A='a # b'", "a # b"],
  ["A='a\\n$B'", "a\\n$B"],
  ['A="a\\n\\"b\\""', 'a\n"b"'],
  ['A="\\$B" # why', "$B"],
  ["A=$B", "$B"],
  ["A=`it's`", "it's"],
  ['A="one\ntwo"', "one\ntwo"],
  ["A=b=c", "b=c"],
  ["\uFEFFA=1\r\n", "1"],
]

test.each(LINES)("%p", (line, value) => {
  expect(parseEnvFile(line)).toEqual({ A: value })
})

test("comments and empty lines are skipped, the last value of a name holds", () => {
  expect(parseEnvFile("# A=1\n\nA=2\n  # x\nA=3\nB=4")).toEqual({ A: "3", B: "4" })
})

test.each([
  ["A=1\nnonsense", "line 2"],
  ["A=1\n2B=3", "line 2"],
  ["A='open\nB=1", "line 1"],
  ['A="a" b', "line 1"],
])("%p is refused with the line's number", (text, line) => {
  expect(() => parseEnvFile(text)).toThrow(line)
})
