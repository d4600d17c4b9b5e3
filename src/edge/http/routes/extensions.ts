// Extensions: what is loaded, and loading it anew (wire-contract §1.12). Every attempt to reload is in the audit before it is
// answered, also one that was refused to somebody with a name: strangers are in the log, and can't fill a table.

import { type Context, Hono } from "hono"
import { Fault, isFault } from "../../../base/fault.ts"
import { newId } from "../../../base/kit/ids.ts"
import type { Reloaded } from "../../../engine/host/host.ts"
import { recordOf, refusalOf } from "../../../flow/extensions/audit.ts"
import type { Who } from "../doors/admit.ts"
import type { Slowing } from "../doors/slow.ts"
import type { HttpEnv } from "../env.ts"
import { type Actor, allow, ROLES } from "../rbac.ts"
import { json } from "../reply.ts"
import type { RouteNeeds } from "./needs.ts"

const MAY_RELOAD = ["admin", "owner", "system"] as const

/** What was tried and didn't fit, as with wrong API tokens. */
const GUESSED = new Set<unknown>(["invalid_bearer_token", "invalid_header_token"])

export interface ExtensionRouteNeeds extends Pick<RouteNeeds, "extensions" | "rbac"> {
  enter(c: Context<HttpEnv>): Promise<void>
  slowing: Slowing | undefined
}

/** Mounted before the API token is asked for: a role token may stand in its place. */
export const extensionRoutes = ({ extensions, rbac, enter: admit, slowing }: ExtensionRouteNeeds) => {
  const enter = async (c: Context<HttpEnv>): Promise<Actor> => {
    if (!rbac.admits) await admit(c)
    try {
      const actor = await rbac.whoIs(c)
      if (rbac.admits) c.set("who", holderOf(actor))
      return actor
    } catch (error) {
      if (isFault(error) && GUESSED.has(error.details.code)) await slowing?.refused(c.env.peer.address)
      throw error
    }
  }
  return new Hono<HttpEnv>()
    .get("/agents/extensions", async (c) => {
      allow(await enter(c), ROLES)
      return json({ status: "ok", ...extensions.inventory() })
    })
    .post("/agents/extensions/reload", async (c) => {
      const actor = await reloader({ enter, extensions, rbac }, c)
      const outcome = await extensions.reload()
      await extensions.audit.record(recordOf(attemptOf({ extensions, c, actor }), outcome))
      return answer(outcome)
    })
}

type Needs = Pick<RouteNeeds, "extensions">

/** A role token stands in an API token's place: for the log and the audit, it has a name. */
const holderOf = ({ role, id }: Actor): Who => ({
  name: `role:${id ?? role}`,
  scopes: [],
  tokenId: null,
  via: "role",
})

/** Neither an API token nor a role token says who it was. */
const isStranger = (code: string, { admits }: RouteNeeds["rbac"]): boolean =>
  code === "unauthorized" || (admits && code === "rbac_unauthorized")

async function reloader(
  {
    enter,
    extensions,
    rbac,
  }: Needs & Pick<RouteNeeds, "rbac"> & { enter(c: Context<HttpEnv>): Promise<Actor> },
  c: Context<HttpEnv>,
): Promise<Actor> {
  let actor: Actor | undefined
  try {
    actor = await enter(c)
    allow(actor, MAY_RELOAD)
    return actor
  } catch (error) {
    const { code, details, message } = isFault(error) ? error : new Fault("internal_error", "a bug")
    if (isStranger(code, rbac)) throw error
    const refused = {
      reloadId: newId(),
      before: extensions.version(),
      why: `${details.code ?? code}: ${message}`,
    }
    await extensions.audit.record(refusalOf(attemptOf({ extensions, c, actor }), refused))
    throw error
  }
}

const attemptOf = ({ extensions, c, actor }: Needs & { c: Context<HttpEnv>; actor: Actor | undefined }) => ({
  actor,
  trustMode: extensions.trustMode,
  origin: {
    ip: c.env.peer.address,
    userAgent: c.req.header("user-agent")?.slice(0, 500) ?? null,
  },
})

function answer(outcome: Reloaded): Response {
  const { reloadId, before } = outcome
  const old = { reloadId, snapshotVersion: before }
  if (outcome.result === "busy")
    throw new Fault("reload_in_progress", "extensions are being reloaded", { ...old, errors: [] })
  if (outcome.result === "failed") {
    const { errors } = outcome
    const message = errors.map(({ extension, message }) => `${extension}: ${message}`).join("; ")
    throw new Fault("reload_failed", message || "the daemon is stopping", { ...old, errors })
  }
  const { snapshot, rows } = outcome
  return json({
    status: "ok",
    reloadId,
    loadedCount: rows.length,
    failedCount: 0,
    snapshotVersion: snapshot.version,
    loadedAt: snapshot.loadedAt,
    modules: rows,
  })
}
