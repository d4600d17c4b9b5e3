// Text made small, and back. Raw deflate: both runtimes have it, and short texts get no header.

import { zlibModule } from "./slow-modules.ts"

/** Shorter than this nothing is won. */
const SHORT = 128

export const pack = (text: string): string | Uint8Array =>
  text.length < SHORT ? text : zlibModule().deflateRawSync(text, { level: 3 })

export const unpack = (packed: string | Uint8Array): string =>
  typeof packed === "string" ? packed : zlibModule().inflateRawSync(packed).toString("utf8")
