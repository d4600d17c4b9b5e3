// What of a raw call's params must be in no log, frame or store (decisions 34), and what of Codex's configuration only its owner
// may read: nobody told us the schema, so texts go by the names that they stand under.

/** `apiKey`, `bearerToken`, `secretAccessKey`, `Authorization` … */
const NAME =
  /(api[-_]?key|token|secret|(secret|private)[-_]?(access[-_]?)?key|passwd|password|authorization|credential|cookie)s?$/i
/** Tokens that nobody has to hide. */
const HARMLESS = /(page|next|cursor|continuation|progress|cancel(lation)?|sync)[-_]?tokens?$/i

/** Texts under such names, at any depth, and everything beneath such a name. */
export function secretsIn(value: unknown, named = false): string[] {
  if (typeof value === "string") return named ? secretOf(value) : []
  if (typeof value !== "object" || value === null) return []
  if (Array.isArray(value)) return value.flatMap((one) => secretsIn(one, named))
  return Object.entries(value).flatMap(([key, one]) => secretsIn(one, named || isSecret(key)))
}

const MASKED = "[masked]"

const isSecret = (key: string): boolean => NAME.test(key) && !HARMLESS.test(key)

/** Of `Bearer abc` the part that is shown elsewhere without its scheme, too. */
function secretOf(text: string): string[] {
  const bare = /^(?:bearer|basic|token) +(\S+)$/i.exec(text)?.[1]
  return bare === undefined ? [text] : [text, bare]
}

/** What people give to other programs: its names are theirs. */
const GIVEN_ON = /^(env|set|headers|http_headers|query_params)$/
/** Where each value comes from, by its dotted name. */
const ORIGINS = "origins"

/** Codex's configuration for whoever may look and not change: texts that are, or may well be, secrets are masked. */
export function withoutSecrets(value: unknown, named = false): unknown {
  if (typeof value === "string") return named ? MASKED : value
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one, named))
  const shown = ([key, one]: [string, unknown]) =>
    [
      key,
      key === ORIGINS && !named ? one : withoutSecrets(one, named || isSecret(key) || GIVEN_ON.test(key)),
    ] as const
  return Object.fromEntries(Object.entries(value).map(shown))
}
