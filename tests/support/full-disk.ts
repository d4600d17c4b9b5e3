// A disk that is full: what changes anything fails at its commit, as SQLite says it where the journal can't grow.

import type { OpenRooms } from "./rooms.ts"

export function fullDisk({ driver }: Pick<OpenRooms, "driver">) {
  const prepare = driver.prepare.bind(driver)
  const changes = () => prepare("SELECT total_changes() AS n").get()?.n
  let before: unknown
  driver.prepare = (sql) => {
    if (sql.startsWith("BEGIN")) before = changes()
    const full = sql === "COMMIT" && changes() !== before
    if (full) throw Object.assign(new Error("database or disk is full"), { errcode: 13 })
    return prepare(sql)
  }
  return {
    makeRoom: () => {
      driver.prepare = prepare
    },
  }
}
