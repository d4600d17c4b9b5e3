// What the binary behind us can do (wire-contract §1.1), from its own list of methods: nothing is called to see what happens.

import { type Clock, iso } from "../../base/kit/clock.ts"
import { METHODS } from "../../domain/requests/kinds.ts"
import type { Supervisor } from "../../engine/runtime/supervisor.ts"

/** Methods that existing clients look at. */
export const REPORTED = [
  "thread/fork",
  "thread/compact/start",
  "thread/rollback",
  "thread/backgroundTerminals/clean",
  "turn/steer",
  "review/start",
  "command/exec",
  "experimentalFeature/list",
  "collaborationMode/list",
  "skills/list",
  "skills/config/write",
  "skills/remote/read",
  "skills/remote/write",
  "app/list",
  "config/mcpServer/reload",
  "mcpServer/oauth/login",
  "item/tool/call",
  "item/tool/requestUserInput",
  "tool/requestUserInput",
  "config/read",
  "config/value/write",
  "config/batchWrite",
  "configRequirements/read",
  "feedback/upload",
  "account/read",
  "account/login/start",
  "account/login/cancel",
  "account/logout",
  "account/rateLimits/read",
] as const
export type Reported = (typeof REPORTED)[number]

/** Flags that follow from methods: any of a list is enough, all of a group are needed. */
const FLAGS: Readonly<Record<string, { any?: Reported[]; all?: Reported[] }>> = {
  threadFork: { all: ["thread/fork"] },
  threadCompact: { all: ["thread/compact/start"] },
  threadBackgroundTerminalClean: { all: ["thread/backgroundTerminals/clean"] },
  threadRollback: { all: ["thread/rollback"] },
  turnSteer: { all: ["turn/steer"] },
  reviewStart: { all: ["review/start"] },
  commandExec: { all: ["command/exec"] },
  feedbackUpload: { all: ["feedback/upload"] },
  mcpOauth: { all: ["mcpServer/oauth/login"] },
  mcpReload: { all: ["config/mcpServer/reload"] },
  configRead: { all: ["config/read"] },
  configRequirements: { all: ["configRequirements/read"] },
  apps: { all: ["app/list"] },
  skills: { all: ["skills/list"] },
  collaborationModes: { all: ["collaborationMode/list"] },
  experimentalFeatures: { all: ["experimentalFeature/list"] },
  accountLifecycle: { all: ["account/read", "account/login/start", "account/logout"] },
  configWrite: { any: ["config/value/write", "config/batchWrite"] },
}
const ALWAYS = ["toolUserInput", "dynamicToolCall", "planUpdates", "diffUpdates", "tokenUsage"]

export type Status = "available" | "disabled" | "unknown"
interface Detail {
  status: Status
  reason: string | null
}

export interface CapabilitiesNeeds {
  supervisor: Pick<Supervisor, "state" | "has" | "quirks" | "relearn" | "ready" | "callable">
  clock: Clock
}

export function createCapabilities({ supervisor, clock }: CapabilitiesNeeds) {
  let asked: { run: string | undefined; at: number } | undefined
  let asking: Promise<void> | undefined

  async function relearn(): Promise<void> {
    const run = supervisor.state().runId
    if (await supervisor.relearn().catch(() => false)) asked = { run, at: clock.now() }
  }

  /** A rollback is ours where the binary has another way to take turns back; the rest is as its list says. */
  function detailOf(method: Reported): Detail {
    if (!supervisor.callable()) return { status: "unknown", reason: "Codex isn't running" }
    if (method in METHODS) {
      return method === "item/tool/call" && supervisor.quirks().stableOnly
        ? { status: "disabled", reason: "this Codex refused the experimental API" }
        : { status: "available", reason: "asked by Codex, answered here" }
    }
    const has = supervisor.has(method)
    if (method === "thread/rollback" && has === false && supervisor.quirks().revert)
      return { status: "available", reason: "by thread/revert" }
    if (has === undefined) return { status: "unknown", reason: "this Codex doesn't say what it has" }
    return has
      ? { status: "available", reason: null }
      : { status: "disabled", reason: `this Codex has no ${method}` }
  }

  const report = () => {
    const state = supervisor.state()
    const details = Object.fromEntries(REPORTED.map((method) => [method, detailOf(method)])) as Record<
      Reported,
      Detail
    >
    const isThere = (method: Reported) => details[method].status === "available"
    const flags = Object.entries(FLAGS).map(([flag, { any = [], all }]): [string, boolean] => [
      flag,
      all ? all.every(isThere) : any.some(isThere),
    ])
    const learnedAt = asked && asked.run === state.runId ? asked.at : state.startedAt
    return {
      status: "ok",
      runtime: {
        initialized: state.name === "ready",
        capabilitiesLastUpdatedAt: state.name !== "ready" || learnedAt === undefined ? null : iso(learnedAt),
      },
      methods: Object.fromEntries(REPORTED.map((method) => [method, details[method].status])),
      details,
      features: {
        ...Object.fromEntries(ALWAYS.map((flag) => [flag, true])),
        ...Object.fromEntries(flags),
      } as Record<string, boolean>,
    }
  }
  let known: { of: string; features: Record<string, boolean> } | undefined

  return {
    /** The flags alone; made once for each list of methods. */
    features(): Record<string, boolean> {
      const { name, runId } = supervisor.state()
      const of = `${name} ${runId} ${asked?.at}`
      if (known?.of !== of) known = { of, features: report().features }
      return known.features
    },
    report,
    /** Asks the binary for its list once more, once for all who ask meanwhile; quiet while there is none to ask. */
    async refresh(): Promise<void> {
      if (!supervisor.ready()) return
      asking ??= relearn().finally(() => {
        asking = undefined
      })
      await asking
    },
  }
}
export type Capabilities = ReturnType<typeof createCapabilities>
