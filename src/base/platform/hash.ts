// SHA-256 at once: crypto.subtle makes every request wait a turn for less than a microsecond's work.

import { hash } from "node:crypto"

/** 64 hexadecimal digits. */
export const sha256 = (text: string): string => hash("sha256", text, "hex")

/** As a Content-Security-Policy names a script. */
export const sha256Base64 = (text: string): string => hash("sha256", text, "base64")
