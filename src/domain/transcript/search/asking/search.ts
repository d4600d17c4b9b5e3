// Search over all sessions. What matches up to ten thousand times is ranked; commoner questions are answered newest first,
// and the answer says so: a word that is everywhere says nothing about what a person means.

import { iso } from "../../../../base/kit/clock.ts"
import { foreignCursor, textOfCursor } from "../../../../base/kit/cursor.ts"
import type { Db } from "../../../../base/storage/port.ts"
import { END, idFrom, timeOf } from "../ids.ts"
import { countPending, newest } from "../store.ts"
import { matchOf, type Term, termsOf } from "./question.ts"
import { best, type Told } from "./rank.ts"
import { type Snippet, snippetOf } from "./snippet.ts"
import {
  type Asked,
  countOf,
  matchesOf,
  newestMatches,
  readFound,
  sessionsIn,
  standsIn,
  writtenEver,
} from "./store.ts"

export interface AskSearch {
  q: string
  sessionId?: string | undefined
  projectId?: string | undefined
  roles?: string[] | undefined
  types?: string[] | undefined
  /** Epoch milliseconds; `to` is the first moment that is out. */
  from?: number | undefined
  to?: number | undefined
  includeSystemOwned: boolean
  limit: number
  cursor?: string | undefined
}

export interface Hit {
  sessionId: string
  title: string
  projectId: string | null
  archived: boolean
  messageId: string
  turnId: string
  role: string
  type: string
  status: string
  at: string
  snippet: Snippet
}

export interface SearchAnswer {
  data: Hit[]
  ranking: "relevance" | "recency"
  /** How many match; at least that many where `bounded`. */
  matches: number
  bounded: boolean
  /** Entries that the index has still to take in. */
  pending: number
  nextCursor: string | null
}

export interface SearchNeeds {
  db: Db
  titleOf(sessionId: string): string
}

/** What is counted and scored. */
const MOST_SCORED = 10_000
/** The terms by which is scored: the rarest. */
const MOST_SCORING = 5
/** The sessions of a project that are looked through: those used last. */
const MOST_SESSIONS = 500

/** Where the next page begins. `before`: nothing that was written after the first page shifts the others. */
interface Cursor {
  ranking: SearchAnswer["ranking"]
  before: number
  offset: number
}

interface Hits {
  ids: number[]
  /** The newest first. */
  isSorted: boolean
}

export function createSearch({ db, titleOf }: SearchNeeds) {
  /** Throws `invalid_request` for a cursor that isn't ours. A question without a word finds nothing. */
  function search(ask: AskSearch): SearchAnswer {
    const cursor = ask.cursor === undefined ? undefined : cursorOf(ask.cursor)
    const terms = termsOf(ask.q)
    const sessions = sessionsAsked(ask)
    const pending = countPending(db)
    const nothing = {
      data: [],
      ranking: "relevance",
      matches: 0,
      bounded: false,
      pending,
      nextCursor: null,
    } as const
    if (terms.length === 0 || sessions?.length === 0) return { ...nothing, data: [] }
    const match = matchOf(terms, {
      sessions,
      roles: ask.roles,
      types: ask.types,
      hidden: ask.includeSystemOwned,
    })
    const from = ask.from === undefined ? 0 : idFrom(ask.from)
    const before = Math.min(ask.to === undefined ? END : idFrom(ask.to), cursor?.before ?? newest(db))
    const asked: Asked = { match, from, before }
    const hits = hitsOf(asked, terms)
    const isBounded = hits.ids.length > MOST_SCORED
    const isAll = !sessions && !ask.roles && !ask.types && ask.from === undefined && ask.to === undefined
    const isCommon = isBounded || cursor?.ranking === "recency"
    const rare = isCommon ? [] : rareOf(terms, before, isAll ? hits.ids.length : undefined)
    const isRanked = rare.length > 0
    const offset = cursor?.offset ?? 0
    const ids = isRanked
      ? best(hits.ids, rare, offset + ask.limit + 1).slice(offset)
      : newestOf(hits, asked, ask.limit + 1)
    const page = ids.slice(0, ask.limit)
    const next: Cursor = isRanked
      ? { ranking: "relevance", before, offset: offset + page.length }
      : { ranking: "recency", before: page.at(-1) ?? 0, offset: 0 }
    return {
      data: page.flatMap((id) => hitOf(id, terms, ask) ?? []),
      ranking: next.ranking,
      matches: Math.min(hits.ids.length, MOST_SCORED),
      bounded: isBounded || (sessions?.length ?? 0) === MOST_SESSIONS,
      pending,
      nextCursor: ids.length > ask.limit ? textOf(next) : null,
    }
  }

  /** As many as are scored, and one more where there are more. */
  function hitsOf(asked: Asked, terms: Term[]): Hits {
    // A beginning is looked up whole before its first match is known: once is enough.
    const isSorted = terms.some(({ prefix }) => prefix)
    return { ids: (isSorted ? newestMatches : matchesOf)(db, asked, MOST_SCORED + 1), isSorted }
  }

  function newestOf({ ids, isSorted }: Hits, asked: Asked, most: number): number[] {
    if (isSorted) return ids.slice(0, most)
    return ids.length > MOST_SCORED
      ? newestMatches(db, asked, most)
      : ids.sort((a, b) => b - a).slice(0, most)
  }

  function sessionsAsked({ sessionId, projectId }: AskSearch): string[] | undefined {
    if (projectId === undefined) return sessionId === undefined ? undefined : [sessionId]
    const own = sessionsIn(db, projectId, sessionId === undefined ? MOST_SESSIONS : END)
    return sessionId === undefined ? own : own.filter((id) => id === sessionId)
  }

  /** What is known of the terms that tell matches apart: a common one says little, and would be read whole. As of the first page. */
  function rareOf(terms: Term[], before: number, counted: number | undefined): Told[] {
    const of = writtenEver(db)
    // Counted already where it is the whole question.
    const known = terms.length === 1 ? counted : undefined
    return terms
      .map((term) => ({
        term,
        matches: known ?? countOf(db, { match: term.match, before }, MOST_SCORED + 1),
      }))
      .filter(({ matches }) => matches <= MOST_SCORED)
      .sort((a, b) => a.matches - b.matches)
      .slice(0, MOST_SCORING)
      .map(({ term, matches }) => ({ ...standsIn(db, term, MOST_SCORED), matches, of }))
  }

  function hitOf(id: number, terms: Term[], { includeSystemOwned }: AskSearch): Hit | undefined {
    const found = readFound(db, id)
    if (!found || (found.hidden && !includeSystemOwned)) return undefined
    const { sessionId, projectId, archived, messageId, turnId, role, type, status } = found
    const at = iso(found.at ?? timeOf(id))
    const snippet = snippetOf(found, terms)
    return {
      sessionId,
      title: titleOf(sessionId),
      projectId,
      archived,
      messageId,
      turnId,
      role,
      type,
      status,
      at,
      snippet,
    }
  }

  return { search }
}
export type Search = ReturnType<typeof createSearch>

const textOf = ({ ranking, before, offset }: Cursor): string => btoa(`${ranking}/${before}/${offset}`)

function cursorOf(text: string): Cursor {
  const [ranking, before, offset] = textOfCursor(text).split("/")
  const cursor = { ranking, before: Number(before), offset: Number(offset) }
  const isOurs = ranking === "relevance" || ranking === "recency"
  if (
    isOurs &&
    Number.isSafeInteger(cursor.before) &&
    Number.isSafeInteger(cursor.offset) &&
    cursor.offset >= 0
  )
    return { ...cursor, ranking }
  throw foreignCursor()
}
