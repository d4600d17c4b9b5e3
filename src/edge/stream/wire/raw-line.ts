// Reads what a frame needs out of a line of the child without printing it anew: the method, and the text of `params` as
// a slice. Lines of another shape than the usual are parsed, so the answer is right for every line.

export interface RawLine {
  method: string
  /** JSON text of `params`; undefined when the line has none. */
  params: string | undefined
}

const HEAD = '{"method":"'
const PARAMS = '","params":{'
/** The only key that a known binary writes after params (0.150 on), up to its digits. */
const TAIL = ',"emittedAtMs":'
const CLOSING = 0x7d

/** How a usual line of that method begins, up to the opening of its params. No line begins with a newline. */
export const usualHead = (method: string): string =>
  /["\\]/.test(method) ? "\n" : `${HEAD}${method}${PARAMS}`

/**
 * The method and the text of params of a line of the child, which is valid JSON. `likely` is the method of the line before,
 * with its `usualHead`: mostly it is this one's too.
 */
export function readRawLine(line: string, likely?: { method: string; head: string }): RawLine {
  const quick = readUsual(line, likely)
  if (quick !== undefined) return quick
  const message = JSON.parse(line) as { method?: unknown; params?: unknown }
  const method = typeof message.method === "string" ? message.method : ""
  return { method, params: message.params === undefined ? undefined : JSON.stringify(message.params) }
}

/**
 * `{"method":"…","params":{…}}`, perhaps with emittedAtMs behind. A further key behind params would show as `},"`, which
 * inside a flat object occurs nowhere; where it does occur, the line's own keys decide.
 */
function readUsual(line: string, likely?: { method: string; head: string }): RawLine | undefined {
  const method = likely !== undefined && line.startsWith(likely.head) ? likely.method : methodOf(line)
  if (method === undefined) return undefined
  const start = HEAD.length + method.length + PARAMS.length - 1
  const end = line.endsWith("}}") ? line.length - 1 : tailOf(line)
  if (end < start || line.charCodeAt(end - 1) !== CLOSING) return undefined
  const further = line.indexOf('},"', start)
  if (further !== -1 && further !== end - 1 && !onlyKnownKeys(line)) return undefined
  return { method, params: line.slice(start, end) }
}

/** The method of a usual line, whose params follow at once. */
function methodOf(line: string): string | undefined {
  if (!line.startsWith(HEAD)) return undefined
  const quote = line.indexOf('"', HEAD.length)
  if (!line.startsWith(PARAMS, quote)) return undefined
  const method = line.slice(HEAD.length, quote)
  return method.includes("\\") ? undefined : method
}

/** Where `,"emittedAtMs":DIGITS}` begins at the end of the line, or -1. */
function tailOf(line: string): number {
  const at = line.lastIndexOf(TAIL)
  const last = line.length - 1
  if (at < 0 || at + TAIL.length === last || line.charCodeAt(last) !== CLOSING) return -1
  for (let i = at + TAIL.length; i < last; i++) {
    const code = line.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return -1
  }
  return at
}

function onlyKnownKeys(line: string): boolean {
  const keys = Object.keys(JSON.parse(line) as object)
  return keys.every((key) => key === "method" || key === "params" || key === "emittedAtMs")
}
