import { expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import {
  findThreadFiles,
  removeFiles,
  SNAPSHOTS,
  type ThreadFiles,
} from "../../../src/base/platform/thread-files.ts"

const ID = "0193b2f0-0000-7000-8000-000000000001"
const OTHER = "0193b2f0-0000-7000-8000-000000000002"

const remove = async (files: ThreadFiles): Promise<number> => removeFiles(await findThreadFiles(files))

function openHome() {
  mkdirSync(join(homedir(), ".cache/codexd-tests"), { recursive: true })
  const root = mkdtempSync(join(homedir(), ".cache/codexd-tests/files-"))
  const put = (name: string) => {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, "")
    return path
  }
  return {
    root,
    home: join(root, "home"),
    put,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

test("every file of the thread goes, wherever it is shelved, and no other", async () => {
  using place = openHome()
  const { home, put } = place
  const own = [
    `home/sessions/2026/11/23/rollout-2026-11-23T10-00-00-${ID}.jsonl`,
    `home/archived_sessions/rollout-2026-11-23T09-00-00-${ID}.jsonl`,
    `home/shell_snapshots/${ID}.123.sh`,
  ].map(put)
  const others = [
    `home/sessions/2026/11/23/rollout-${OTHER}.jsonl`,
    `home/log/${ID}.log`,
    "home/config.toml",
  ].map(put)
  expect(await remove({ codexHome: home, ids: [ID] })).toBe(3)
  expect(own.filter(existsSync)).toEqual([])
  expect(others.filter(existsSync)).toEqual(others)
  expect(await remove({ codexHome: home, ids: [ID] })).toBe(0)
})

test("the reported path goes only where it lies in the home; folders and what links point to stay", async () => {
  using place = openHome()
  const { home, root, put } = place
  const [inside, outside, beside] = [
    put("home/elsewhere/x.jsonl"),
    put("outside.jsonl"),
    put("home-too/y.jsonl"),
  ]
  mkdirSync(join(home, "sessions", `folder-${ID}`), { recursive: true })
  symlinkSync(root, join(home, "sessions", "link"))
  const linked = put(`rollout-${ID}.jsonl`)
  for (const path of [outside, beside, join(home, "sessions/../../outside.jsonl")])
    expect(await remove({ codexHome: home, ids: [ID], path })).toBe(0)
  expect(await remove({ codexHome: home, ids: [ID], path: inside })).toBe(1)
  expect([outside, beside, linked].map(existsSync)).toEqual([true, true, true])
})

test("a home that is not there has no files", async () => {
  expect(await remove({ codexHome: "/nowhere/at/all", ids: [ID] })).toBe(0)
})

test("one shelf alone can be cleared; a file that moved while it was removed is one file", async () => {
  using place = openHome()
  const { home, put } = place
  const rollout = put(`home/sessions/rollout-${ID}.jsonl`)
  const snapshot = put(`home/shell_snapshots/${ID}.123.sh`)
  expect(await remove({ codexHome: home, ids: [ID], shelves: SNAPSHOTS })).toBe(1)
  expect([rollout, snapshot].map(existsSync)).toEqual([true, false])
  const moved = put(`home/archived_sessions/rollout-${ID}.jsonl`)
  expect(await removeFiles([rollout, moved])).toBe(1)
  expect([rollout, moved].map(existsSync)).toEqual([false, false])
})
