// The closed table of families (decisions 38): every frame belongs to one, and a listener may ask for some of them.
// A set of families is a bit mask, because the live path asks for it on every frame.

export const FAMILIES = [
  "signal",
  "notification",
  "alias",
  "request",
  "transcript",
  "session",
  "project",
  "job",
  "suggestion",
  "system",
] as const

export type Family = (typeof FAMILIES)[number]

/** A set of families: bit i stands for FAMILIES[i]. */
export type FamilyMask = number

export const ALL_FAMILIES: FamilyMask = (1 << FAMILIES.length) - 1

const INDEX = Object.fromEntries(FAMILIES.map((name, i) => [name, i])) as Record<Family, number>

export const indexOf = (family: Family): number => INDEX[family]
export const maskOf = (family: Family): FamilyMask => 1 << INDEX[family]

/** The indexes in a set, ascending. */
export const indexesOf = (mask: FamilyMask): number[] =>
  FAMILIES.map((_, i) => i).filter((i) => (mask & (1 << i)) !== 0)

/**
 * The set that a list names; an empty or absent one names all, as existing clients need. The first name that is no family
 * is handed back instead.
 */
export function parseFamilies(
  names: readonly string[] | undefined,
): { mask: FamilyMask } | { unknown: string } {
  const wanted = (names ?? []).map((name) => name.trim()).filter((name) => name !== "")
  if (wanted.length === 0) return { mask: ALL_FAMILIES }
  let mask = 0
  for (const name of wanted) {
    if (!Object.hasOwn(INDEX, name)) return { unknown: name }
    mask |= maskOf(name as Family)
  }
  return { mask }
}
