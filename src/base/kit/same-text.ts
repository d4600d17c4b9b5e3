// Secrets are compared here.

/** Takes as long for a wrong first letter as for a wrong last one. */
export function sameText(a: string, b: string): boolean {
  let different = a.length ^ b.length
  for (let i = 0; i < a.length; i++) different |= a.charCodeAt(i) ^ b.charCodeAt(i % b.length)
  return different === 0
}
