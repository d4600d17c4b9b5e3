// Turns of a session: send, interrupt, steer, fork, compact, roll back, review, clean (wire-contract §1.6).

import { type Context, Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import type { Reader } from "../../../base/storage/port.ts"
import type { ApprovalPolicy } from "../../../domain/controls/tuple.ts"
import type { Sent } from "../../../domain/turns/messages/message.ts"
import type { SessionEnv } from "../env.ts"
import { invalidParam } from "../guards.ts"
import { once } from "../once.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import type { RouteNeeds } from "./needs.ts"
import { policySent } from "./policy-sent.ts"
import { dynamicTools, effort, overrides, text } from "./schemas.ts"

const message = lazily(() =>
  z.object({
    text: text(),
    effort: effort().optional(),
    whenBusy: z.enum(["steer", "queue", "reject"]).optional(),
    dynamicTools: dynamicTools(),
    ...overrides(),
  }),
)
const interrupt = lazily(() => z.object({ turnId: text(240).optional() }))
const steer = lazily(() => z.object({ input: text() }))
const rollback = lazily(() => z.object({ numTurns: z.number().int().min(1).default(1) }))
const review = lazily(() =>
  z.object({
    delivery: z.enum(["inline", "detached"]).default("inline"),
    targetType: z.enum(["uncommittedChanges", "baseBranch", "commit", "custom"]).default("custom"),
    branch: text(1_000).optional(),
    sha: text(200).optional(),
    title: text(300).optional(),
    instructions: text().optional(),
  }),
)

/** Who asks, as the author of what comes of it; undefined where anybody may. */
const authorOf = (c: Context<SessionEnv>): string | undefined => {
  const who = c.get("who")
  return who && who.via !== "nothing" ? `client:${who.name}` : undefined
}

const REVIEW_REQUEST = "Review the current changes."

function targetOf({ targetType, branch, sha, title, instructions }: z.infer<ReturnType<typeof review>>) {
  switch (targetType) {
    case "uncommittedChanges":
      return { type: targetType }
    case "baseBranch":
      return { type: targetType, branch: branch ?? "main" }
    case "commit":
      return { type: targetType, sha: sha ?? "", title: title ?? null }
    case "custom":
      return { type: targetType, instructions: instructions ?? REVIEW_REQUEST }
  }
}

export const turnRoutes = ({ rooms, reconcile, gate, keys }: RouteNeeds) => {
  const { turns } = rooms
  /** `asked` is the message's own policy, which a queued one keeps to itself. */
  const accepted = (sessionId: string, sent: Sent, asked?: ApprovalPolicy, reader?: Reader) => ({
    status: "accepted",
    sessionId,
    ...sent,
    ...policySent(rooms, asked ?? rooms.controls.of(sessionId, reader).approvalPolicy),
  })
  /** What is to be done to its turns needs the session as the child's history has it. `not_found` for one that nobody knows. */
  async function known(sessionId: string, method: string): Promise<string> {
    const session = await reconcile.find(sessionId)
    if (!session) throw new Fault("not_found", `no such session: ${sessionId}`, { method, sessionId })
    await reconcile.history(session)
    return sessionId
  }

  return new Hono<SessionEnv>()
    .post("/:sessionId/messages", gate("PGSX"), body(message), async (c) => {
      const sessionId = c.get("sessionId")
      const given = c.req.valid("json")
      const answer = await once<ReturnType<typeof accepted>>(c, keys, {
        scope: `messages/${sessionId}`,
        body: given,
        tracked: turns.tracks,
        async recover({ id: clientId, tracked }) {
          const sent = await turns.recover(sessionId, { clientId, tracked })
          return sent && accepted(sessionId, sent, given.approvalPolicy)
        },
        async run(claim) {
          const done =
            claim &&
            ((tx: Parameters<typeof claim.done>[0], sent: Sent) =>
              claim.done(tx, accepted(sessionId, sent, given.approvalPolicy, tx)))
          const sent = await turns.send(sessionId, given, { clientId: claim?.id, done })
          return accepted(sessionId, sent, given.approvalPolicy)
        },
      })
      return json(answer, 202)
    })
    .post("/:sessionId/interrupt", gate("PGS"), body(interrupt), async (c) => {
      const sessionId = c.get("sessionId")
      const { turnId } = await turns.interrupt(sessionId, c.req.valid("json").turnId)
      return json({ status: "ok", sessionId, turnId })
    })
    .post("/:sessionId/turns/:turnId/steer", gate("PGS"), body(steer), async (c) => {
      const sessionId = c.get("sessionId")
      const turnId = c.req.param("turnId")
      if (turnId.trim() === "" || turnId.length > 240) throw invalidParam("turnId")
      await turns.steer(sessionId, turnId, c.req.valid("json").input)
      const result = {
        actionType: "turn.steer",
        status: "performed",
        details: { threadId: sessionId, turnId },
      }
      return json({ status: "ok", sessionId, turnId, result })
    })
    .post("/:sessionId/fork", gate("PGS"), async (c) => {
      const sessionId = await known(c.get("sessionId"), "thread/fork")
      return json({ status: "ok", sourceSessionId: sessionId, ...(await turns.fork(sessionId, authorOf(c))) })
    })
    .post("/:sessionId/compact", gate("PGS"), async (c) => {
      const sessionId = await known(c.get("sessionId"), "thread/compact/start")
      return json({ status: "ok", sessionId, ...(await turns.compact(sessionId, authorOf(c))) })
    })
    .post("/:sessionId/rollback", gate("PGS"), body(rollback), async (c) => {
      const sessionId = await known(c.get("sessionId"), "thread/rollback")
      const { numTurns } = c.req.valid("json")
      const taken = await turns.rollback(sessionId, numTurns, authorOf(c))
      return json({ status: "ok", sessionId, numTurns, ...taken })
    })
    .post("/:sessionId/background-terminals/clean", gate("PGS"), async (c) => {
      const sessionId = await known(c.get("sessionId"), "thread/backgroundTerminals/clean")
      return json({ status: "ok", sessionId, result: await turns.cleanTerminals(sessionId) })
    })
    .post("/:sessionId/review", gate("PGS"), body(review), async (c) => {
      const sessionId = await known(c.get("sessionId"), "review/start")
      const asked = c.req.valid("json")
      const { delivery } = asked
      const started = await turns.review(sessionId, { delivery, target: targetOf(asked), by: authorOf(c) })
      return json({ status: "ok", sessionId, ...started })
    })
}
