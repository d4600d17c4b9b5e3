// SHA-256 at once: crypto.subtle makes every request wait a turn for less than a microsecond's work.

import { cryptoModule } from "./slow-modules.ts"

const digest = (text: string, as: "hex" | "base64"): string =>
  typeof Bun === "undefined"
    ? cryptoModule().hash("sha256", text, as)
    : // The quickest of Bun's three (0.4 µs; node:crypto 0.6), and nothing is loaded for it.
      as === "hex"
      ? Bun.SHA256.hash(text, "hex")
      : Bun.SHA256.hash(text, "base64")

/** 64 hexadecimal digits. */
export const sha256 = (text: string): string => digest(text, "hex")

/** As a Content-Security-Policy names a script. */
export const sha256Base64 = (text: string): string => digest(text, "base64")
