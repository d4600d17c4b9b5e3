import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import type { LoggedEvent } from "../../../src/base/events/event.ts"
import { decodeBody, encodeBody } from "../../../src/base/events/rows/body.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "\u2028\u2029",
    "a,b:c\n3:",
    "🦀".repeat(9),
    '{"a":"\\ud800"}',
    "\u0000",
    "12:34,5,6,7,8:",
  ),
  fc.nat(70_000).map((n) => "ä".repeat(n)),
  // Alike at their beginning, and apart in the middle of a character.
  fc.tuple(fc.nat(60), fc.constantFrom("🦀", "🦁", "x", "")).map(([n, end]) => `${"a🦀".repeat(n)}${end}`),
)
const events = fc.array(
  fc.record({
    step: fc.integer({ min: 1, max: 2 ** 30 }),
    later: fc.oneof(fc.constant(0), fc.integer({ min: -5000, max: 2 ** 40 })),
    type: fc.constantFrom("app.notification", "session.created", "ü:1,"),
    context: fc.oneof(fc.constantFrom("", '{"turnId":"t"}'), text),
    body: text,
  }),
  { minLength: 1, maxLength: 30 },
)

test("a row's events come back exactly as they were told", () => {
  fc.assert(
    fc.property(events, fc.constantFrom("", "thread"), fc.nat(2 ** 40), (drafts, thread, first) => {
      const head = { first, at: 1_700_000_000_000, thread, scope: "thread" as const }
      let { first: n, at } = head
      const told: LoggedEvent[] = drafts.map(({ step, later, ...rest }, i) => {
        n += i === 0 ? 0 : step
        at += i === 0 ? 0 : later
        return { n, at, ...rest, scope: "thread", thread: thread === "" ? null : thread, stored: true }
      })
      expect(decodeBody(head, encodeBody(head, told))).toEqual(told)
    }),
    { numRuns: 300 },
  )
})

test("neighbours that are alike cost their length and nothing more", () => {
  const head = { first: 1, at: 5, thread: "T", scope: "thread" as const }
  const alike = { at: 5, type: "x", context: "{}", scope: "thread" as const, thread: "T", stored: true }
  const told = [1, 2, 3].map((n) => ({ ...alike, n, body: "{}" }))
  expect(encodeBody(head, told)).toBe("1,0,1,2,2:x{}{}2:{}2:{}")
})

test("a beginning that neighbours share is stored once", () => {
  const head = { first: 1, at: 5, thread: "T", scope: "thread" as const }
  const alike = { at: 5, type: "x", context: "", scope: "thread" as const, thread: "T", stored: true }
  const long = "a".repeat(40)
  const told = ["one", `${long}1`, `${long}2`, `${long}3`, "four"].map((body, i) => ({
    ...alike,
    n: i + 1,
    body,
  }))
  const text = encodeBody(head, told)
  expect(text).toBe(`1,0,1,,3:xone41:${long}11,0,,,40,1:21:31,0,,,4:four`)
  expect(decodeBody(head, text)).toEqual(told)
})

test("a damaged row is said to be damaged, never misread in silence", () => {
  const head = { first: 7, at: 5, thread: "T", scope: "thread" as const }
  for (const text of ["9:short", "nonsense", "1,0,x,2,3:abc", "-1:a", "1,0,1,0,1:xa1,0,,,2,1:b"]) {
    expect(() => decodeBody(head, text)).toThrow("log row 7 is damaged")
  }
})
