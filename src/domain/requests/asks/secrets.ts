// Secret answers go to the child and nowhere else: what is stored of such a decision is a seal, a hash under a key that only
// this process has and never writes down. The same answer again is known by it until the daemon ends.

import type { Decision } from "../verdict.ts"

export interface Sealer {
  /** The decision as it may be stored. */
  seal(decided: Decision): Promise<Decision>
}

export function createSealer(): Sealer {
  let key: Promise<CryptoKey> | undefined
  return {
    async seal(decided) {
      if (decided.kind !== "tool_input") return decided
      key ??= crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"])
      const { kind, decision, ...answer } = decided
      const bytes = await crypto.subtle.sign(
        "HMAC",
        await key,
        new TextEncoder().encode(JSON.stringify(answer)),
      )
      const seal = btoa(String.fromCharCode(...new Uint8Array(bytes)))
      return { kind, decision, sealed: seal }
    },
  }
}

/** Every text in a value, however deep. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value]
  if (typeof value !== "object" || value === null) return []
  return Object.values(value).flatMap(textsIn)
}
