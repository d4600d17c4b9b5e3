// The piece of an entry that shows why it was found, and where in it the words stand.

import { contentOf, moreOf, type Searchable } from "../text.ts"
import { humpsOf, isHumped, type Word, wordsOf } from "../words.ts"
import type { Term } from "./question.ts"

export interface Snippet {
  text: string
  /** [where, how long] in `text`, counted as JavaScript counts. */
  marks: [number, number][]
  /** The entry's content, or what its details say. */
  in: "content" | "details"
}

const LONGEST = 240
const BEFORE = 60
/** Words that are looked through; an entry that says it later is shown from its beginning. */
const MOST_WORDS = 20_000

export function snippetOf(entry: Searchable, terms: Term[]): Snippet {
  const content = contentOf(entry)
  const inContent = cut(content, terms)
  if (inContent) return { ...inContent, in: "content" }
  const inMore = cut(moreOf(entry), terms)
  if (inMore) return { ...inMore, in: "details" }
  return { text: whole(content, 0, LONGEST), marks: [], in: "content" }
}

function cut(text: string, terms: Term[]): Omit<Snippet, "in"> | undefined {
  const window: Word[] = []
  const marks: [number, number][] = []
  let from = 0
  let seen = 0
  const longest = Math.max(...terms.map(({ words }) => words.length))
  for (const word of wordsOf(text)) {
    if (marks.length > 0 && word.at > from + LONGEST) break
    if (++seen > MOST_WORDS) break
    window.push(word)
    if (window.length > longest) window.shift()
    const start = startOf(window, terms)
    if (!start) continue
    if (marks.length === 0) from = edge(text, start.at - BEFORE)
    const end = word.at + word.written.length
    const last = marks.at(-1)
    if (last && start.at < last[0] + last[1]) last[1] = end - last[0]
    else marks.push([start.at, end - start.at])
  }
  if (marks.length === 0) return undefined
  const [, first = 0] = marks[0] ?? []
  const shown = whole(text, from, Math.max(LONGEST, BEFORE + first))
  return {
    text: shown,
    marks: marks
      .filter(([at, length]) => at + length <= from + shown.length)
      .map(([at, length]) => [at - from, length]),
  }
}

/** The word with which a term begins that ends with the last of these. */
function startOf(words: Word[], terms: Term[]): Word | undefined {
  const last = words.at(-1)
  if (!last) return undefined
  for (const term of terms) {
    const tail = words.slice(-term.words.length)
    const isIt = tail.length === term.words.length && tail.every(({ folded }, i) => alike(folded, term, i))
    if (isIt) return tail[0]
    if (term.humps.length > 0 && isHumped(last.written) && holds(humpsOf(last.written), term)) return last
  }
  return undefined
}

function alike(folded: string, { words, prefix }: Term, i: number): boolean {
  const wanted = words[i] ?? ""
  return prefix && i === words.length - 1 ? folded.startsWith(wanted) : folded === wanted
}

const holds = (parts: string[], { humps, prefix }: Term): boolean =>
  parts.some((_, at) =>
    humps.every((_hump, i) => alike(parts[at + i] ?? "", { words: humps, prefix } as Term, i)),
  )

/** Not in the middle of a word. */
function edge(text: string, at: number): number {
  if (at <= 0) return 0
  const space = text.slice(at, at + 20).search(/\s/)
  return pairSafe(text, space < 0 ? at : at + space + 1)
}
function whole(text: string, from: number, length: number): string {
  return text.slice(from, pairSafe(text, Math.min(text.length, from + length)))
}
/** Nor of a pair of surrogates. */
const pairSafe = (text: string, at: number): number => {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}
