// `webhook.deliver`: one notice to somebody's webhook, signed, until it is taken. The signature is that of Standard Webhooks:
// HMAC-SHA256 over `ID.TIMESTAMP.BODY`, base64, after `v1,`; the id is the job's, the same for every attempt.

import * as v from "valibot"
import { isLoopback } from "../../base/config/rules.ts"
import type { Clock } from "../../base/kit/clock.ts"
import { type JobKind, jobKind } from "../../engine/queue/job.ts"

export interface WebhookNeeds {
  clock: Clock
  /** WEBHOOK_SIGNING_SECRET. */
  secret: string | undefined
}

/** https, or http on this machine. */
function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname))
}

const text = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most))
export const webhookPayload = v.object({
  url: v.pipe(text(2_000), v.check(isSafe, "must be an https URL, or http on this machine")),
  event: text(200),
  body: v.record(v.string(), v.unknown()),
  dedupeKey: v.optional(text(300)),
})

class Undelivered extends Error {
  readonly passing: boolean

  constructor(message: string, passing: boolean, options?: ErrorOptions) {
    super(message, options)
    this.name = "Undelivered"
    this.passing = passing
  }
}

export const webhookDeliver = ({ clock, secret }: WebhookNeeds): JobKind =>
  jobKind<v.InferOutput<typeof webhookPayload>>({
    version: 1,
    lane: "background",
    dedupe: "drop_duplicate",
    maxAttempts: 10,
    // The last try is about two hours after the first.
    backoff: { firstMs: 30_000, capMs: 3_600_000, jitter: 0.3 },
    timeoutMs: 15_000,
    graceMs: 1_000,
    isRetryable: (error) => error instanceof Undelivered && error.passing,
    atShutdown: "requeue",
    parse: (payload) => v.parse(webhookPayload, payload),
    async run({ url, event, body }, { job, signal }) {
      if (!secret) throw new Undelivered("WEBHOOK_SIGNING_SECRET is not set: nothing is sent unsigned", false)
      const sent = JSON.stringify(body)
      const stamp = Math.floor(clock.now() / 1_000)
      const headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "codexd",
        "webhook-id": job.id,
        "webhook-timestamp": String(stamp),
        "webhook-signature": `v1,${await signatureOf(secret, `${job.id}.${stamp}.${sent}`)}`,
        "webhook-event": event,
      }
      const response = await post(url, { method: "POST", headers, body: sent, redirect: "error", signal })
      await response.body?.cancel()
      const { status } = response
      if (response.ok) return { answered: status }
      // Whoever says no will say no again; whoever is busy or broken may recover.
      throw new Undelivered(
        `the webhook answered ${status}`,
        status >= 500 || status === 429 || status === 408,
      )
    },
  })

async function post(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    init.signal?.throwIfAborted()
    throw new Undelivered("the webhook could not be reached", true, { cause: error })
  }
}

async function signatureOf(secret: string, signed: string): Promise<string> {
  const encoder = new TextEncoder()
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"])
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(signed)))
  return btoa(String.fromCharCode(...bytes))
}
