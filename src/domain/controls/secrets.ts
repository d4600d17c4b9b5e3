// What looks like a secret, by its name or its shape, is masked wherever values are kept as history. Better one mask too many.

const MASK = "[masked]"

const NAMED =
  /token|secret|passw|\bpass\b|\bauth\b|pwd|passphrase|authorization|bearer|(api|private|access|signing)[-_ ]?key|cookie|credential/i

/** The first group stays. Bounded where a search could begin anew at every letter: text may be long. */
const SHAPES = [
  /()-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /()\beyJ[\w-]{8,2000}\.[\w-]+(?:\.[\w-]*)?/g,
  /()\b(?:sk|pk|rk)[-_][\w-]{12,}/g,
  /()\b(?:gh[a-z]_|github_pat_|glpat-|npm_|xox[a-z]-|AKIA|ASIA|AIza)[\w-]{12,}/g,
  /()\b(?:bearer|basic)\s{1,4}[\w.~+/=-]{8,}/gi,
  /(:\/\/)[^\s/:@]{0,200}:[^\s/@]{1,2000}(?=@)/g,
  /\b([\w-]{0,40}(?:token|secret|passw(?:or)?d|pwd|pass|auth|api[-_]?key)\\?["']?\s{0,4}[=:]\s{0,4}\\?["']?)[^\s"',;&\\]+/gi,
]

/** Too long to be read, of small and capital letters and digits. */
const LONG_WORD = /[\w+/-]{32,}={0,2}/g
const isKey = (word: string): boolean => /[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word)

/** Text with what looks like a secret masked. */
export const maskedText = (text: string): string =>
  SHAPES.reduce((out, shape) => out.replace(shape, `$1${MASK}`), text).replace(LONG_WORD, (word) =>
    isKey(word) ? MASK : word,
  )

/** The same JSON, with values masked whose name or shape is a secret's, at any depth. */
export function masked(value: unknown): unknown {
  if (typeof value === "string") return maskedText(value)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(masked)
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      maskedText(name),
      NAMED.test(name) && one !== null && typeof one !== "boolean" ? MASK : masked(one),
    ]),
  )
}
