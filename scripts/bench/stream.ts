// How fast the child's lines reach listeners, beside a bare reader of the same pipe and a relay that stores nothing, all
// in the same rounds. Daemon, fake codex and listeners are processes of their own; every delta is checked.
// stream.ts [one|all|fifty|pace|instruments …] [--compiled] [--rounds 5] [--deltas 100000]

import { loadavg } from "node:os"
import { join } from "node:path"
import { bare, type Contender, compiled, daemon, type Load, type Outcome, relay } from "./parts/contenders.ts"
import { flag, median, option, out, ratios, table, thousands } from "./parts/figures.ts"

const rounds = option("rounds", 5)
const deltas = option("deltas", 100_000)
const ours = flag("compiled") ? daemon([compiled]) : daemon()
// As Codex itself does: a write for each line. `--bulk` is a writer that costs next to nothing.
const perWrite = flag("bulk") ? 200 : 1
const floodOf = (count: number) => ({ fake: `flood=${count},per-write=${perWrite}`, turns: 2 })
const flood = floodOf(deltas)
const PACE = { fake: "flood=2500,rate=500,stamp", turns: 2, families: "notification", listeners: 1 }

const parts: Record<string, () => Promise<void>> = {
  one: () => lines("one listener, one family", { ...flood, families: "notification", listeners: 1 }),
  all: () => lines("one listener, all families", { ...flood, families: "", listeners: 1 }),
  fifty,
  pace,
  instruments,
}
const chosen = process.argv.slice(2).filter((arg) => Object.hasOwn(parts, arg))
out(
  `load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds, medians; ${flag("compiled") ? "compiled" : "source"}`,
)
for (const name of chosen.length > 0 ? chosen : Object.keys(parts)) await parts[name]?.()

/** Every contender in every round, in turns first and last, so that a drift of the machine meets all alike. */
async function play<K extends string>(
  load: Load,
  contenders: Record<K, Contender>,
): Promise<Record<K, Outcome[]>> {
  const names = Object.keys(contenders) as K[]
  const outcomes = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, Outcome[]>
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed())
      outcomes[name].push(await contenders[name](load))
  return outcomes
}

/** Lines of the child and frames of all listeners a second, from the first delta to the end. */
function rates({ each }: Outcome) {
  const began = Math.min(...each.map((one) => one.startedAt))
  const seconds = (Math.max(...each.map((one) => one.endedAt)) - began) / 1000
  const frames = each.reduce((sum, one) => sum + one.frames, 0)
  return { lines: (each[0]?.deltas ?? 0) / seconds, frames: frames / seconds }
}

async function lines(title: string, load: Load) {
  const played = await play(load, { "bare reader": bare, relay, daemon: ours })
  const base = played["bare reader"].map((outcome) => rates(outcome).lines)
  const rows = Object.entries(played).map(([name, outcomes]) => {
    const own = outcomes.map((outcome) => rates(outcome).lines)
    return [
      name,
      thousands(median(own)),
      median(ratios(own, base)).toFixed(2),
      median(outcomes.map((outcome) => outcome.cpuUs)).toFixed(2),
      own.map(thousands).join(" "),
    ]
  })
  out(`\n${title}\n${table([["", "lines/s", "of bare", "CPU µs a line", "rounds"], ...rows])}`)
}

/** What meters, log and audit cost: the daemon beside itself without them, both from source. */
async function instruments() {
  const blind = { BUN_OPTIONS: `--preload ${join(import.meta.dir, "parts/blind.ts")}` }
  const load = { ...flood, families: "", listeners: 1 }
  const played = await play(load, { without: daemon(undefined, blind), with: daemon() })
  const own = (of: readonly Outcome[]) => of.map((outcome) => rates(outcome).lines)
  const cpu = (of: readonly Outcome[]) => of.map((outcome) => outcome.cpuUs)
  const rows = (["without", "with"] as const).map((name) => [
    name,
    thousands(median(own(played[name]))),
    median(ratios(own(played[name]), own(played.without))).toFixed(3),
    median(cpu(played[name])).toFixed(2),
    median(ratios(cpu(played[name]), cpu(played.without))).toFixed(3),
  ])
  const head = ["meters, log and audit", "lines/s", "of without", "CPU µs a line", "of without"]
  out(`\none listener, all families\n${table([head, ...rows])}`)
}

async function fifty() {
  const load = {
    fake: `flood=${Math.round(deltas * 0.4)}`,
    turns: 2,
    families: "notification",
    listeners: 50,
  }
  const played = await play(load, { relay, daemon: ours })
  const base = played.relay.map((outcome) => rates(outcome).frames)
  const rows = Object.entries(played).map(([name, outcomes]) => {
    const own = outcomes.map((outcome) => rates(outcome).frames)
    return [
      name,
      thousands(median(own)),
      median(ratios(own, base)).toFixed(2),
      median(outcomes.map((outcome) => outcome.cpuUs)).toFixed(2),
      own.map(thousands).join(" "),
    ]
  })
  out(
    `\n50 listeners, one family\n${table([["", "frames/s", "of relay", "CPU µs a line", "rounds"], ...rows])}`,
  )
}

async function pace() {
  const played = await play(PACE, { "bare reader": bare, relay, daemon: ours })
  const ms = (outcomes: Outcome[], which: "p50" | "p99" | "max") =>
    median(outcomes.map(({ each }) => each[0]?.latency?.[which] ?? Number.NaN))
  const rows = Object.entries(played).map(([name, outcomes]) => [
    name,
    ms(outcomes, "p50").toFixed(3),
    ms(outcomes, "p99").toFixed(3),
    ms(outcomes, "max").toFixed(2),
    `${(ms(outcomes, "p50") - ms(played.relay, "p50")).toFixed(3)} / ${(ms(outcomes, "p99") - ms(played.relay, "p99")).toFixed(3)}`,
    `${(ms(outcomes, "p50") - ms(played["bare reader"], "p50")).toFixed(3)} / ${(ms(outcomes, "p99") - ms(played["bare reader"], "p99")).toFixed(3)}`,
  ])
  const head = ["ms", "p50", "p99", "max", "over the relay p50 / p99", "over the bare pipe p50 / p99"]
  out(`\n500 deltas a second\n${table([head, ...rows])}`)
}
