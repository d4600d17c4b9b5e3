import { afterAll, expect, test } from "bun:test"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { holdDataLock, lockHolder } from "../../../src/base/storage/lock.ts"

const root = join(import.meta.dir, "../../..")
const folder = mkdtempSync(join(tmpdir(), "codexd-lock-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const runtimes = {
  Bun: [join(root, "node_modules/.bin/bun"), "--no-env-file"],
  Node: [join(root, "node_modules/.bin/node")],
}
const script = (place: string): string => `
  const { holdDataLock } = await import(${JSON.stringify(join(root, "src/base/storage/lock.ts"))})
  try {
    const said = []
    globalThis.lock = holdDataLock(${JSON.stringify(place)}, process.pid, ({ message }) => {
      said.push("unnamed: " + message.replace(/: [^]*/, ""))
    })
    console.log([...said, "held"].join("\\n"))
    setInterval(() => {}, 1000)
  } catch (error) {
    console.log(error.message)
  }`

/** A process that takes the lock, with the first line that it says. */
async function contend(runtime: keyof typeof runtimes): Promise<{ child: ChildProcess; said: string }> {
  const [program = "", ...flags] = runtimes[runtime]
  const child = spawn(program, [...flags, "-e", script(folder)], { stdio: ["ignore", "pipe", "inherit"] })
  const said = await new Promise<string>((resolve) =>
    child.stdout?.once("data", (data) => resolve(String(data).trim())),
  )
  return { child, said }
}

for (const [holder, second] of [
  ["Bun", "Node"],
  ["Node", "Bun"],
] as const) {
  test(`a ${second} daemon is refused while one on ${holder} holds the folder, and told whom; kill -9 frees it`, async () => {
    const first = await contend(holder)
    expect(first.said).toBe("held")
    const refused = await contend(second)
    expect(refused.said).toBe(
      `${folder} is in use by process ${first.child.pid}: stop it, or choose another data folder`,
    )
    expect(lockHolder(folder)).toBe(first.child.pid)
    const gone = new Promise((resolve) => first.child.on("close", resolve))
    first.child.kill("SIGKILL")
    await gone
    expect(lockHolder(folder)).toBeUndefined()
    using lock = holdDataLock(folder, process.pid)
    expect(() => holdDataLock(folder, 1)).toThrow(`process ${process.pid}`)
    lock.release()
    lock.release()
  }, 30_000)
}

test("a released lock leaves no pid behind and can be taken again; the pid file is private", () => {
  const lock = holdDataLock(folder, 4711)
  expect(statSync(join(folder, "lock.pid")).mode & 0o777).toBe(0o600)
  lock.release()
  expect(existsSync(join(folder, "lock.pid"))).toBe(false)
  holdDataLock(folder, 4712).release()
})

test("without room for a pid or a journal the lock holds all the same, and names nobody rather than a dead one", async () => {
  const place = mkdtempSync(join(folder, "full-"))
  writeFileSync(join(place, "lock.pid"), "4713\n")
  const program = `${runtimes.Bun.join(" ")} -e '${script(place)}'`
  // No file may grow: every write fails as on a full disk.
  const child = spawn("sh", ["-c", `trap "" XFSZ; ulimit -f 0; exec ${program}`], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const gone = new Promise((resolve) => child.on("close", resolve))
  const said = await new Promise<string>((resolve) =>
    child.stdout?.once("data", (data) => resolve(String(data).trim())),
  )
  expect(said.split("\n")).toEqual([`unnamed: ${join(place, "lock.pid")} can't be written`, "held"])
  expect(() => holdDataLock(place, 1)).toThrow(`${place} is in use by another process`)
  child.kill("SIGKILL")
  await gone
  expect(readdirSync(place)).toEqual(["lock.db"])
}, 30_000)

test("a folder that is not there is an error of its own, not a lock", () => {
  const missing = join(folder, "nowhere")
  expect(() => holdDataLock(missing, 1)).toThrow(
    `${missing}/lock.db can't be locked: unable to open database file`,
  )
})
