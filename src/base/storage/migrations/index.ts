// Every migration, in order. A released one is never changed: what is wrong is put right by the next.

import type { Migration } from "../migrate.ts"
import { log } from "./0001-log.ts"
import { rooms } from "./0002-rooms.ts"
import { projects } from "./0003-projects.ts"
import { prompts } from "./0004-prompts.ts"
import { controls } from "./0005-controls.ts"
import { search } from "./0006-search.ts"
import { life } from "./0007-life.ts"
import { transcript } from "./0008-transcript.ts"
import { requests } from "./0009-requests.ts"
import { usage } from "./0010-usage.ts"
import { decisions } from "./0011-decisions.ts"
import { extensions } from "./0012-extensions.ts"
import { jobs } from "./0013-jobs.ts"
import { workers } from "./0014-workers.ts"
import { transfer } from "./0015-transfer.ts"
import { audit } from "./0016-audit.ts"
import { triggers } from "./0017-triggers.ts"
import { searchAgain } from "./0018-search-again.ts"
import { tokens } from "./0019-tokens.ts"
import { rollouts } from "./0020-rollouts.ts"
import { raw } from "./0021-raw.ts"
import { age } from "./0022-age.ts"
import { searchAnew } from "./0023-search-anew.ts"
import { asked } from "./0024-asked.ts"
import { rollbackAsked } from "./0025-rollback-asked.ts"

export const MIGRATIONS: readonly Migration[] = [
  log,
  rooms,
  projects,
  prompts,
  controls,
  search,
  life,
  transcript,
  requests,
  usage,
  decisions,
  extensions,
  jobs,
  workers,
  transfer,
  audit,
  triggers,
  searchAgain,
  tokens,
  rollouts,
  raw,
  age,
  searchAnew,
  asked,
  rollbackAsked,
]
