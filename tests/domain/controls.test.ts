import { expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { masked, maskedText } from "../../src/domain/controls/secrets.ts"
import { sameJson, settingOf, withoutSetting, withSettings } from "../../src/domain/controls/settings.ts"
import { isStricter } from "../../src/domain/controls/strict.ts"
import type { ApprovalPolicy, Controls } from "../../src/domain/controls/tuple.ts"

// A failure net for properties on a busy machine.
setDefaultTimeout(60_000)

const tuple = (part: Partial<Controls> = {}): Controls => ({
  model: null,
  approvalPolicy: "on-request",
  networkAccess: "restricted",
  filesystemSandbox: "workspace-write",
  settings: {},
  ...part,
})

/** The same value with the keys of every object in another order. */
function shuffled(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(shuffled)
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, one]) => [key, shuffled(one)]),
  )
}

test("JSON is the same whatever the order of keys, and only then", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [left, right] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))]
      expect(sameJson(left, shuffled(left))).toBe(true)
      expect(sameJson(left, right)).toBe(Bun.deepEquals(left, right, true))
      expect(sameJson([left], { 0: left })).toBe(false)
      expect(sameJson({ a: left }, { a: left, b: left })).toBe(false)
    }),
  )
})

test("settings are merged by their top-level keys, replaced as a whole, and lose one key at a time", () => {
  const before = { a: { deep: 1, kept: 2 }, b: 1 }
  expect(withSettings(before, { a: { deep: 3 } }, "merge")).toEqual({ a: { deep: 3 }, b: 1 })
  expect(withSettings(before, { c: null }, "replace")).toEqual({ c: null })
  expect(withoutSetting(before, "a")).toEqual({ b: 1 })
  expect(withoutSetting(before, "x")).toEqual(before)
  expect(before).toEqual({ a: { deep: 1, kept: 2 }, b: 1 })
})

test("a key is a word like any other, also one that objects inherit", () => {
  const named = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as Record<string, unknown>
  const kept = withSettings({ b: 1 }, named, "merge")
  expect(JSON.stringify(kept)).toBe('{"b":1,"__proto__":{"a":1},"constructor":2}')
  expect(settingOf(kept, "__proto__")).toEqual({ a: 1 })
  expect(settingOf({}, "__proto__")).toBeUndefined()
  expect(settingOf({}, "toString")).toBeUndefined()
  expect(JSON.stringify(withoutSetting(kept, "__proto__"))).toBe('{"b":1,"constructor":2}')
})

test("settings of a scope have a bound", () => {
  const big = { text: "x".repeat(200 * 1024) }
  expect(withSettings({}, big, "merge")).toEqual(big)
  expect(() => withSettings(big, { more: big.text }, "merge")).toThrow("KiB")
  expect(withSettings(big, { more: big.text }, "replace")).toEqual({ more: big.text })
})

const SECRETS = [
  "sk-proj-abcdefghijklmnop1234",
  "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
  "github_pat_11ABCDEFG0abcdefghij",
  "xoxb-123456789012-abcdefghij",
  "AKIAIOSFODNN7EXAMPLE",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
  "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z",
  "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
]

test("what is shaped like a secret is masked wherever it stands", () => {
  for (const secret of SECRETS) {
    for (const value of [secret, `before ${secret} after`, { note: [secret] }, { [secret]: 1 }]) {
      expect(JSON.stringify(masked(value))).not.toContain(secret.slice(4, 20))
    }
  }
  expect(maskedText("https://me:hunter2@host/path")).toBe("https://[masked]@host/path")
  expect(maskedText("Authorization: Bearer abcdefgh.ijkl")).toBe("Authorization: [masked]")
  expect(maskedText("PASSWORD=hunter2 next")).toBe("PASSWORD=[masked] next")
  expect(maskedText("--api-key=abc")).toBe("--api-key=[masked]")
})

test("what is named like a secret is masked whole, and the rest is left as it is", () => {
  const settings = {
    openaiApiKey: "x",
    nested: { dbPassword: 7, tokens: ["a"], hasToken: true, cookie: null },
    theme: "dark",
    words: "an ordinary sentence of a person, with 3 numbers: 1234567890",
    commit: "9d769dc3c0ffee00deadbeef9d769dc3c0ffee00",
    id: "0193b2f0-7a4e-7c1e-8b1e-3f1f2f3f4f5f",
    path: "/home/me/projects/codexd/src/domain/controls/secrets.ts",
  }
  expect(masked(settings)).toEqual({
    ...settings,
    openaiApiKey: "[masked]",
    nested: { dbPassword: "[masked]", tokens: "[masked]", hasToken: true, cookie: null },
  })
})

test("long text is masked in one go, however it repeats itself", () => {
  for (const part of [
    "a",
    "a-",
    "eyJ-",
    "eyJa.",
    "sk-",
    "token=",
    "bearer ",
    "://a:",
    "-----BEGIN ",
    " ",
    "= ",
  ]) {
    const text = part.repeat(200_000 / part.length)
    expect(maskedText(text).length).toBeLessThanOrEqual(text.length + 200_000)
  }
})

test("a tuple is stricter if any part of it lets less through", () => {
  const policies: ApprovalPolicy[] = ["untrusted", "on-request", "on-failure", "never"]
  for (const [i, next] of policies.entries()) {
    for (const [j, now] of policies.entries()) {
      const [a, b] = [tuple({ approvalPolicy: next }), tuple({ approvalPolicy: now })]
      expect(isStricter(a, b)).toBe(i < j)
    }
  }
  expect(isStricter(tuple({ filesystemSandbox: "read-only" }), tuple())).toBe(true)
  expect(isStricter(tuple(), tuple({ filesystemSandbox: "read-only" }))).toBe(false)
  expect(isStricter(tuple(), tuple({ networkAccess: "enabled" }))).toBe(true)
  expect(
    isStricter(tuple({ filesystemSandbox: "read-only", approvalPolicy: "never" }), tuple()),
    "looser elsewhere",
  ).toBe(true)
})

test("a structured policy is stricter if it refuses a kind of prompt that the other shows", () => {
  const kinds = { sandbox_approval: true, rules: true, mcp_elicitations: true }
  const shows = tuple({
    approvalPolicy: { granular: { ...kinds, request_permissions: true, skill_approval: true } },
  })
  const fewer = tuple({ approvalPolicy: { granular: kinds } })
  const rejects = tuple({ approvalPolicy: { reject: { ...kinds, rules: false } } })
  expect([isStricter(fewer, shows), isStricter(shows, fewer)]).toEqual([true, false])
  expect([isStricter(rejects, shows), isStricter(shows, rejects)]).toEqual([true, false])
  expect(isStricter(shows, tuple({ approvalPolicy: "never" }))).toBe(true)
  expect(isStricter(tuple({ approvalPolicy: "untrusted" }), shows)).toBe(true)
})
