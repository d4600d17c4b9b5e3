// Idempotency keys: one answer a key, also after a restart; nothing twice (decisions 17).

import { expect, test } from "bun:test"
import { Fault } from "../../src/base/fault.ts"
import { type Claim, createKeys } from "../../src/domain/keys/keys.ts"
import { openRooms } from "../support/rooms.ts"

interface Answer {
  n: number
}
const asked = { scope: "s", key: "k", body: { text: "go" } }

function open() {
  const house = openRooms()
  let runs = 0
  const answered = async (claim: Claim<Answer>): Promise<Answer> => {
    const answer = { n: ++runs }
    await house.db.act((tx) => claim.done(tx, answer))
    return answer
  }
  /** Hashes are made outside of this thread: what waits for one needs more than turns of the clock. */
  async function settle<T>(promise: Promise<T>): Promise<T> {
    let open = true
    const done = promise.finally(() => {
      open = false
    })
    done.catch(() => {})
    while (open) {
      house.clock.turn(0)
      await new Promise((next) => setImmediate(next))
    }
    return done
  }
  return { ...house, settle, answered, runs: () => runs, keys: () => createKeys(house) }
}

test("the same key gives the same answer: at once, later, and after a restart", async () => {
  const { keys, answered, settle, runs } = open()
  const room = keys()
  const once = () => room.once<Answer>({ ...asked, run: answered })
  expect(await settle(Promise.all([once(), once()]))).toEqual([{ n: 1 }, { n: 1 }])
  expect(await settle(once())).toEqual({ n: 1 })
  expect(await settle(keys().once<Answer>({ ...asked, run: answered }))).toEqual({ n: 1 })
  expect(runs()).toBe(1)
})

test("another body under a key is refused, at once and after a restart; another scope is another key", async () => {
  const { keys, answered, settle } = open()
  const room = keys()
  const first = room.once<Answer>({ ...asked, run: answered })
  const other = { ...asked, body: { text: "other" }, run: answered }
  await expect(settle(room.once<Answer>(other))).rejects.toMatchObject({ code: "idempotency_key_reused" })
  await settle(first)
  await expect(settle(keys().once<Answer>(other))).rejects.toMatchObject({ code: "idempotency_key_reused" })
  expect(await settle(room.once<Answer>({ ...other, scope: "elsewhere" }))).toEqual({ n: 2 })
})

test("a failure that did nothing frees the key", async () => {
  const { keys, answered, settle } = open()
  const room = keys()
  const failing = room.once<Answer>({
    ...asked,
    run: async () => {
      throw new Fault("turn_busy", "busy")
    },
  })
  await expect(settle(failing)).rejects.toMatchObject({ code: "turn_busy" })
  expect(await settle(room.once<Answer>({ ...asked, body: "anything", run: answered }))).toEqual({ n: 1 })
})

test("where nobody knows what a failure did, a repetition gets what is found out, and is done only if nothing was", async () => {
  for (const found of ["done", "not done", "unknown"] as const) {
    const { keys, answered, settle, runs } = open()
    const ids: string[] = []
    const lost = keys().once<Answer>({
      ...asked,
      tracked: () => true,
      run: async ({ id }) => {
        ids.push(id)
        throw new Fault("runtime_unavailable", "gone", { delivered: "unknown" })
      },
    })
    await expect(settle(lost)).rejects.toMatchObject({ code: "runtime_unavailable" })
    const again = settle(
      keys().once<Answer>({
        ...asked,
        async recover(row) {
          expect(row).toMatchObject({ id: ids[0], tracked: true })
          if (found === "unknown") throw new Fault("message_indeterminate", "nobody knows")
          return found === "done" ? { n: 99 } : undefined
        },
        run(claim) {
          expect(claim.id).toBe(ids[0] ?? "")
          return answered(claim)
        },
      }),
    )
    if (found === "unknown") await expect(again).rejects.toMatchObject({ code: "message_indeterminate" })
    else expect(await again).toEqual({ n: found === "done" ? 99 : 1 })
    expect(runs()).toBe(found === "not done" ? 1 : 0)
    if (found === "done")
      expect(await settle(keys().once<Answer>({ ...asked, run: answered }))).toEqual({ n: 99 })
  }
})

test("keys are forgotten after a week", async () => {
  const { keys, answered, settle, clock } = open()
  await settle(keys().once<Answer>({ ...asked, run: answered }))
  clock.turn(8 * 24 * 3_600_000)
  await settle(keys().once<Answer>({ ...asked, key: "other", run: answered }))
  expect(await settle(keys().once<Answer>({ ...asked, run: answered }))).toEqual({ n: 3 })
})
