// Search in made sessions: questions of several kinds over --entries 1000000 entries of 1,000 sessions, as the route asks them,
// and what taking an entry into the index costs. search.ts [--entries N] [--rounds 40] [--data FOLDER: made there once, and kept]

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { createLog } from "../../src/base/events/log.ts"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import type { AskSearch } from "../../src/domain/transcript/search/asking/search.ts"
import { wordsOfEntry } from "../../src/domain/transcript/search/indexer.ts"
import { openSearch } from "../../src/domain/transcript/search/open.ts"
import { putDoc } from "../../src/domain/transcript/search/store.ts"
import { createTranscript } from "../../src/domain/transcript/transcript.ts"
import { option, out, percentile, table } from "./parts/figures.ts"

const entries = option("entries", 1_000_000)
const rounds = option("rounds", 40)
const SESSIONS = 1_000
/** Entries that one commit of the daemon takes in, and of the quick way of making data. */
const BATCH = 200
const QUICK = 20_000

/** The nth word of the made language: the first are in nearly every entry, the last in a few. */
const word = (n: number): string => `w${n.toString(36)}x`
let seed = 42
const random = (): number => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32
  return seed / 2 ** 32
}
const WORDS = 50_000
/** Few words often, many seldom (Zipf). */
const LANGUAGE = Array.from({ length: WORDS }, (_, n) => word(n))
const anyWord = (): string => LANGUAGE[Math.floor(WORDS ** random()) - 1] ?? ""
const text = (): string => Array.from({ length: 8 + Math.floor(random() * 30) }, anyWord).join(" ")

const parent = join(homedir(), ".cache/codexd-tests")
mkdirSync(parent, { recursive: true })
const kept = process.argv.includes("--data") ? process.argv[process.argv.indexOf("--data") + 1] : undefined
const folder = kept ?? mkdtempSync(join(parent, "search-"))
mkdirSync(folder, { recursive: true })
const database = join(folder, "codexd.db")
const isMade = existsSync(database)
const clock = createManualClock()
const driver = openBunDriver(database)
migrate(driver, MIGRATIONS)
const db = openDb({ driver, clock })
const block = { read: () => "", write: () => {}, [Symbol.dispose]: () => {} }
const log = createLog({ db, clock, mark: block })
const transcript = createTranscript({ db, clock, log, audienceOf: (thread) => ({ thread }) })

function entry(i: number) {
  const role = i % 10 === 0 ? ("user" as const) : ("assistant" as const)
  const content = `${text()}${i % 100 === 0 && i < entries ? " onepercent" : ""}${i % 2 === 0 ? " everysecond" : ""}`
  const said = { messageId: `m${i}`, turnId: `t${i >> 4}`, role, content, status: "complete" as const }
  const type = role === "user" ? "userMessage" : "agentMessage"
  return { ...said, type, startedAt: 1_700_000_000_000 + i * 1_000 }
}
const sessionAt = (): string => `session-${Math.floor(random() * SESSIONS)}`

/** As the daemon writes them, so many a commit: the milliseconds of an entry's share of each. */
function fill(from: number, to: number, batch: number): number[] {
  const shares: number[] = []
  for (let n = from; n < to; n += batch) {
    const made = Array.from({ length: Math.min(batch, to - n) }, (_, i) => entry(n + i))
    const began = performance.now()
    db.actNow((tx) => {
      for (const one of made) transcript.put(tx, sessionAt(), one)
    })
    shares.push((performance.now() - began) / made.length)
  }
  return shares
}

/** The same rows, straight into the tables in large commits. */
function pour(from: number, to: number): void {
  const RENEW =
    "CREATE TEMP TABLE silenced AS SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'entries'"
  driver.exec(RENEW)
  const triggers = driver.prepare("SELECT name, sql FROM silenced").all()
  for (const { name } of triggers) driver.exec(`DROP TRIGGER ${name}`)
  driver.exec("INSERT INTO search_index (search_index, rank) VALUES ('hashsize', 67108864)")
  const row = driver.prepare(
    `INSERT INTO entries (seq, session_id, message_id, turn_id, place, spot, role, type, status, started_at, changed, json)
     VALUES (?, ?, ?, ?, 1, ?, ?, ?, 'complete', ?, 1, ?)`,
  )
  for (let n = from; n < to; n += QUICK) {
    db.actNow((tx) => {
      for (let i = n; i < Math.min(n + QUICK, to); i++) {
        const made = entry(i)
        const { messageId, turnId, role, type, startedAt, content } = made
        const sessionId = sessionAt()
        const spot = `${String(i).padStart(8, "0")}b`
        row.run(i + 1, sessionId, messageId, turnId, spot, role, type, startedAt, JSON.stringify(made))
        const about = {
          seq: i + 1,
          sessionId,
          role,
          at: startedAt,
          hidden: false,
          shown: true,
          doc: undefined,
        }
        const searched = { ...about, type, content, details: undefined, item: undefined }
        putDoc(tx, searched, wordsOfEntry(searched))
      }
    })
  }
  driver.exec("INSERT INTO search_index (search_index, rank) VALUES ('hashsize', 1048576)")
  for (const { sql } of triggers) driver.exec(String(sql))
}

const { search } = openSearch({ db, clock, titleOf: (id) => id })
const drained = (): void => {
  while (driver.prepare("SELECT EXISTS (SELECT 1 FROM search_pending) AS yes").get()?.yes) clock.turn(0)
}
if (!isMade) {
  db.actNow((tx) => {
    for (let i = 0; i < SESSIONS; i++)
      tx.run(
        `INSERT INTO sessions (id, title_is_default, preview, materialized, archived, system_owned, project_id, model_provider,
          cwd, source, created_at, updated_at, thread) VALUES (?, 1, '', 1, 0, 0, ?, '', '', '', 0, 0, '{}')`,
        `session-${i}`,
        `project-${i % 20}`,
      )
  })
  const began = performance.now()
  pour(0, entries)
  out(`${entries} entries made in ${((performance.now() - began) / 1000).toFixed(0)} s`)
}
const some = Math.min(8_000, entries)
const SLICES = 10
const first =
  entries + 1_000_000 * Number(isMade) + (isMade ? Math.floor(performance.timeOrigin % 1e9) * 1_000 : 0)
const SILENCE =
  "CREATE TEMP TABLE kept AS SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'search_entry_%'"
driver.exec(SILENCE)
const triggers = driver.prepare("SELECT name, sql FROM kept").all()
/** In turns, so that a busy moment slows both. */
const written = (next: number, batch: number): string => {
  const times = { without: [] as number[], with: [] as number[] }
  const slice = Math.floor(some / SLICES)
  for (let at = next; at < next + 2 * slice * SLICES; at += 2 * slice) {
    for (const { name } of triggers) driver.exec(`DROP TRIGGER ${name}`)
    times.without.push(...fill(at, at + slice, batch))
    for (const { sql } of triggers) driver.exec(String(sql))
    times.with.push(...fill(at + slice, at + 2 * slice, batch))
    drained()
  }
  const us = (all: number[]): string =>
    (
      percentile(
        all.sort((one, other) => one - other),
        0.5,
      ) * 1000
    ).toFixed(0)
  return `an entry written, ${batch} a commit: ${us(times.without)} us without the index, ${us(times.with)} us with it (medians)`
}
out(written(first, BATCH))
out(written(first + 2 * some, 1))
const { n: pages } =
  driver.prepare("SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size").get() ?? {}
const size = driver.prepare("SELECT sum(length(block)) AS n FROM search_index_data").get()?.n
out(
  `${entries} entries, ${Math.round(Number(pages) / 2 ** 20)} MiB, of which the words ${Math.round(Number(size) / 2 ** 20)} MiB`,
)

const ASKED: [string, (i: number) => Pick<AskSearch, "q"> & Partial<AskSearch>][] = [
  ["in 1 of 100", () => ({ q: "onepercent" })],
  ["a seldom word", (i) => ({ q: word(2_000 + i) })],
  ["two words", (i) => ({ q: `onepercent ${word(10 + i)}` })],
  ["in every second", () => ({ q: "everysecond" })],
  ["two common words", (i) => ({ q: `everysecond ${word(1 + (i % 5))}` })],
  ["in 1 of 100, of one role", () => ({ q: "onepercent", roles: ["user"] })],
  ["every second, one session", (i) => ({ q: "everysecond", sessionId: `session-${(i * 2) % SESSIONS}` })],
  ["in 1 of 100, one project", (i) => ({ q: "onepercent", projectId: `project-${i % 20}` })],
  [
    "every second, an old month",
    () => ({ q: "everysecond", from: 1_700_000_000_000, to: 1_700_100_000_000 }),
  ],
  ["a phrase", (i) => ({ q: `"${word(0)} ${word(1 + (i % 9))}"` })],
  ["a phrase, seldom", (i) => ({ q: `"${word(0)} ${word(20 + i)}"` })],
  ["a beginning of 2", () => ({ q: "wz*" })],
  ["a beginning of 4", () => ({ q: "onep*" })],
]
const rows = ASKED.map(([name, question]) => {
  const times: number[] = []
  let matches = ""
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i++) {
    const asked = { includeSystemOwned: false, limit: 20, ...question(i) }
    const start = performance.now()
    const answer = search(asked)
    times.push(performance.now() - start)
    matches = `${answer.matches}${answer.bounded ? "+" : ""} ${answer.ranking}`
  }
  const { user, system } = process.cpuUsage(before)
  times.sort((a, b) => a - b)
  return [
    name,
    matches,
    percentile(times, 0.5).toFixed(1),
    percentile(times, 0.95).toFixed(1),
    ((user + system) / 1000 / rounds).toFixed(1),
  ]
})
out(table([["question", "matches", "median ms", "p95 ms", "CPU ms"], ...rows]))
/** What one commit takes at most while outputs of 64 KB are taken in: an import of them. */
function huge(): string {
  const made = Array.from({ length: 200 }, (_, i) => {
    const aggregatedOutput = Array.from({ length: 13_000 }, anyWord).join(" ").slice(0, 64_000)
    const about = { ...entry(first + 4 * some + i), type: "commandExecution", content: "Command completed" }
    return { about, item: JSON.stringify({ type: about.type, id: about.messageId, aggregatedOutput }) }
  })
  const times: number[] = []
  const timed = (act: Parameters<typeof db.actNow>[0]) => {
    const began = performance.now()
    db.actNow(act)
    times.push(performance.now() - began)
  }
  timed((tx) => {
    for (const { about, item } of made) transcript.put(tx, "session-0", about, { item })
  })
  times.length = 0
  while (driver.prepare("SELECT EXISTS (SELECT 1 FROM search_pending) AS yes").get()?.yes)
    timed(() => undefined)
  times.sort((a, b) => a - b)
  const figures = [percentile(times, 0.5), times.at(-1) ?? 0].map((ms) => ms.toFixed(0))
  return `200 outputs of 64 KB: ${times.length} commits more, the median ${figures[0]} ms, the longest ${figures[1]} ms`
}
out(huge())
await db.close()
if (!kept) rmSync(folder, { recursive: true })
