// The one gate: format, lint, types, architecture, all tests on Bun and on Node 24. Each step says little when it is well
// and everything when it is not; the last line is `N passed, N failed`.

import { readdirSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "..")
const bin = (name: string) => join(root, "node_modules/.bin", name)
const bun = [process.execPath, "--no-env-file", `--config=${join(root, "bunfig.toml")}`]
// The tests' failure net; single tests have their own deadlines.
const NET_MS = 120_000

interface Outcome {
  code: number
  output: string
}
interface Count {
  passed: number
  failed: number
}
interface Step {
  name: string
  run(): Promise<Outcome>
  /** What the output says was counted; without it the step itself counts only when it fails. */
  count?(output: string): Count
}

const steps: Step[] = [
  {
    name: "format and lint",
    run: () => start([bin("biome"), "ci", "--colors=off", "--reporter=summary", "."]),
  },
  { name: "types", run: () => start([bin("tsc"), "-p", "tsconfig.json"]) },
  { name: "types of domain, flow and edge", run: pureTypes },
  { name: "older Codex binaries", run: () => start([bin("node"), "scripts/fetch-codex.mjs"]) },
  { name: "tests on Bun", run: bunTests, count: countBun },
  { name: "tests on Node 24", run: nodeTests, count: countNode },
]

const total: Count = { passed: 0, failed: 0 }
for (const step of steps) await take(step)
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`)
process.exit(total.failed === 0 ? 0 : 1)

async function take({ name, run, count }: Step): Promise<void> {
  const startedAt = performance.now()
  const { code, output } = await run()
  const counted = count?.(output) ?? { passed: 0, failed: 0 }
  // A step can fail without a failed test, by a crash for example: it counts as one.
  const failed = counted.failed === 0 && code !== 0 ? 1 : counted.failed
  total.passed += counted.passed
  total.failed += failed
  const figures = count ? `, ${counted.passed} passed, ${failed} failed` : ""
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stdout.write(`${failed === 0 ? "ok  " : "FAIL"}  ${name} (${seconds} s${figures})\n`)
  if (failed > 0) process.stdout.write(`${output.trimEnd()}\n`)
}

async function start(command: string[]): Promise<Outcome> {
  const env = { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" }
  const child = Bun.spawn(command, { cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [said, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, output: said + complained }
}

/** Only complaints about these floors count: what they import may name the machine. */
async function pureTypes(): Promise<Outcome> {
  const { output } = await start([bin("tsc"), "-p", "tsconfig.pure.json"])
  const ours = output
    .split("\n")
    .filter((line) => /^src\/(domain|flow|edge)\//.test(line) || /^error/.test(line))
  return { code: ours.length === 0 ? 0 : 1, output: ours.join("\n") }
}

function bunTests(): Promise<Outcome> {
  return start([...bun, "test", "--parallel=2", "--only-failures", `--timeout=${NET_MS}`])
}

function countBun(output: string): Count {
  const errors = last(output, /^\s*(\d+) errors?$/gm)
  return { passed: last(output, /^\s*(\d+) pass$/gm), failed: last(output, /^\s*(\d+) fail$/gm) + errors }
}

async function nodeTests(): Promise<Outcome> {
  const suites = readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".node.ts"))
    .map((file) => join("tests", file))
    .sort()
  if (suites.length === 0) return { code: 1, output: "there is no tests/**/*.node.ts" }
  const flags = ["--test", "--test-concurrency=2", "--test-reporter=tap"]
  return await start([bin("node"), ...flags, ...suites])
}

function countNode(output: string): Count {
  return {
    passed: last(output, /^# pass (\d+)$/gm),
    failed: last(output, /^# fail (\d+)$/gm) + last(output, /^# cancelled (\d+)$/gm),
  }
}

function last(output: string, pattern: RegExp): number {
  return Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0)
}
