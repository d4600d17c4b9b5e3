// Reads an env file given by `--env-file`: `NAME=value` lines, `export` before them, quotes, comments. Nothing is
// expanded: a value is what stands there. The working directory's `.env` is never read by itself (decisions 35).

const LINE = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/

/** The variables of the file. Throws with the number of the first line that can't be read. */
export function parseEnvFile(text: string): Record<string, string> {
  const variables: Record<string, string> = {}
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ""
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, rest] = LINE.exec(line) ?? []
    if (name === undefined || rest === undefined) throw new Error(`line ${at + 1} is not NAME=value`)
    const quote = /^["'`]/.exec(rest)?.[0]
    if (quote === undefined) {
      variables[name] = rest.replace(/(^|\s)#.*$/, "").trim()
      continue
    }
    const opened = at
    let value = rest.slice(1)
    while (closing(value, quote) < 0) {
      const next = lines[++at]
      if (next === undefined) throw new Error(`line ${opened + 1} opens a quote that is never closed`)
      value += `\n${next}`
    }
    const end = closing(value, quote)
    if (!/^\s*(#.*)?$/.test(value.slice(end + 1)))
      throw new Error(`line ${at + 1} has text after the closing quote`)
    variables[name] = quote === '"' ? unescaped(value.slice(0, end)) : value.slice(0, end)
  }
  return variables
}

function closing(value: string, quote: string): number {
  for (let at = 0; at < value.length; at++) {
    if (value[at] === "\\" && quote === '"') at++
    else if (value[at] === quote) return at
  }
  return -1
}

const unescaped = (value: string) =>
  value.replace(/\\([nrt"\\$])/g, (_, c: string) => ({ n: "\n", r: "\r", t: "\t" })[c] ?? c)
