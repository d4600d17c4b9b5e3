// How deep JSON is nested, told from its text: what walks through values calls itself once a level, and a body of one megabyte
// has room for half a million of them.

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** True when lists and objects lie in each other deeper than `levels`. For JSON that can be parsed. */
export function isDeeperThan(json: string, levels: number): boolean {
  // Each level opens and closes.
  if (json.length <= 2 * levels) return false
  let depth = 0
  let quoted = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (quoted) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) quoted = false
    } else if (code === QUOTE) quoted = true
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > levels) return true
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return false
}
