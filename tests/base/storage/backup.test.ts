// A backup is what was committed when it began, on both bindings; verify finds what is wrong with it; restore puts it in the
// database's place with another log, and throws nothing away.

import { describe, expect, test } from "bun:test"
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import type { Config } from "../../../src/base/config/config.ts"
import { createLog } from "../../../src/base/events/log.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createLogger, createMasks } from "../../../src/base/observe/logger.ts"
import { createBunPlatform } from "../../../src/base/platform/bun.ts"
import type { Platform } from "../../../src/base/platform/port.ts"
import type { Manifest } from "../../../src/base/storage/backup/manifest.ts"
import { MIGRATIONS } from "../../../src/base/storage/migrations/index.ts"
import { openNodeDriver } from "../../../src/base/storage/node-driver.ts"
import { allTokens } from "../../../src/domain/tokens/store.ts"
import { createTokens } from "../../../src/domain/tokens/tokens.ts"
import { openStore } from "../../../src/flow/store.ts"
import { createKeeping } from "../../../src/keeping.ts"
import { testFolder } from "../../support/program.ts"

const BINDINGS: [string, Platform][] = [
  ["bun", createBunPlatform()],
  ["node", { ...createBunPlatform(), openDatabase: openNodeDriver }],
]

async function place(platform: Platform) {
  const folder = testFolder("backup")
  const clock = createManualClock()
  const config = { dataDir: join(folder.path, "data"), storageSync: "normal" } as Config
  const lines: string[] = []
  const logger = createLogger({
    clock,
    level: "info",
    write: (line) => void lines.push(line),
    mask: createMasks(),
  })
  const open = async () => {
    const { db, mark, ...store } = await openStore({
      config,
      platform,
      clock,
      logger,
      version: "1.2.3",
      pid: 1,
    })
    const log = createLog({ db, clock, mark })
    const note = (who: string) => {
      const done = db.actNow((tx) => void tx.run(ADD, who))
      if (!done.ok) throw done.error
    }
    const who = () => db.all("SELECT who FROM audit_trail ORDER BY n").map((row) => row.who)
    return { db, log, note, who, [Symbol.asyncDispose]: store[Symbol.asyncDispose] }
  }
  const keeping = createKeeping({ platform, clock, version: "1.2.3" })
  return { ...folder, folder, config, clock, keeping, open, lines, file: join(folder.path, "copy.db") }
}
const ADD = `INSERT INTO audit_trail (at, who, via, origin, method, route, params, result, ms) VALUES (0, ?, '', '', '', '', '{}', 'ok', 0)`

describe.each(BINDINGS)("on %s", (_, platform) => {
  test("while the database is written to, what is committed is copied, and the copy is sound, private and whole", async () => {
    const here = await place(platform)
    using _folder = here.folder
    await using house = await here.open()
    house.note("first")
    const manifest = here.keeping.backup(here.config, here.file)
    house.note("later")
    expect(manifest).toMatchObject({ version: "1.2.3", schema: MIGRATIONS.length, rows: { audit_trail: 1 } })
    expect(manifest.bytes).toBe(statSync(here.file).size)
    expect(JSON.parse(readFileSync(`${here.file}.json`, "utf8")) as Manifest).toEqual(manifest)
    expect([here.file, `${here.file}.json`].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o600, 0o600,
    ])
    expect(here.keeping.verify(here.file)).toEqual({ problems: [], manifest })
    expect(readdirSync(here.folder.path).sort()).toEqual(["copy.db", "copy.db.json", "data"])
  })

  test("a file that is there is not written over, and a place that can't be written leaves nothing behind", async () => {
    const here = await place(platform)
    using _folder = here.folder
    expect(() => here.keeping.backup(here.config, here.file)).toThrow("nothing to back up")
    await using _house = await here.open()
    writeFileSync(here.file, "mine")
    expect(() => here.keeping.backup(here.config, here.file)).toThrow("is there already: choose another file")
    expect(readFileSync(here.file, "utf8")).toBe("mine")
    // Nor what lies where the manifest would, nor anything beside it.
    const other = join(here.folder.path, "other")
    for (const name of [`${other}.json`, `${other}.draft`]) writeFileSync(name, "mine")
    expect(() => here.keeping.backup(here.config, other)).toThrow("other.json is there already")
    expect(existsSync(other)).toBe(false)
    rmSync(`${other}.json`)
    here.keeping.backup(here.config, other)
    expect(readFileSync(`${other}.draft`, "utf8")).toBe("mine")
    for (const end of ["", ".json", ".draft"]) rmSync(`${other}${end}`)
    expect(() => here.keeping.backup(here.config, join(here.folder.path, "no/where.db"))).toThrow(
      "can't be written",
    )
    expect(readdirSync(here.folder.path).sort()).toEqual(["copy.db", "data"])
  })

  test("verify finds a changed byte, a cut file, a foreign file, other rows and a newer schema", async () => {
    const here = await place(platform)
    using _folder = here.folder
    await using house = await here.open()
    house.note("one")
    here.keeping.backup(here.config, here.file)
    const whole = readFileSync(here.file)
    const manifest = readFileSync(`${here.file}.json`, "utf8")
    const problems = () => here.keeping.verify(here.file).problems.join("; ")
    expect(here.keeping.verify(join(here.folder.path, "none")).problems).toHaveLength(1)

    const changed = Buffer.from(whole)
    changed[5_000] = (changed[5_000] ?? 0) ^ 0xff
    writeFileSync(here.file, changed)
    expect(problems()).toContain("its hash differs")
    writeFileSync(here.file, whole.subarray(0, whole.length >> 1))
    expect(problems()).not.toBe("")
    writeFileSync(here.file, "not a database at all, but long enough to be taken for one".repeat(50))
    expect(problems()).not.toBe("")
    writeFileSync(here.file, "")
    expect(problems()).toContain("no database of codexd")

    writeFileSync(here.file, whole)
    const { rows, ...rest } = JSON.parse(manifest) as Manifest
    writeFileSync(`${here.file}.json`, JSON.stringify({ ...rest, rows: { ...rows, audit_trail: 7 } }))
    expect(problems()).toBe("audit_trail has 1 rows, the manifest says 7")
    writeFileSync(`${here.file}.json`, "{}")
    expect(problems()).toContain("the manifest can't be read")

    const driver = platform.openDatabase(here.file)
    driver.exec("PRAGMA user_version = 999")
    driver.close()
    writeFileSync(`${here.file}.json`, manifest)
    expect(problems()).toContain("newer version")
  })

  test("restore gives the log a new id, keeps what was there, and refuses while a daemon runs or the file is not sound", async () => {
    const here = await place(platform)
    using _folder = here.folder
    let before: string
    {
      await using house = await here.open()
      house.note("kept")
      here.keeping.backup(here.config, here.file)
      house.note("lost")
      before = house.log.id
      expect(() => here.keeping.restore(here.config, here.file)).toThrow("in use by")
    }
    const { aside = "" } = here.keeping.restore(here.config, here.file)
    expect(aside).toContain("codexd.db.before-restore-")
    {
      await using house = await here.open()
      expect(house.who()).toEqual(["kept"])
      expect(house.log.id).not.toBe(before)
      expect(house.log.resume(`${before}.1`, { thread: null }).resume).toBe("gap")
    }
    const old = platform.openDatabase(aside)
    expect(old.prepare("SELECT count(*) AS n FROM audit_trail").get()?.n).toBe(2)
    old.close()
    appendFileSync(here.file, "x")
    expect(() => here.keeping.restore(here.config, here.file)).toThrow("is not restored")
    await using house = await here.open()
    expect(house.who()).toEqual(["kept"])
  })

  test("a database that can't be opened any more is moved with its journal, and the tokens of the copy are counted", async () => {
    const here = await place(platform)
    using _folder = here.folder
    const { clock } = here
    {
      await using house = await here.open()
      const tokens = createTokens({ ...house, clock, owner: undefined, hide: () => {}, onFault: () => {} })
      const make = (name: string, expiresAt: number | null) => {
        const making = tokens.make({ name, scopes: ["read"], expiresAt })
        clock.turn(0)
        return making
      }
      await make("phone", null)
      await make("brief", clock.now() + 10)
      here.keeping.backup(here.config, here.file)
      await make("later", null)
    }
    const database = join(here.config.dataDir, "codexd.db")
    writeFileSync(database, "no database at all".repeat(500))
    writeFileSync(`${database}-wal`, "its journal")
    const { aside = "", tokens } = here.keeping.restore(here.config, here.file)
    expect(tokens).toBe(2)
    expect(readFileSync(aside, "utf8")).toStartWith("no database at all")
    expect(readFileSync(`${aside}-wal`, "utf8")).toBe("its journal")
    await using house = await here.open()
    expect(
      allTokens(house.db)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["brief", "phone"])
  })

  test("into a folder that is not there yet; the backup stays as it is", async () => {
    const here = await place(platform)
    using _folder = here.folder
    {
      await using house = await here.open()
      house.note("moved")
      here.keeping.backup(here.config, here.file)
    }
    const elsewhere = { ...here.config, dataDir: join(here.folder.path, "new/place") }
    expect(here.keeping.restore(elsewhere, here.file).aside).toBeUndefined()
    expect(existsSync(join(elsewhere.dataDir, "codexd.db"))).toBe(true)
    expect(here.keeping.verify(here.file).problems).toEqual([])
  })
})
