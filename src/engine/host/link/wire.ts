// What the daemon and a host say to each other, one JSON text a line. A host's lines begin with a word that only the two know:
// whatever else an extension manages to print is none of ours.

import * as v from "valibot"

export type ToHost =
  /** The first line. */
  | { t: "hello"; word: string; memoryMib: number }
  /** Starts a thread for an extension: `entry` is a file, or `codexd:NAME` for one inside the binary. */
  | { t: "load"; w: number; name: string; entry: string; ms: number }
  | { t: "run"; w: number; id: number; h: number; ms: number; type: string; payload: unknown }
  | { t: "answer"; w: number; call: number; ok: boolean; value: unknown }
  | { t: "unload"; w: number }
  | { t: "ping"; n: number }

const Handler = v.object({ type: v.string(), priority: v.number(), timeoutMs: v.number() })
const id = v.number()
const w = v.number()

export const LOAD_FAILURES = ["import_failed", "missing_register", "registration_failed"] as const

const FromHost = v.variant("t", [
  v.object({ t: v.literal("up") }),
  v.object({ t: v.literal("pong"), n: v.number() }),
  v.object({ t: v.literal("loaded"), w, handlers: v.array(Handler) }),
  v.object({ t: v.literal("failed"), w, code: v.picklist(LOAD_FAILURES), message: v.string() }),
  v.object({ t: v.literal("done"), id, value: v.optional(v.unknown()) }),
  v.object({ t: v.literal("threw"), id, error: v.string() }),
  v.object({ t: v.literal("timeout"), id }),
  v.object({ t: v.literal("call"), w, id, call: v.number(), tool: v.string(), args: v.array(v.unknown()) }),
  v.object({
    t: v.literal("log"),
    w,
    level: v.picklist(["debug", "info", "warn", "error"]),
    text: v.string(),
    fields: v.optional(v.unknown()),
  }),
  /** Something came after a handler's time was over, or an error that nobody caught. */
  v.object({ t: v.literal("late"), w, what: v.string(), times: v.number() }),
  v.object({ t: v.literal("unhandled"), w, error: v.string() }),
  /** Lines of log that were not passed on. */
  v.object({ t: v.literal("dropped"), w, lines: v.number() }),
  /** A thread has ended: it hung and was terminated, flooded, or died by itself. */
  v.object({
    t: v.literal("gone"),
    w,
    why: v.picklist(["hung", "flooded", "died", "unloaded"]),
    reason: v.string(),
  }),
  /** A thread can't be terminated: only the host's end will end it. */
  v.object({ t: v.literal("stuck"), w }),
  v.object({ t: v.literal("memory"), mib: v.number() }),
])
export type FromHost = v.InferOutput<typeof FromHost>

/** One line of a host without its word. Undefined for what is no message. */
export function readMessage(text: string): FromHost | undefined {
  try {
    const parsed = v.safeParse(FromHost, JSON.parse(text))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

/** What a host's main thread and the thread of an extension say to each other. */
export type ToThread =
  | { t: "load"; name: string; entry: string }
  | { t: "run"; id: number; h: number; ms: number; type: string; payload: unknown }
  | { t: "answer"; call: number; ok: boolean; value: unknown }
  | { t: "credit"; lines: number }

export type FromThread =
  | { t: "loaded"; handlers: { type: string; priority: number; timeoutMs: number }[] }
  | { t: "failed"; code: (typeof LOAD_FAILURES)[number]; message: string }
  | { t: "done"; id: number; value?: unknown }
  | { t: "threw"; id: number; error: string }
  | { t: "timeout"; id: number }
  | { t: "call"; id: number; call: number; tool: string; args: unknown[] }
  | { t: "log"; level: "debug" | "info" | "warn" | "error"; text: string; fields?: unknown }
  | { t: "late"; what: string; times: number }
  | { t: "unhandled"; error: string }
  | { t: "dropped"; lines: number }
