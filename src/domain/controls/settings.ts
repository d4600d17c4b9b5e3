// Settings are JSON by top-level key. Every change makes a new object; a key may be any word, `__proto__` too.

import { Fault } from "../../base/fault.ts"

export type Settings = Record<string, unknown>

/** Over both ways of writing: what a scope's settings may weigh as JSON, because every write leaves a row with both sides. */
const MOST = 256 * 1024

/** Shallow: top-level keys only. `replace` swaps the whole object. Throws `body_too_large`. */
export function withSettings(before: Settings, given: Settings, mode: "merge" | "replace"): Settings {
  const after = mode === "replace" ? given : { ...before, ...given }
  if (JSON.stringify(after).length > MOST)
    throw new Fault("body_too_large", `the settings of a scope may be ${MOST / 1024} KiB together`)
  return after
}

export const withoutSetting = (before: Settings, key: string): Settings =>
  Object.fromEntries(Object.entries(before).filter(([name]) => name !== key))

/** Undefined for a key that isn't there, whatever objects inherit. */
export const settingOf = (settings: Settings, key: string): unknown =>
  Object.hasOwn(settings, key) ? settings[key] : undefined

/** Equal as JSON, whatever the order of keys, at any depth. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && sameJson((a as Settings)[key], (b as Settings)[key]))
}
