// What a person asks, read by ourselves: words, "phrases" and begin*nings. Whatever else is typed is never syntax of the
// index: every word goes there in quotes.

import { HIDDEN, humpsOf, indexable, isHumped, tag, wordsOf } from "../words.ts"

/** One thing to look for: words that follow each other. */
export interface Term {
  words: string[]
  /** The last word may go on. */
  prefix: boolean
  /** The humps of a name: found in longer names too. */
  humps: string[]
  /** In the index's own language. */
  match: string
}

/** More than that nobody means; the rest is left out. */
const MOST_TERMS = 16
/** Shorter beginnings would be half the index: they are taken for whole words. */
const SHORTEST_PREFIX = 2

const PIECE = /"([^"]*)("?)(\*?)|([^\s"]+)/g

/** The terms of a question, each once; none if it holds no word. */
export function termsOf(question: string): Term[] {
  const terms = new Map<string, Term>()
  for (const [, phrase, , star, bare] of question.matchAll(PIECE)) {
    const text = phrase ?? bare ?? ""
    const term = termOf(text, star === "*" || (bare?.endsWith("*") ?? false))
    if (term) terms.set(term.match, term)
    if (terms.size === MOST_TERMS) break
  }
  return [...terms.values()]
}

function termOf(text: string, starred: boolean): Term | undefined {
  const words = [...wordsOf(text.normalize("NFKC"))]
  const last = words.at(-1)
  if (!last) return undefined
  const prefix = starred && last.folded.length >= SHORTEST_PREFIX
  const humps = words.length === 1 && isHumped(last.written) ? humpsOf(last.written) : []
  const star = prefix ? " *" : ""
  const own = `{content more} : ${quoted(indexable(text))}${star}`
  const match = humps.length > 0 ? `(${own} OR parts : ${quoted(humps.join(" "))}${star})` : own
  return { words: words.map(({ folded }) => folded), prefix, humps, match }
}

export interface Within {
  sessions?: string[] | undefined
  roles?: string[] | undefined
  types?: string[] | undefined
  hidden: boolean
}

/** The whole question for the index. */
export function matchOf(terms: Term[], { sessions, roles, types, hidden }: Within): string {
  const all = terms.map(({ match }) => match)
  for (const [kind, values] of [
    ["s", sessions],
    ["r", roles],
    ["t", types],
  ] as const)
    if (values) all.push(`tags : (${values.map((value) => quoted(tag(kind, value))).join(" OR ")})`)
  const asked = all.join(" AND ")
  return hidden ? asked : `(${asked}) NOT tags : ${quoted(HIDDEN)}`
}

const quoted = (text: string): string => `"${text.replaceAll('"', " ").replaceAll("\0", " ")}"`
