// What both SQLite bindings and the Db over them promise. Runtime-neutral: Bun's test runner and Node's both run it.

import assert from "node:assert/strict"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isFault } from "../../src/base/fault.ts"
import { systemClock } from "../../src/base/kit/clock.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { type Migration, migrate } from "../../src/base/storage/migrate.ts"
import type { Db, Effect, SqlDriver } from "../../src/base/storage/port.ts"
import { lacksRoom, sqliteCode, tune } from "../../src/base/storage/sqlite.ts"

export interface Suite {
  name: string
  test(name: string, body: () => void | Promise<void>): void
  open(path: string): SqlDriver
}

interface Place {
  /** Another connection to the same file. */
  open(): SqlDriver
  driver: SqlDriver
  db: Db
}

const BIG = "x".repeat(200_000)

export function storageSuite({ name, test, open }: Suite): void {
  const inFolder = async (body: (folder: string) => void | Promise<void>): Promise<void> => {
    const folder = mkdtempSync(join(tmpdir(), "codexd-storage-"))
    try {
      await body(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const withDriver = (title: string, body: (driver: SqlDriver, path: string) => void | Promise<void>): void =>
    test(`${name}: ${title}`, () =>
      inFolder(async (folder) => {
        const path = join(folder, "a.db")
        const driver = open(path)
        try {
          tune(driver)
          await body(driver, path)
        } finally {
          driver.close()
        }
      }))
  const withDb = (title: string, body: (place: Place) => Promise<void>): void =>
    withDriver(title, async (driver, path) => {
      driver.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) STRICT")
      await body({ open: () => open(path), driver, db: openDb({ driver, clock: systemClock }) })
    })

  driverPromises(withDriver)
  migrationPromises(withDriver)
  actPromises(withDb)
  fullPromises(withDb)
  closedPromise(withDb)

  test(`${name}: a closed connection leaves no statement, lock or WAL file behind`, () =>
    inFolder((folder) => {
      const path = join(folder, "a.db")
      const driver = open(path)
      tune(driver)
      driver.exec("CREATE TABLE t (v TEXT) STRICT")
      driver.prepare("INSERT INTO t VALUES (?)").run("a")
      driver.prepare("SELECT v FROM t").get()
      driver.close()
      assert.equal(existsSync(`${path}-wal`), false)
    }))
}

type WithDriver = (title: string, body: (driver: SqlDriver, path: string) => void | Promise<void>) => void
type WithDb = (title: string, body: (place: Place) => Promise<void>) => void

function driverPromises(withDriver: WithDriver): void {
  withDriver("values come back as they went in", (driver) => {
    driver.exec("CREATE TABLE v (a ANY) STRICT")
    const put = driver.prepare("INSERT INTO v VALUES (?) RETURNING a")
    const values = ["", "ü \u2028 \u0000 🦀 '", 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, null]
    for (const value of values) assert.equal(put.get(value)?.a, value)
    assert.deepEqual(put.get(new Uint8Array([0, 255]))?.a, new Uint8Array([0, 255]))
    assert.equal(put.get(7n)?.a, 7)
    assert.equal(driver.prepare("SELECT count(*) AS n FROM v").get()?.n, values.length + 2)
  })

  withDriver("integers beyond 2^53 are never rounded: reading them throws", (driver) => {
    driver.exec("CREATE TABLE v (a INTEGER) STRICT")
    driver.prepare("INSERT INTO v VALUES (?)").run(9007199254740993n)
    assert.throws(() => driver.prepare("SELECT a FROM v").get(), RangeError)
    assert.throws(() => driver.prepare("SELECT a FROM v").all(), RangeError)
    const text = driver.prepare("SELECT CAST(a AS TEXT) AS a FROM v").get()
    assert.equal(text?.a, "9007199254740993")
  })

  withDriver("booleans and undefined are refused, in every way to run a statement", (driver) => {
    const statement = driver.prepare("SELECT ? AS a")
    for (const bad of [true, undefined] as unknown as string[]) {
      assert.throws(() => statement.get(bad), TypeError)
      assert.throws(() => statement.all(bad), TypeError)
      assert.throws(() => statement.run(bad), TypeError)
    }
  })

  withDriver("no row is undefined, no rows an empty list, and changes are counted", (driver) => {
    driver.exec("CREATE TABLE v (a TEXT) STRICT")
    assert.equal(driver.prepare("SELECT a FROM v").get(), undefined)
    assert.deepEqual(driver.prepare("SELECT a FROM v").all(), [])
    assert.deepEqual(driver.prepare("INSERT INTO v VALUES ('a'), ('b')").run(), { changes: 2 })
    assert.deepEqual(driver.prepare("UPDATE v SET a = 'c' WHERE a = 'x'").run(), { changes: 0 })
  })

  withDriver("a value that is named twice is given once", (driver) => {
    assert.equal(driver.prepare("SELECT ?1 || ?2 || ?1 AS a").get("x", "y")?.a, "xyx")
  })

  withDriver("the same text is the same statement", (driver) => {
    assert.equal(driver.prepare("SELECT 1 AS a"), driver.prepare("SELECT 1 AS a"))
  })

  withDriver("the connection writes ahead, gives pages back, and minds foreign keys", (driver) => {
    const pragma = (what: string) => Object.values(driver.prepare(`PRAGMA ${what}`).get() ?? {})[0]
    assert.equal(pragma("journal_mode"), "wal")
    assert.equal(pragma("auto_vacuum"), 2)
    assert.equal(pragma("foreign_keys"), 1)
    assert.equal(pragma("synchronous"), 1)
    tune(driver, "full")
    assert.equal(pragma("synchronous"), 2)
  })

  withDriver("a broken rule leaves the transaction standing, a full file ends it", (driver) => {
    driver.exec("CREATE TABLE v (a TEXT PRIMARY KEY) STRICT; BEGIN; SAVEPOINT s")
    const put = driver.prepare("INSERT INTO v VALUES (?)")
    put.run("a")
    assert.throws(
      () => put.run("a"),
      (error) => sqliteCode(error) === 19 && !lacksRoom(error),
    )
    assert.equal(driver.inTransaction, true)
    limitPages(driver, 2)
    assert.throws(
      () => put.run(BIG),
      (error) => sqliteCode(error) === 13 && lacksRoom(error),
    )
    assert.equal(driver.inTransaction, false)
    assert.equal(driver.prepare("SELECT count(*) AS n FROM v").get()?.n, 0)
  })
}

function closedPromise(withDb: WithDb): void {
  withDb(
    "a driver that was closed under the acts rejects them, it does not leave them waiting",
    async ({ db, driver }) => {
      const act = db.act((tx) => tx.run(INSERT, "a"))
      driver.close()
      await assert.rejects(act)
    },
  )
}

function migrationPromises(withDriver: WithDriver): void {
  const one: Migration = { id: 1, name: "one", sql: "CREATE TABLE a (x TEXT) STRICT" }
  const two: Migration = {
    id: 2,
    name: "two",
    sql: "CREATE TABLE b (x TEXT) STRICT; INSERT INTO b VALUES ('y')",
  }

  withDriver("migrations run once, in order, and only the missing ones", (driver) => {
    assert.deepEqual(migrate(driver, [one]), { from: 0, to: 1 })
    assert.deepEqual(migrate(driver, [one, two]), { from: 1, to: 2 })
    assert.deepEqual(migrate(driver, [one, two]), { from: 2, to: 2 })
    assert.equal(driver.prepare("SELECT count(*) AS n FROM b").get()?.n, 1)
  })

  withDriver("a newer database is refused, and both versions are named", (driver) => {
    migrate(driver, [one, two])
    assert.throws(() => migrate(driver, [one]), /schema 2.*knows 1.*newer version/)
  })

  withDriver("another program's database is refused", (driver) => {
    driver.exec("CREATE TABLE theirs (x TEXT)")
    assert.throws(() => migrate(driver, [one]), /another program/)
    assert.equal(driver.prepare("SELECT name FROM sqlite_schema WHERE name = 'a'").get(), undefined)
  })

  withDriver("a migration that fails leaves nothing of itself", (driver) => {
    const broken: Migration = {
      id: 2,
      name: "broken",
      sql: "CREATE TABLE b (x TEXT) STRICT; INSERT INTO nowhere VALUES (1)",
    }
    assert.throws(() => migrate(driver, [one, broken]), /migration 2 \(broken\).*nowhere/)
    // A new database has all of them or none.
    assert.deepEqual(migrate(driver, [one]), { from: 0, to: 1 })
    assert.throws(() => migrate(driver, [one, broken]), /migration 2 \(broken\).*nowhere/)
    assert.deepEqual(migrate(driver, [one, two]), { from: 1, to: 2 })
  })

  withDriver(
    "a migration may rebuild a table that others point to, but not leave them pointing nowhere",
    (driver) => {
      const base: Migration = {
        id: 1,
        name: "base",
        sql: `CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE c (p INTEGER REFERENCES p (id)) STRICT;
        INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)`,
      }
      const rebuild = (keep: string): Migration => ({
        id: 2,
        name: "rebuild",
        sql: `CREATE TABLE q (id INTEGER PRIMARY KEY) STRICT; INSERT INTO q SELECT id FROM p WHERE ${keep};
        DROP TABLE p; ALTER TABLE q RENAME TO p`,
      })
      migrate(driver, [base])
      assert.throws(() => migrate(driver, [base, rebuild("0")]), /nowhere/)
      assert.deepEqual(migrate(driver, [base, rebuild("1")]), { from: 1, to: 2 })
      assert.throws(() => driver.exec("INSERT INTO c VALUES (9)"), /FOREIGN KEY/)
    },
  )

  withDriver("numbers with a hole are a mistake of ours and said at once", (driver) => {
    assert.throws(() => migrate(driver, [two]), /has number 2, expected 1/)
  })
}

const INSERT = "INSERT INTO t (v) VALUES (?)"
const VALUES = "SELECT v FROM t ORDER BY id"

const valuesOf = (db: Db) => db.all(VALUES).map(({ v }) => v)

function actPromises(withDb: WithDb): void {
  withDb("the acts of a tick share one commit, and one that throws is rolled back alone", async ({ db }) => {
    let commits = 0
    db.attach({ write: () => {}, committed: () => void commits++ })
    const [first, second, third] = await Promise.allSettled([
      db.act((tx) => tx.run(INSERT, "a").changes),
      db.act((tx) => {
        tx.run(INSERT, "b")
        throw new Error("own error")
      }),
      db.act((tx) => tx.all(VALUES).map(({ v }) => v)),
    ])
    assert.deepEqual(first, { status: "fulfilled", value: 1 })
    assert.equal(second.status === "rejected" && second.reason.message, "own error")
    assert.deepEqual(third, { status: "fulfilled", value: ["a"] })
    assert.equal(commits, 1)
  })

  withDb(
    "effects of the acts that stand are written, committed and told before a promise resolves",
    async ({ db }) => {
      const seen: string[] = []
      db.attach({
        write(tx, effects: Effect[]) {
          seen.push(`write ${JSON.stringify(effects)}`)
          tx.run(INSERT, "ledger")
        },
        committed: (effects) =>
          void seen.push(`committed ${JSON.stringify(effects)} ${db.all(VALUES).length}`),
      })
      const acts = [
        db.act((tx) => tx.emit({ n: 1 })),
        db.act((tx) => {
          tx.emit({ n: 2 })
          throw new Error("dropped")
        }),
        db.act((tx) => tx.emit({ n: 3 })),
      ]
      for (const act of acts)
        act.then(
          () => seen.push("resolved"),
          () => seen.push("rejected"),
        )
      await Promise.allSettled(acts)
      const both = '[{"n":1},{"n":3}]'
      assert.deepEqual(seen, [`write ${both}`, `committed ${both} 1`, "resolved", "rejected", "resolved"])
    },
  )

  withDb("an act that returns a promise is refused and rolled back", async ({ db }) => {
    const act = db.act(async (tx) => {
      tx.run(INSERT, "a")
      throw new Error("of the promise")
    })
    await assert.rejects(act, /must be synchronous/)
    assert.deepEqual(db.all(VALUES), [])
  })

  withDb("the hand that writes is dead after its act", async ({ db }) => {
    const kept = await db.act((tx) => tx)
    assert.throws(() => kept.run(INSERT, "a"), /this act is over/)
    assert.throws(() => kept.emit({}), /this act is over/)
  })

  withDb(
    "actNow commits at once, with the acts that waited, and gives the error instead of throwing it",
    async ({ db }) => {
      const waited = db.act((tx) => tx.run(INSERT, "a").changes)
      assert.deepEqual(
        db.actNow((tx) => tx.all(VALUES).length),
        { ok: true, value: 1 },
      )
      const error = new Error("own")
      const failed = db.actNow(() => {
        throw error
      })
      assert.deepEqual(failed, { ok: false, error })
      assert.equal(await waited, 1)
    },
  )

  withDb("an act can't commit from inside, and the attempt queues nothing", async ({ db }) => {
    await assert.rejects(
      db.act(() => db.flush()),
      /can't commit/,
    )
    await assert.rejects(
      db.act(() => db.actNow((tx) => tx.run(INSERT, "a"))),
      /can't commit/,
    )
    db.flush()
    assert.deepEqual(db.all(VALUES), [])
  })

  withDb("a listener of the commit may act again; one that throws harms nobody", async ({ db }) => {
    let again: Promise<unknown> | undefined
    db.attach({
      write: () => {},
      committed() {
        again ??= db.act((tx) => tx.run(INSERT, "b"))
        throw new Error("a bad listener")
      },
    })
    await db.act((tx) => tx.run(INSERT, "a"))
    await again
    assert.deepEqual(valuesOf(db), ["a", "b"])
  })

  withDb(
    "a database locked by another process rejects the tick's acts and keeps working",
    async ({ db, driver, open }) => {
      driver.exec("PRAGMA busy_timeout = 0")
      const other = open()
      other.exec("BEGIN IMMEDIATE")
      const acts = await Promise.allSettled([1, 2].map(() => db.act((tx) => tx.run(INSERT, "a"))))
      for (const act of acts) assert.equal(act.status === "rejected" && sqliteCode(act.reason), 5)
      other.exec("ROLLBACK")
      other.close()
      assert.equal(db.full, false)
      await db.act((tx) => tx.run(INSERT, "a"))
    },
  )

  withDb("close finishes what waits, and what comes later is refused", async ({ db, open }) => {
    const waiting = db.act((tx) => tx.run(INSERT, "a").changes)
    const second = open()
    await db.close()
    assert.equal(await waiting, 1)
    assert.equal(second.prepare("SELECT count(*) AS n FROM t").get()?.n, 1)
    second.close()
    await assert.rejects(
      db.act(() => 1),
      (error) => isFault(error, "shutting_down"),
    )
    assert.equal(db.actNow(() => 1).ok, false)
  })
}

function fullPromises(withDb: WithDb): void {
  withDb(
    "on a full disk only the act that does not fit is rejected, whatever its place in the tick",
    async ({ db, driver }) => {
      for (const place of [0, 1, 2]) {
        limitPages(driver, 8)
        const runs = [0, 0, 0]
        const acts = await Promise.allSettled(
          runs.map((_, i) =>
            db.act((tx) => {
              runs[i] = (runs[i] ?? 0) + 1
              return tx.run(INSERT, i === place ? BIG : `${place}.${i}`).changes
            }),
          ),
        )
        acts.forEach((act, i) => {
          if (i !== place) assert.deepEqual(act, { status: "fulfilled", value: 1 })
          else assert.ok(act.status === "rejected" && isFault(act.reason, "storage_full"))
        })
        assert.ok(runs.every((n) => n <= 2))
      }
      assert.equal(db.all(VALUES).length, 6)
    },
  )

  withDb("full says so until a commit has really written", async ({ db, driver }) => {
    limitPages(driver, 0)
    assert.equal(db.full, false)
    await assert.rejects(
      db.act((tx) => tx.run(INSERT, BIG)),
      (error) => isFault(error, "storage_full"),
    )
    assert.equal(db.full, true)
    await db.act((tx) => tx.all(VALUES))
    assert.equal(db.full, true)
    limitPages(driver, 1000)
    await db.act((tx) => tx.run(INSERT, BIG))
    assert.equal(db.full, false)
  })

  withDb("an act that swallows the full disk is lost all the same", async ({ db, driver }) => {
    limitPages(driver, 8)
    const liar = db.act((tx) => {
      tx.run(INSERT, "before")
      try {
        tx.run(INSERT, BIG)
      } catch {}
      try {
        tx.run(INSERT, "outside of any transaction")
      } catch {}
    })
    const other = db.act((tx) => tx.run(INSERT, "other").changes)
    await assert.rejects(liar, (error) => isFault(error, "storage_full"))
    assert.equal(await other, 1)
    assert.deepEqual(valuesOf(db), ["other"])
  })

  withDb(
    "a ledger that does not fit rejects the acts whose effects it could not write",
    async ({ db, driver }) => {
      limitPages(driver, 8)
      const told: Effect[][] = []
      db.attach({
        write(tx, effects) {
          if (effects.length > 0) tx.run(INSERT, BIG)
        },
        committed: (effects) => void told.push(effects),
      })
      const [loud, quiet] = await Promise.allSettled([
        db.act((tx) => tx.emit({})),
        db.act((tx) => tx.run(INSERT, "quiet").changes),
      ])
      assert.ok(loud.status === "rejected" && isFault(loud.reason, "storage_full"))
      assert.deepEqual(quiet, { status: "fulfilled", value: 1 })
      assert.deepEqual(told, [[]])
    },
  )

  withDb("a COMMIT that finds no room loses the tick, and its acts are repeated", async ({ driver }) => {
    const failing = failCommits(driver, 2)
    const db = openDb({ driver: failing, clock: systemClock })
    const acts = await Promise.allSettled(["a", "b"].map((v) => db.act((tx) => tx.run(INSERT, v).changes)))
    assert.ok(acts[0]?.status === "rejected" && isFault(acts[0].reason, "storage_full"))
    assert.deepEqual(acts[1], { status: "fulfilled", value: 1 })
    assert.deepEqual(valuesOf(db), ["b"])
    assert.equal(db.full, false)
  })
}

/** No page may be added beyond `spare` more. */
function limitPages(driver: SqlDriver, spare: number): void {
  const pages = Number(driver.prepare("PRAGMA page_count").get()?.page_count)
  driver.exec(`PRAGMA max_page_count = ${pages + spare}`)
}

/** The driver, but its first `times` commits fail as on a full disk. */
function failCommits(driver: SqlDriver, times: number): SqlDriver {
  let left = times
  return {
    exec: (sql) => driver.exec(sql),
    close: () => driver.close(),
    get inTransaction() {
      return driver.inTransaction
    },
    prepare(sql) {
      const statement = driver.prepare(sql)
      if (sql !== "COMMIT") return statement
      return {
        ...statement,
        run(...values) {
          if (left-- <= 0) return statement.run(...values)
          driver.exec("ROLLBACK")
          throw Object.assign(new Error("database or disk is full"), { errcode: 13 })
        },
      }
    },
  }
}
