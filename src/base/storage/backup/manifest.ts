// The manifest beside a backup: what it is, of what, and its hash. No secret is in it.

import * as v from "valibot"

const SHAPE = v.object({
  format: v.literal(1),
  /** Of the program that wrote it. */
  version: v.string(),
  schema: v.number(),
  madeAt: v.string(),
  bytes: v.number(),
  sha256: v.string(),
  /** How many rows each table has. */
  rows: v.record(v.string(), v.number()),
})
export type Manifest = v.InferOutput<typeof SHAPE>

export const manifestOf = (path: string): string => `${path}.json`

export const writeManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`

/** Throws an Error for a text that is no manifest. */
export function readManifest(text: string): Manifest {
  const parsed = v.safeParse(SHAPE, jsonIn(text))
  if (parsed.success) return parsed.output
  throw new Error("the manifest can't be read: it is none, or of a newer codexd")
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
