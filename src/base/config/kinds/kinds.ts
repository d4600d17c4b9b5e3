// The kinds of variables: what a text of the environment means, and which texts are accepted.

/** What a text means, or what is wrong with it, for people. */
export type Parsed<T> = { value: T } | { wrong: string }

export interface Variable<T> {
  /** By hand, not by a schema: a hundred schemas were a seventh of the start (scripts/bench/start.ts). */
  parse(text: string): Parsed<T>
  /** What stands in when the variable is not set. */
  fallback: T
  /** The accepted values, for people. */
  accepts: string
  meaning: string
  /** An empty value means "not set", as `NAME=` does in an env file. An empty number or choice is a mistake. */
  blankIsUnset: boolean
  /** Its value is never shown. */
  secret?: boolean
  /** Accepted for existing set-ups; says why it has no effect. */
  unused?: string
}

type Notes = Pick<Variable<unknown>, "secret" | "unused">

const asIs = (value: string): Parsed<string> => ({ value })

export function text(fallback: string, meaning: string, accepts = "text"): Variable<string> {
  return { parse: asIs, fallback, accepts, meaning, blankIsUnset: true }
}

export function optional(accepts: string, meaning: string, notes: Notes = {}): Variable<string | undefined> {
  return { parse: asIs, fallback: undefined, accepts, meaning, blankIsUnset: true, ...notes }
}

export function oneOf<const T extends string>(
  values: readonly T[],
  fallback: NoInfer<T>,
  meaning: string,
): Variable<T> {
  const parse = (text: string): Parsed<T> => {
    const value = values.find((one) => one === text)
    return value === undefined ? { wrong: "is none of them" } : { value }
  }
  return { parse, fallback, accepts: values.join(" | "), meaning, blankIsUnset: false }
}

export function flag(fallback: boolean, meaning: string): Variable<boolean> {
  const parse = (text: string): Parsed<boolean> =>
    text === "true" || text === "false" ? { value: text === "true" } : { wrong: "is neither" }
  return { parse, fallback, accepts: "true | false", meaning, blankIsUnset: false }
}

interface Range {
  min: number
  max?: number
}

export function integer(
  fallback: number,
  { min, max }: Range,
  meaning: string,
  notes: Notes = {},
): Variable<number> {
  const parse = (text: string): Parsed<number> => {
    if (!/^-?\d+$/.test(text)) return { wrong: "is no whole decimal number" }
    const value = Number(text)
    return value >= min && value <= (max ?? Number.MAX_SAFE_INTEGER)
      ? { value }
      : { wrong: "is out of range" }
  }
  const accepts = max === undefined ? `whole number from ${min}` : `whole number from ${min} to ${max}`
  return { parse, fallback, accepts, meaning, blankIsUnset: false, ...notes }
}

export function names(what: string, fits: (name: string) => boolean, meaning: string): Variable<string[]> {
  const parse = (text: string): Parsed<string[]> => {
    const value = list(text, ",")
    return value.every(fits) ? { value } : { wrong: `holds something that is none of the ${what}` }
  }
  return { parse, fallback: [], accepts: `${what}, separated by commas`, meaning, blankIsUnset: true }
}

export function paths(meaning: string): Variable<string[]> {
  return {
    parse: (text) => ({ value: list(text, ":") }),
    fallback: [],
    accepts: "paths, separated by colons",
    meaning,
    blankIsUnset: true,
  }
}

function list(text: string, separator: string): string[] {
  return text.split(separator).flatMap((one) => one.trim() || [])
}

export function isHostName(name: string): boolean {
  return /^[a-z0-9._-]+(:\d+)?$/i.test(name) || /^\[[0-9a-f:.]+\](:\d+)?$/i.test(name)
}

export function isOrigin(name: string): boolean {
  return /^https?:\/\//.test(name) && URL.canParse(name) && new URL(name).origin === name
}
