// What counts as a word, for the index, for questions and for marks alike: runs of letters and digits without regard to case
// and accents, each sign of scripts that don't put spaces between words, and the humps of names like getUserName.

/** Scripts without spaces between words: every sign is a word of its own, a longer word is a phrase of them. */
const SIGN = "[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}]"
const SIGNS = new RegExp(SIGN, "gu")
const WORD = new RegExp(`${SIGN}\\p{M}*|(?:(?!${SIGN})[\\p{L}\\p{N}\\p{Co}\\p{M}])+`, "gu")
const HAS_WORD = /[\p{L}\p{N}\p{Co}]/u
const HUMPED = /[\p{Ll}\p{N}]\p{Lu}/u
const NOT_ASCII = /[^\p{ASCII}]/u
/** Encoded bytes: nobody looks for them, and they would be most of the index. */
const ENCODED = /[\w+/=-]{200,}/g

export interface Word {
  /** As it is compared. */
  folded: string
  /** As it is written. */
  written: string
  at: number
}

/** A text as the index takes it: its tokenizer then finds the words of `wordsOf`. */
export function indexable(text: string): string {
  const short = text.replace(ENCODED, " ")
  return NOT_ASCII.test(short) ? short.normalize("NFKC").replace(SIGNS, " $& ") : short
}

/** The humps of names, each name once: `get User Name`. Names are not neighbours. */
export function humps(text: string): string {
  if (!HUMPED.test(text)) return ""
  const found = new Set<string>()
  for (const { written } of wordsOf(text)) {
    if (HUMPED.test(written)) found.add(split(written).join(" "))
    if (found.size === MOST_NAMES) break
  }
  return [...found].join(` ${APART} `)
}
const MOST_NAMES = 500
const APART = "0apart0"

/** Words in order. */
export function* wordsOf(text: string): Generator<Word> {
  for (const match of text.matchAll(WORD)) {
    const [written] = match
    if (HAS_WORD.test(written)) yield { folded: fold(written), written, at: match.index }
  }
}

/** The parts of a name, as they are compared; one part for a word without humps. */
export const humpsOf = (written: string): string[] => split(written).map(fold)
export const isHumped = (written: string): boolean => HUMPED.test(written)

/** A token for the index of something that is no text: letters and digits, the same for nothing else. */
export function tag(kind: "s" | "r" | "t", value: string): string {
  if (/^[0-9a-z]+$/.test(value)) return kind + value
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)
  if (uuid) return `${kind}0u${value.replaceAll("-", "")}`
  return `${kind}0x${[...new TextEncoder().encode(value)].map((n) => n.toString(16).padStart(2, "0")).join("")}`
}
export const HIDDEN = "hidden"

const split = (name: string): string[] =>
  name
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .split(" ")

const fold = (text: string): string =>
  NOT_ASCII.test(text)
    ? text.normalize("NFKC").toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").normalize("NFC")
    : text.toLowerCase()
