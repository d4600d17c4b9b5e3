// Search over all sessions. What matches up to ten thousand times is ranked; commoner questions are answered newest first,
// and the answer says so: a word that is everywhere says nothing about what a person means.

import { iso } from "../../../base/kit/clock.ts"
import { foreignCursor, textOfCursor } from "../../../base/kit/cursor.ts"
import type { Db } from "../../../base/storage/port.ts"
import { matchOf, type Term, termsOf } from "./question.ts"
import { type Snippet, snippetOf } from "./snippet.ts"
import {
  type Asked,
  countMatches,
  countPending,
  END,
  idFrom,
  newest,
  rankedMatches,
  rankedWhole,
  readFound,
  recentMatches,
  sessionsIn,
  timeOf,
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
/** The sessions of a project that are looked through: those used last. */
const MOST_SESSIONS = 500

/** Where the next page begins. `before`: nothing that was written after the first page shifts the others. */
interface Cursor {
  ranking: SearchAnswer["ranking"]
  before: number
  offset: number
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
    const count = countMatches(db, asked, MOST_SCORED + 1)
    const isCommon = cursor?.ranking === "recency" || count > MOST_SCORED
    const isAll = !sessions && !ask.roles && !ask.types && ask.from === undefined && ask.to === undefined
    const rare = isCommon ? undefined : rareOf(terms, isAll)
    const at = { limit: ask.limit + 1, offset: cursor?.offset ?? 0 }
    const ids = rare
      ? rare.isWhole && isAll
        ? rankedWhole(db, asked, at)
        : rankedMatches(db, { ...asked, rare: rare.match }, at)
      : recentMatches(db, asked, ask.limit + 1)
    const more = ids.length > ask.limit
    const page = ids.slice(0, ask.limit)
    return {
      data: page.flatMap((id) => hitOf(id, terms, ask) ?? []),
      ranking: rare ? "relevance" : "recency",
      matches: Math.min(count, MOST_SCORED),
      bounded: count > MOST_SCORED || (sessions?.length ?? 0) === MOST_SESSIONS,
      pending,
      nextCursor: more
        ? textOf(
            rare
              ? { ranking: "relevance", before, offset: (cursor?.offset ?? 0) + page.length }
              : { ranking: "recency", before: page.at(-1) ?? 0, offset: 0 },
          )
        : null,
    }
  }

  function sessionsAsked({ sessionId, projectId }: AskSearch): string[] | undefined {
    if (projectId === undefined) return sessionId === undefined ? undefined : [sessionId]
    const own = sessionsIn(db, projectId, sessionId === undefined ? MOST_SESSIONS : END)
    return sessionId === undefined ? own : own.filter((id) => id === sessionId)
  }

  /** The terms that tell matches apart. Scoring counts every document of a term: a common one would be read whole, for nothing. */
  function rareOf(terms: Term[], isAll: boolean): { match: string; isWhole: boolean } | undefined {
    const all = { from: 0, before: END }
    const rare = terms.filter(
      ({ match }) =>
        // Counted already: it is the whole question.
        (isAll && terms.length === 1) || countMatches(db, { ...all, match }, MOST_SCORED + 1) <= MOST_SCORED,
    )
    if (rare.length === 0) return undefined
    return { match: rare.map(({ match }) => match).join(" AND "), isWhole: rare.length === terms.length }
  }

  function hitOf(id: number, terms: Term[], { includeSystemOwned }: AskSearch): Hit | undefined {
    const found = readFound(db, id)
    if (!found || (found.hidden && !includeSystemOwned)) return undefined
    const { sessionId, projectId, archived, messageId, turnId, role, type, status } = found
    const at = iso(timeOf(id))
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
