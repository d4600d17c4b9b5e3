// A daemon of this version on an older database, as far as search goes: it migrates, takes the first piece into the index, and
// stops for ever in the midst of the second one's commit, when it has said so. It is there to be killed. refill.ts DATABASE

import { writeSync } from "node:fs"
import { createManualClock } from "../../src/base/kit/manual-clock.ts"
import { openBunDriver } from "../../src/base/storage/bun-driver.ts"
import { openDb } from "../../src/base/storage/database.ts"
import { migrate } from "../../src/base/storage/migrate.ts"
import { MIGRATIONS } from "../../src/base/storage/migrations/index.ts"
import { openSearch } from "../../src/domain/transcript/search/open.ts"

const [, , path = ""] = process.argv
const driver = openBunDriver(path)
migrate(driver, MIGRATIONS)
const clock = createManualClock()
const db = openDb({ driver, clock })
openSearch({ db, clock, titleOf: (id) => id })
const left = () => Number(db.get("SELECT count(*) AS n FROM search_pending")?.n)
db.flush()
const committed = left()
db.attach({
  write() {
    writeSync(1, `${committed} ${left()}\n`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
  committed() {},
})
db.actNow(() => undefined)
