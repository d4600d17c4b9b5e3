// Reads what a frame needs out of a line of the child without printing it anew: the method, and the text of `params` as
// a slice. Lines of another shape than the usual are parsed, so the answer is right for every line.

export interface RawLine {
  method: string
  /** JSON text of `params`; undefined when the line has none. */
  params: string | undefined
}

const HEAD = '{"method":"'
const PARAMS = '","params":{'
/** The only key that a known binary writes after params (0.150 on). */
const TAIL = /,"emittedAtMs":\d+\}$/

/** The method and the text of params of a line of the child, which is valid JSON. */
export function readRawLine(line: string): RawLine {
  const quick = readUsual(line)
  if (quick !== undefined) return quick
  const message = JSON.parse(line) as { method?: unknown; params?: unknown }
  const method = typeof message.method === "string" ? message.method : ""
  return { method, params: message.params === undefined ? undefined : JSON.stringify(message.params) }
}

/**
 * `{"method":"…","params":{…}}`, perhaps with emittedAtMs behind. A further key behind params would show as `},"`, which
 * inside a flat object occurs nowhere; where it does occur, the line's own keys decide.
 */
function readUsual(line: string): RawLine | undefined {
  if (!line.startsWith(HEAD)) return undefined
  const quote = line.indexOf('"', HEAD.length)
  if (!line.startsWith(PARAMS, quote)) return undefined
  const method = line.slice(HEAD.length, quote)
  if (method.includes("\\")) return undefined
  const start = quote + PARAMS.length - 1
  const end = line.endsWith("}}") ? line.length - 1 : line.search(TAIL)
  if (end < start || line.charCodeAt(end - 1) !== 0x7d) return undefined
  const further = line.indexOf('},"', start)
  if (further !== -1 && further !== end - 1 && !onlyKnownKeys(line)) return undefined
  return { method, params: line.slice(start, end) }
}

function onlyKnownKeys(line: string): boolean {
  const keys = Object.keys(JSON.parse(line) as object)
  return keys.every((key) => key === "method" || key === "params" || key === "emittedAtMs")
}
