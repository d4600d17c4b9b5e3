// SQLite by node:sqlite, which Bun ships too: one `bun test` run exercises both bindings.

import { DatabaseSync, type StatementSync } from "node:sqlite"
import type { Row, SqlDriver, SqlStatement } from "./port.ts"
import { checkValues } from "./sqlite.ts"

/** Opens or creates the database. Integers beyond 2^53 throw a RangeError when read. */
export function openNodeDriver(path: string): SqlDriver {
  const database = new DatabaseSync(path)
  const statements = new Map<string, SqlStatement>()
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const known = statements.get(sql)
      if (known) return known
      const made = wrap(database.prepare(sql))
      statements.set(sql, made)
      return made
    },
    get inTransaction() {
      return database.isOpen && database.isTransaction
    },
    close() {
      statements.clear()
      if (database.isOpen) database.close()
    },
  }
}

const wrap = (statement: StatementSync): SqlStatement => ({
  run(...values) {
    checkValues(values)
    return { changes: Number(statement.run(...values).changes) }
  },
  get(...values) {
    checkValues(values)
    return statement.get(...values) as Row | undefined
  },
  all(...values) {
    checkValues(values)
    return statement.all(...values) as Row[]
  },
})
