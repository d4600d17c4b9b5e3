// The storage port. A driver is what bun:sqlite and node:sqlite have in common; a Db is what rooms use:
// synchronous reads, and writes as acts that share one commit a tick (decisions 5).

export type SqlValue = string | number | bigint | null | Uint8Array
export type Row = Record<string, SqlValue>

/** One binding of SQLite. Numbers above 2^53 are never rounded: they come as errors from the contract suite, not in rows. */
export interface SqlDriver {
  /** Runs any number of statements without values. */
  exec(sql: string): void
  /** Prepared once per connection: the same text gives the same statement. */
  prepare(sql: string): SqlStatement
  /** False when SQLite itself ended the transaction (a full disk does), whatever was begun. */
  readonly inTransaction: boolean
  close(): void
}

export interface SqlStatement {
  run(...values: SqlValue[]): { changes: number }
  /** First row, or undefined. */
  get(...values: SqlValue[]): Row | undefined
  all(...values: SqlValue[]): Row[]
}

/** A statement is a constant text beside the table it owns; it is prepared once per database. */
export interface Reader {
  get(sql: string, ...values: SqlValue[]): Row | undefined
  all(sql: string, ...values: SqlValue[]): Row[]
}

/** The hand that writes; only an act holds it, and only synchronously. */
export interface Tx extends Reader {
  run(sql: string, ...values: SqlValue[]): { changes: number }
  /** Leaves something to be told after the commit: kept with this act, dropped if this act is rolled back. */
  emit(effect: Effect): void
}

/** What an act leaves for after the commit. The log's events are the only kind (base/events/log.ts). */
export type Effect = object

export interface Db extends Reader {
  /**
   * Queues `fn`; a tick runs all queued acts in one transaction, each in a savepoint of its own, and resolves them after COMMIT.
   * An act that throws is rolled back alone and rejects with its own error. When the disk is full only the acts that still
   * fail by themselves reject, with fault `storage_full`. `fn` must be synchronous and pure but for SQL: it may run twice.
   */
  act<T>(fn: (tx: Tx) => T): Promise<T>
  /** The same at once, together with the acts that wait: committed, told and answered when it returns. Never throws for what `fn` throws. */
  actNow<T>(fn: (tx: Tx) => T): { ok: true; value: T } | { ok: false; error: unknown }
  /** Runs the waiting acts now instead of at the end of the tick. */
  flush(): void
  /** True while the last commit failed for lack of room. */
  readonly full: boolean
  /** Grows with every transaction: what was read under one number is true as long as the number is. */
  readonly changes: number
  /** What is written inside the transaction once all acts of the tick ran, and told synchronously right after COMMIT. */
  attach(ledger: Ledger): void
  /** Waits for the acts under way, then closes. Later acts reject. */
  close(): Promise<void>
}

/** The log's side of a commit. `effects` are those of the acts that stand, in order. */
export interface Ledger {
  write(tx: Tx, effects: Effect[]): void
  committed(effects: Effect[]): void
}
