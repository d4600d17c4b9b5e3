// Rows of the child's runs, of what was learned of its binaries, and of this data folder itself.

import type { Reader, Tx } from "../../base/storage/port.ts"

const BEGIN = `INSERT INTO runs (id, started_at) VALUES (?, ?)`
/** Also where the begin could not be stored: what is known of a run is better than nothing. */
const SPAWNED = `INSERT INTO runs (id, started_at, pid, start_ticks, boot_id) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, start_ticks = excluded.start_ticks, boot_id = excluded.boot_id`
const THREAD = `INSERT INTO run_threads (run_id, thread_id) VALUES (?, ?) ON CONFLICT DO NOTHING`
const ENDED = `UPDATE runs SET ended_at = ? WHERE id = ?`
const FORGET_THREADS = `DELETE FROM run_threads WHERE run_id = ?`
/** Ended runs are kept a while for whoever looks into the database; nothing reads them. */
const PRUNE = `DELETE FROM runs WHERE ended_at IS NOT NULL AND rowid <= (SELECT max(rowid) - 100 FROM runs)`
const UNFINISHED = `SELECT * FROM runs WHERE ended_at IS NULL ORDER BY started_at`
const THREADS_OF = `SELECT thread_id FROM run_threads WHERE run_id = ?`
const METHODS = `SELECT methods FROM binary_methods WHERE binary = ?`
const KEEP_METHODS = `INSERT INTO binary_methods (binary, methods) VALUES (?, ?) ON CONFLICT (binary) DO UPDATE SET methods = excluded.methods`
const HOUSE = `SELECT value FROM house WHERE key = ?`
const KEEP_HOUSE = `INSERT INTO house (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`

interface Spawn {
  pid: number
  startTicks: number | undefined
  bootId: string
}

export const runStatements = {
  begin: (tx: Tx, { id, startedAt }: { id: string; startedAt: number }): void =>
    void tx.run(BEGIN, id, startedAt),
  spawned: (tx: Tx, id: string, { pid, startTicks, bootId }: Spawn, at: number): void =>
    void tx.run(SPAWNED, id, at, pid, startTicks === undefined ? null : String(startTicks), bootId),
  thread: (tx: Tx, id: string, threadId: string): void => void tx.run(THREAD, id, threadId),
  ended(tx: Tx, id: string, at: number): void {
    tx.run(ENDED, at, id)
    tx.run(FORGET_THREADS, id)
    tx.run(PRUNE)
  },
  unfinished: (db: Reader) =>
    db.all(UNFINISHED).map((row) => ({
      id: row.id as string,
      startedAt: row.started_at as number,
      threads: db.all(THREADS_OF, row.id ?? null).map((t) => t.thread_id as string),
      ...(row.pid !== null && {
        pid: row.pid as number,
        startTicks: row.start_ticks === null ? undefined : Number(row.start_ticks),
        bootId: row.boot_id as string,
      }),
    })),
  methods(db: Reader, key: string): string[] | undefined {
    const row = db.get(METHODS, key)
    return row && (JSON.parse(row.methods as string) as string[])
  },
  keepMethods: (tx: Tx, key: string, methods: string[]): void =>
    void tx.run(KEEP_METHODS, key, JSON.stringify(methods)),
}

export const readHouse = (db: Reader, key: string): string | undefined =>
  db.get(HOUSE, key)?.value as string | undefined

/** Writes it if nobody has, and answers what stands. */
export function writeHouse(tx: Tx, key: string, value: string): string {
  tx.run(KEEP_HOUSE, key, value)
  return readHouse(tx, key) ?? value
}
