// `extension.manifest.json`: what an extension says about itself. What is wrong is said with the file, the key and what was
// expected; unknown fields are ignored and entries of a wrong type in a list are dropped (wire-contract §5.2).

import * as v from "valibot"

const text = v.pipe(
  v.string("must be a text"),
  v.nonEmpty("must not be empty"),
  v.check((s) => s.trim() !== "", "must not be blank"),
)
const optionalText = v.fallback(v.optional(v.string()), undefined)
const texts = v.fallback(
  v.optional(
    v.pipe(
      v.array(v.unknown()),
      v.transform((all) => all.filter((one) => typeof one === "string")),
    ),
  ),
  undefined,
)
const Profile = v.object({ name: v.string(), version: optionalText, versionRange: optionalText })
const profiles = v.fallback(
  v.pipe(
    v.array(v.unknown()),
    v.transform((all) => all.flatMap((one) => (v.is(Profile, one) ? [v.parse(Profile, one)] : []))),
  ),
  [],
)
const part = <S extends v.ObjectEntries>(entries: S) => v.fallback(v.optional(v.object(entries)), undefined)

const Manifest = v.object({
  name: text,
  version: text,
  agentId: text,
  displayName: text,
  runtime: part({
    coreApiVersion: v.fallback(v.optional(v.number()), undefined),
    coreApiVersionRange: optionalText,
    profiles,
  }),
  entrypoints: part({ events: optionalText }),
  /** `tools` is ours: where it is there, tools that it doesn't name are refused or warned about. */
  capabilities: part({ events: texts, actions: texts, tools: texts }),
})
export type Manifest = v.InferOutput<typeof Manifest>

/** The manifest in `json`, the text of the file at `path`; or one sentence about everything that is wrong with it. */
export function readManifest(json: string, path: string): { manifest: Manifest } | { wrong: string } {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    return { wrong: `${path}: it is no JSON (${error instanceof Error ? error.message : error})` }
  }
  const parsed = v.safeParse(Manifest, value)
  if (parsed.success) return { manifest: parsed.output }
  const problems = parsed.issues.map((issue) => {
    const key = v.getDotPath(issue)
    const missing = key !== null && issue.input === undefined
    return key === null
      ? "must be an object"
      : `${key} ${missing ? "is missing: a text is expected" : issue.message}`
  })
  return { wrong: `${path}: ${problems.join("; ")}` }
}
