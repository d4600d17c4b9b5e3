// The usage ledger on the real binaries, over everything that makes them tell their counts again: tools, a compaction, a
// rollback, a kill, a fork. What the ledger has is what the calls themselves say, each once.

import { strict as assert } from "node:assert"
import type { Frame, Listener } from "../../support/client.ts"
import {
  type Check,
  ended,
  get,
  health,
  hear,
  newSession,
  post,
  runTurn,
  untilReady,
  type World,
} from "../world.ts"

interface Counts {
  totalTokens: number
  inputTokens: number
  outputTokens: number
}
interface Report {
  threadId: string
  turnId: string
  tokenUsage: { total: Counts; last: Counts }
}

const reportOf = (frame: Frame): Report | undefined =>
  frame.type === "thread_token_usage_updated" ? (frame.payload as unknown as Report) : undefined

/** A turn of one call, and that call's report, which may come after the turn's end. */
async function call(world: World, all: Listener, id: string, tokens: number): Promise<string> {
  const { turnId, listener } = await runTurn(world, id, `usage: ${tokens}\necho: said`)
  listener.close()
  const isIt = (frame: Frame) => reportOf(frame)?.tokenUsage.last.inputTokens === tokens
  await all.until((frame) => isIt(frame) && reportOf(frame)?.threadId === id, `the report of ${tokens}`)
  return turnId
}

/** Every call once: a count that was told before, of the thread or of what it was forked from, is no call. */
function callsIn(frames: Frame[]): Map<string, Counts[]> {
  const calls = new Map<string, Counts[]>()
  const seen = new Set<string>()
  for (const frame of frames) {
    const report = reportOf(frame)
    if (!report) continue
    const { total, last } = report.tokenUsage
    const key = JSON.stringify(total)
    if (seen.has(key)) continue
    seen.add(key)
    calls.set(report.threadId, [...(calls.get(report.threadId) ?? []), last])
  }
  return calls
}

const sum = (counts: Counts[], kind: keyof Counts): number => counts.reduce((all, one) => all + one[kind], 0)

export const usageChecks: Check[] = [
  {
    name: "tokens are counted once, over tools, compaction, rollback, a kill and a fork",
    async run(world) {
      const id = await newSession(world, { approvalPolicy: "never" })
      const all = await hear(world)
      await call(world, all, id, 1_001)
      const tools = await runTurn(world, id, "usage: 2002\nrun: echo hi\necho: two")
      tools.listener.close()
      const from = all.frames.length
      const compacted = await post<{ turnId: string }>(world, `/api/sessions/${id}/compact`)
      assert.equal(compacted.status, 200, compacted.text)
      await all.until(
        (f) => reportOf(f)?.tokenUsage.last.inputTokens === 0,
        "the compaction's last report",
        from,
      )
      // A message that comes before its end waits, and its turn has another id than the answer's.
      await ended(all, compacted.body.turnId)
      const before = await call(world, all, id, 303)
      assert.equal((await post(world, `/api/sessions/${id}/rollback`, { numTurns: 1 })).status, 200)
      const after = await call(world, all, id, 5_004)
      const { codex } = await health(world)
      process.kill(codex.pid ?? 0, "SIGKILL")
      await untilReady(world, codex.pid)
      const resumed = await call(world, all, id, 55)
      const fork = await post<{ session: { sessionId: string } }>(world, `/api/sessions/${id}/fork`)
      assert.equal(fork.status, 200)
      const forked = fork.body.session.sessionId
      const inFork = await call(world, all, forked, 66)
      const calls = callsIn(all.frames)
      all.close()

      interface Sum extends Counts {
        sessionId?: string
        turnId?: string
        model?: string
        day?: string
      }
      const usage = async (query: string) =>
        (await get<{ data: Sum[]; total: Sum }>(world, `/api/usage?${query}`)).body
      const { data } = await usage(`groupBy=session&limit=1000`)
      for (const session of [id, forked]) {
        const own = data.find(({ sessionId }) => sessionId === session)
        const told = calls.get(session) ?? []
        for (const kind of ["totalTokens", "inputTokens", "outputTokens"] as const) {
          // A compaction counts what is left as a last call of its own, which was none.
          const real = told.filter(({ inputTokens, outputTokens }) => inputTokens + outputTokens > 0)
          assert.equal(
            own?.[kind],
            sum(real, kind),
            `${kind} of ${session === id ? "the source" : "the fork"}`,
          )
        }
      }
      const turns = (await usage(`groupBy=turn&sessionId=${id}`)).data
      const inputs = (turnId: string) => turns.find((turn) => turn.turnId === turnId)?.inputTokens
      assert.deepEqual([before, after, resumed].map(inputs), [303, 5_004, 55])
      const [only, ...others] = (await usage(`groupBy=turn,day,model&sessionId=${forked}`)).data
      assert.deepEqual([only?.turnId, only?.inputTokens, others.length], [inFork, 66, 0])
      assert.match(only?.day ?? "", /^\d{4}-\d\d-\d\d$/)
      assert.notEqual(only?.model, "unknown")
    },
  },
]
