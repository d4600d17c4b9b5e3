// Ids: UUIDv7, so that they sort by birth.

/** A new id, e.g. `0193b2f0-…`. Unique over restarts and machines. */
export function newId(): string {
  const time = Date.now().toString(16).padStart(12, "0")
  // A random id has its 74 random bits and its variant at the same places.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`
}

/** 256 random bits as hexadecimal text. */
export const newSecret = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(32)), (b) => b.toString(16).padStart(2, "0")).join("")

/** True for anything spelled like a UUID, whatever its version. */
export const isUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)
