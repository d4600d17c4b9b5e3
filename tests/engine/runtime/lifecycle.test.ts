import { expect, test } from "bun:test"
import { replyOf } from "../../../src/base/fault.ts"
import { createManualClock } from "../../../src/base/kit/manual-clock.ts"
import { createLifecycle, downFault, type RuntimeState } from "../../../src/engine/runtime/lifecycle.ts"

function open() {
  const clock = createManualClock()
  const life = createLifecycle({ clock, random: () => 0 })
  life.move("start")
  /** A crash; the move and the wait that the table gives. */
  const crash = () => {
    const verdict = life.noteCrash()
    life.move(verdict.move)
    return verdict
  }
  const up = () => {
    if (life.can("retry")) life.move("retry")
    life.move("ready")
    life.noteReady()
  }
  return { clock, life, crash, up }
}

test("a move that the table doesn't have is a bug and says so", () => {
  const { life } = open()
  expect(() => life.move("start")).toThrow("the runtime can't start while it is starting")
  expect(life.can("ready")).toBe(true)
  life.move("stop")
  expect(life.name()).toBe("draining")
  expect(() => life.move("ready")).toThrow()
  life.move("exit")
  expect(life.name()).toBe("stopped")
})

test("waits grow with every crash in a row and are capped, however slowly the crashes come", () => {
  const { clock, life, crash } = open()
  const waits: number[] = []
  for (let i = 0; i < 9; i++) {
    waits.push(crash().retryMs)
    clock.turn(20_000)
    life.move("retry")
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
})

test("a minute of being up forgives what was before", () => {
  const { clock, crash, up } = open()
  crash()
  up()
  expect(crash().retryMs).toBe(500)
  up()
  clock.turn(60_000)
  expect(crash().retryMs).toBe(250)
})

test("five crashes in a minute are broken, four are not; a failed probe stays broken, a good one doesn't", () => {
  const { clock, life, crash, up } = open()
  for (let i = 0; i < 4; i++) {
    expect(crash().move).toBe("exit")
    life.move("retry")
  }
  expect(crash()).toEqual({ move: "crash", retryMs: 60_000 })
  clock.turn(60_000)
  life.move("retry")
  expect(crash()).toEqual({ move: "crash", retryMs: 60_000 })
  clock.turn(60_000)
  up()
  expect(crash().move).toBe("exit")
})

test("who is told that no child is there is told when the next try is due, not before and not in no time", () => {
  const state: RuntimeState = {
    ...{ name: "broken", restarts: 1, fallbacks: [], methods: { known: false, count: 0 } },
    ...{ unknownNotifications: {}, unreadableLines: 0 },
  }
  const at = (retryAt: number) => replyOf(downFault({ ...state, retryAt }, 1_000_000)).retryAfterS
  expect([at(1_060_000), at(1_000_001), at(1_000_000), at(1_015_200)]).toEqual([60, 1, 1, 16])
  // Nothing is due while it starts: the catalogue's own word.
  expect(replyOf(downFault({ ...state, name: "starting" }, 0)).retryAfterS).toBe(5)
})
