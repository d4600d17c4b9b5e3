// SHA-256 of a value as JSON, in hex; the order of keys says nothing.

import { canonical } from "./canonical.ts"

export async function digestOf(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(canonical(value))
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
