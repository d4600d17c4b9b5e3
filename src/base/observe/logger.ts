// JSON lines with levels. Secrets never get in: what is registered as secret, and what is named like one, is masked.

import type { Clock } from "../kit/clock.ts"
import { iso } from "../kit/clock.ts"

export const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const
export type Level = (typeof LEVELS)[number]
export type Fields = Record<string, unknown>

export interface Logger {
  fatal(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  debug(message: string, fields?: Fields): void
  trace(message: string, fields?: Fields): void
  /** The same logger with fields on every line. */
  child(fields: Fields): Logger
}

export interface LoggerNeeds {
  clock: Clock
  level: Level
  write(line: string, level: Level): void
  mask: Masks
}

/** One place that knows which texts must never leave the house (decisions 34). */
export interface Masks {
  /** From now on every occurrence of this text is masked. Texts under 6 characters are not, they would mask everything. */
  add(secret: string): void
  apply(text: string): string
  empty(): boolean
  /** The end of the text with which a secret may begin; empty when none does. */
  beginning(text: string): string
}

const SECRET_NAME = /(?:token|secret|password|passwd|authorization|api[-_]?key|cookie|credential)/i
const MASK = "[masked]"

export function createMasks(): Masks {
  const secrets = new Set<string>()
  return {
    add(secret) {
      if (secret.length < 6) return
      // As it is, as JSON spells it, and as JSON inside a text of JSON does.
      const spelled = escaped(secret)
      for (const form of [secret, spelled, escaped(spelled)]) secrets.add(form)
    },
    empty: () => secrets.size === 0,
    beginning(text) {
      let longest = 0
      for (const secret of secrets) {
        for (let length = Math.min(secret.length - 1, text.length); length > longest; length--)
          if (text.endsWith(secret.slice(0, length))) longest = length
      }
      return longest === 0 ? "" : text.slice(-longest)
    },
    apply(text) {
      let out = text
      for (const secret of secrets) if (out.includes(secret)) out = out.replaceAll(secret, MASK)
      return out
    },
  }
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/** `{"at":iso,"level":…,"message":…,…}` a line. Errors become name, message, stack and cause. */
export function createLogger({ clock, level, write, mask }: LoggerNeeds, base: Fields = {}): Logger {
  const limit = LEVELS.indexOf(level)
  const stamp = createStamp(clock)
  const at = (name: Level) => {
    if (level === "silent" || LEVELS.indexOf(name) > limit) return () => undefined
    return (message: string, fields: Fields = {}) => {
      const line: Fields = { at: stamp(), level: name, message }
      tidyInto(line, base)
      tidyInto(line, fields)
      write(`${mask.apply(JSON.stringify(line))}\n`, name)
    }
  }
  return {
    fatal: at("fatal"),
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    trace: at("trace"),
    child: (fields) => createLogger({ clock, level, write, mask }, { ...base, ...fields }),
  }
}

/** The same text for all of a millisecond: a busy one has a dozen lines. */
function createStamp(clock: Pick<Clock, "now">): () => string {
  let last = { at: Number.NaN, text: "" }
  return () => {
    const at = clock.now()
    if (at !== last.at) last = { at, text: iso(at) }
    return last.text
  }
}

/** Fit for JSON: errors with their causes, big numbers, and nothing that is named like a secret. No replacer: that takes thrice as long. */
function tidy(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString()
  if (typeof value !== "object" || value === null || "toJSON" in value) return value
  if (Array.isArray(value)) return value.map(tidy)
  const { name, message, stack, cause } = value as Partial<Error>
  const fields = value instanceof Error ? { name, message, stack, cause } : value
  return tidyInto({}, fields as Fields)
}

function tidyInto(line: Fields, fields: Fields): Fields {
  for (const key of Object.keys(fields)) {
    const one = fields[key]
    if (typeof one === "string") line[key] = isSecretName(key) ? MASK : one
    else line[key] = typeof one === "number" ? one : tidy(one)
  }
  return line
}

/** Names are the code's own, and few. */
const known = new Map<string, boolean>()
const MOST_KNOWN = 1_000
function isSecretName(name: string): boolean {
  const before = known.get(name)
  if (before !== undefined) return before
  const found = SECRET_NAME.test(name)
  if (known.size < MOST_KNOWN) known.set(name, found)
  return found
}
