// Search as the house has it: the index kept with every commit, and the questions to it.

import type { Clock } from "../../../base/kit/clock.ts"
import type { Db } from "../../../base/storage/port.ts"
import { createSearch, type Search } from "./asking/search.ts"
import { keepIndexed } from "./indexer.ts"

export interface OpenSearch {
  db: Db
  clock: Clock
  titleOf(sessionId: string): string
}

export function openSearch({ db, clock, titleOf }: OpenSearch): Search {
  keepIndexed({ db, clock })
  return createSearch({ db, titleOf })
}
