// Ends an exhaustive switch: the compiler objects when a case is missing, the process when one slips through.

/** Throws. Reaching it is a bug. */
export function never(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`)
}
