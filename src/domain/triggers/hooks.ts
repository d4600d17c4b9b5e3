// Signed webhooks: whoever holds a hook's secret may start the job that the hook names, and nothing else. A delivery is taken
// once: its signature covers its time, and is remembered for as long as that time counts.

import { Fault } from "../../base/fault.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { newSecret } from "../../base/kit/ids.ts"
import type { Masks } from "../../base/observe/logger.ts"
import type { Db } from "../../base/storage/port.ts"
import type { Starts } from "./schedules.ts"
import {
  addRun,
  allHooks,
  dropHook,
  type Hook,
  readHook,
  runsOf,
  type TriggerRun,
  takenRun,
  writeHook,
} from "./store.ts"
import { render } from "./template.ts"

export interface HooksNeeds {
  db: Db
  clock: Clock
  starts: Starts
  masks: Masks
}

export interface Delivery {
  /** Seconds since 1970, as text. */
  timestamp: string | undefined
  /** `sha256=` and the HMAC of `TIMESTAMP.BODY`, hexadecimal. */
  signature: string | undefined
  body: string
}

/** How far a delivery's time may be off, either way. */
const WINDOW_MS = 300_000

export interface NewHook {
  name: string
  kind: string
  payload: unknown
  enabled: boolean
}

export function createHooks({ db, clock, starts, masks }: HooksNeeds) {
  for (const { secret } of allHooks(db)) masks.add(secret)

  function existing(name: string): Hook {
    const hook = readHook(db, name)
    if (!hook) throw new Fault("hook_not_found", "no such hook", { name })
    return hook
  }
  function freshSecret(): string {
    const secret = newSecret()
    masks.add(secret)
    return secret
  }

  /** Throws `duplicate_name`, `unknown_job_type`, `invalid_payload`. The secret is told here and never again. */
  async function create({ payload, ...given }: NewHook): Promise<Hook> {
    starts.check(given.kind, payload)
    const now = clock.now()
    const times = { createdAt: now, updatedAt: now }
    const hook = { ...given, ...times, secret: freshSecret(), payload: JSON.stringify(payload) }
    await db.act((tx) => {
      if (readHook(tx, hook.name))
        throw new Fault("duplicate_name", "there is a hook of this name", { name: hook.name })
      writeHook(tx, hook)
    })
    return hook
  }

  async function change(name: string, { payload, ...fields }: Partial<Omit<NewHook, "name">>): Promise<Hook> {
    const known = existing(name)
    const next = {
      ...known,
      ...fields,
      ...(payload !== undefined && { payload: JSON.stringify(payload) }),
      updatedAt: clock.now(),
    }
    starts.check(next.kind, JSON.parse(next.payload))
    await db.act((tx) => writeHook(tx, next))
    return next
  }

  /** Throws `signature_refused`, for a hook that isn't there as for a signature that doesn't fit, and what an enqueue throws. */
  async function deliver(
    name: string,
    { timestamp = "", signature = "", body }: Delivery,
  ): Promise<TriggerRun> {
    const hook = readHook(db, name)
    const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN
    const hex = /^sha256=([0-9a-f]{64})$/.exec(signature)?.[1]
    // An unknown hook costs as much as a known one.
    const isTrue = await isSigned(hook?.secret ?? "nobody", `${timestamp}.${body}`, hex ?? "00")
    const isTimely = Math.abs(clock.now() - seconds * 1_000) <= WINDOW_MS
    if (!hook?.enabled || !hex || !isTrue || !isTimely) {
      throw new Fault("signature_refused", "the signature, its time or the hook can't be accepted")
    }
    return db.act((tx) => {
      const trigger = `hook:${name}`
      const taken = takenRun(tx, trigger, hex)
      if (taken) return { ...taken, outcome: "already_queued" as const }
      const payload = render(JSON.parse(hook.payload), body)
      const { job } = starts.add(tx, { kind: hook.kind, payload, dedupeKey: `${trigger}:${hex}` })
      const at = clock.now()
      const run = { at, dueAt: undefined, outcome: "enqueued" as const, job: job.id, error: undefined }
      addRun(tx, trigger, { ...run, once: hex, keepAfter: at - 2 * WINDOW_MS })
      return run
    })
  }

  return {
    list: (): Hook[] => allHooks(db),
    create,
    change,
    /** The old secret is void at once. */
    async rotate(name: string): Promise<Hook> {
      const hook = { ...existing(name), secret: freshSecret(), updatedAt: clock.now() }
      await db.act((tx) => writeHook(tx, hook))
      return hook
    },
    async remove(name: string): Promise<void> {
      existing(name)
      await db.act((tx) => dropHook(tx, name))
    },
    deliver,
    /** Newest first. */
    runs(name: string, limit: number): TriggerRun[] {
      existing(name)
      return runsOf(db, `hook:${name}`, limit)
    },
  }
}
export type Hooks = ReturnType<typeof createHooks>

async function isSigned(secret: string, text: string, hex: string): Promise<boolean> {
  const bytes = (value: string) => new TextEncoder().encode(value)
  const how = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", bytes(secret), how, false, ["verify"])
  const signature = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  return crypto.subtle.verify("HMAC", key, signature, bytes(text))
}
