// Text made small, and back. Raw deflate: both runtimes have it, and short texts get no header.

import { deflateRawSync, inflateRawSync } from "node:zlib"

/** Shorter than this nothing is won. */
const SHORT = 128

export const pack = (text: string): string | Uint8Array =>
  text.length < SHORT ? text : deflateRawSync(text, { level: 3 })

export const unpack = (packed: string | Uint8Array): string =>
  typeof packed === "string" ? packed : inflateRawSync(packed).toString("utf8")
