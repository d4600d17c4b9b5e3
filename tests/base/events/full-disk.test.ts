import { expect, test } from "bun:test"
import { readFileSync, statSync } from "node:fs"
import { isFault } from "../../../src/base/fault.ts"
import { commit, delta, fact, makePlace, type Opened, storedEvents } from "./place.ts"

const all = { thread: null }
const resume = ({ log }: Opened, n: number, thread: string | null = null) =>
  log.resume(`${log.id}.${16 * n + 15}`, { thread }).resume
const pages = ({ driver }: Opened): number => Number(driver.prepare("PRAGMA page_count").get()?.page_count)
const fill = (house: Opened): void => house.driver.exec(`PRAGMA max_page_count = ${pages(house)}`)
const free = (house: Opened): void => house.driver.exec("PRAGMA max_page_count = 1000000")
const huge = fact("T", { body: JSON.stringify("x".repeat(300_000)) })

test("on a full disk nothing is told of an act that failed, and what must be told is told unstored", async () => {
  using place = makePlace()
  const house = place.open()
  commit(house, fact("T"))
  fill(house)
  const act = house.db.act((tx) => house.log.append(tx, huge))
  expect(await act.catch((error) => isFault(error, "storage_full"))).toBe(true)
  expect(house.db.full).toBe(true)
  expect(house.told.map(({ n }) => n)).toEqual([1])
  house.log.tellUnstored([fact("T"), delta("U")])
  expect(house.told.slice(1).map(({ stored }) => stored)).toEqual([false, false])
  expect([resume(house, 1, "T"), resume(house, 1, "U"), resume(house, 1, "X"), resume(house, 1)]).toEqual([
    "gap",
    "gap",
    "ok",
    "gap",
  ])
  expect(resume(house, house.log.head())).toBe("ok")
  free(house)
  commit(house, fact("U", { settles: true }))
  expect([resume(house, 1, "T"), resume(house, 1, "U")]).toEqual(["gap", "ok"])
})

test("numbers grow through a full disk, and over a kill in the midst of it", () => {
  using place = makePlace()
  let house = place.open({ reserve: 8 })
  const numbers: number[] = []
  for (let round = 0; round < 5; round++) {
    commit(house, fact("T"))
    fill(house)
    expect(house.db.actNow((tx) => house.log.append(tx, huge)).ok).toBe(false)
    // More than was reserved: only the mark file can take that.
    for (let i = 0; i < 30; i++) house.log.tellUnstored([fact("T")])
    numbers.push(...house.told.map(({ n }) => n))
    house.kill()
    house = place.open({ reserve: 8 })
    expect(house.log.head()).toBeGreaterThanOrEqual(numbers.at(-1) ?? 0)
  }
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
})

test("a kill on a full disk is remembered: whoever stopped before it has a gap", () => {
  using place = makePlace()
  let house = place.open()
  commit(house, fact("T"))
  house.log.tellUnstored([fact("U")])
  expect(readFileSync(place.markPath, "utf8")).toContain('"first":2')
  house.kill()
  house = place.open()
  expect(["T", "X", null].map((thread) => resume(house, 1, thread))).toEqual(["gap", "gap", "gap"])
  expect(resume(house, house.log.head())).toBe("ok")
  // It is in the database now, and the mark file is free for the next time.
  expect(readFileSync(place.markPath, "utf8").trim()).toBe("")
  house.kill()
  house = place.open()
  expect(resume(house, 1)).toBe("gap")
})

test("the mark is kept for as long as the database can't take it", () => {
  using place = makePlace()
  const house = place.open()
  commit(house, fact("T"))
  house.log.tellUnstored([fact("T")])
  fill(house)
  expect(house.db.actNow((tx) => house.log.append(tx, huge)).ok).toBe(false)
  expect(readFileSync(place.markPath, "utf8").trim()).not.toBe("")
  free(house)
  commit(house, fact("T"))
  expect(readFileSync(place.markPath, "utf8").trim()).toBe("")
  expect(statSync(place.markPath).size).toBe(4096)
})

test("a restart without any loss leaves no gap and uses no number again", () => {
  using place = makePlace()
  let house = place.open()
  const [first] = commit(house, fact("T"))
  house.kill()
  house = place.open()
  const [second] = commit(house, fact("T"))
  expect(second?.n).toBeGreaterThan(first?.n ?? 0)
  expect(house.log.resume(`${house.log.id}.0`, all).resume).toBe("ok")
  expect(storedEvents(house).length).toBe(2)
})
