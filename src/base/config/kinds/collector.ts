// How a collector of traces is named: its address, and the headers that it wants to see.

import type { Variable } from "./kinds.ts"

const optional = { fallback: undefined, blankIsUnset: true }

export const COLLECTOR: Variable<string | undefined> = {
  ...optional,
  parse: (value) =>
    isEndpoint(value)
      ? { value }
      : { wrong: "is no http or https URL without a password, query and fragment" },
  accepts: "http or https URL",
  meaning: "Collector of traces: they go to `/v1/traces` below it, by OTLP over HTTP. Unset: no traces.",
}

export const COLLECTOR_HEADERS: Variable<string | undefined> = {
  ...optional,
  parse: (value) => (headersOf(value) ? { value } : { wrong: "is no list of headers" }),
  accepts: "name=value, separated by commas",
  meaning: "Headers for the collector.",
  secret: true,
}

/** Names and passwords belong in the headers: they are masked, addresses are not. */
function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username + password + search + hash === ""
}

const HEADER = /^([!#$%&'*+.^_`|~\w-]+)\s*=\s*(.*)$/

/** The headers of `name=value,name=value`, values percent-decoded; undefined when it is no such list. */
export function headersOf(text: string): Record<string, string> | undefined {
  const pairs = text.split(",").flatMap((one) => (one.trim() === "" ? [] : [HEADER.exec(one.trim())]))
  const headers: Record<string, string> = {}
  for (const pair of pairs) {
    const value = decoded(pair?.[2] ?? "")
    if (!pair || !/^[\x20-\x7e]*$/.test(value)) return undefined
    headers[pair[1] ?? ""] = value
  }
  return headers
}

/** One that is not encoded well is meant as it stands. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
