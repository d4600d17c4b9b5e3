// Who may look at the extensions and reload them: roles, proved as AGENT_EXTENSION_RBAC_MODE says (wire-contract §1.12). They
// have no meaning on any other route. In `jwt` mode a valid token is admission and role at once (decisions 32).

import type { Context } from "hono"
import type { JWTPayload } from "jose"
import type { Config } from "../../base/config/config.ts"
import { Fault } from "../../base/fault.ts"
import { lazily } from "../../base/kit/lazily.ts"
import { sameText } from "../../base/kit/same-text.ts"
import type { HttpEnv } from "./env.ts"

export const ROLES = ["member", "admin", "owner", "system"] as const
export type Role = (typeof ROLES)[number]

export interface Actor {
  role: Role
  id: string | null
}

export type RbacNeeds = Pick<
  Config,
  | "agentExtensionRbacMode"
  | "agentExtensionRbacHeaderSecret"
  | "agentExtensionRbacJwtSecret"
  | "agentExtensionRbacJwksUrl"
  | "agentExtensionRbacJwtIssuer"
  | "agentExtensionRbacJwtAudience"
  | "agentExtensionRbacJwtRoleClaim"
  | "agentExtensionRbacJwtActorClaim"
>

export interface Rbac {
  /** Whose request it is. Throws `rbac_unauthorized`, `rbac_forbidden`, `invalid_role` or `rbac_misconfigured`. */
  whoIs(c: Context<HttpEnv>): Promise<Actor>
  /** True when whoever passes `whoIs` needs no API token. */
  admits: boolean
}

type Asked = Context<HttpEnv>
/** Clocks of issuers are a little off. */
const SKEW_S = 5

export function createRbac(needs: RbacNeeds): Rbac {
  const mode = needs.agentExtensionRbacMode
  const verify = mode === "jwt" ? createVerifier(needs) : undefined
  return {
    admits: mode === "jwt",
    async whoIs(c) {
      if (verify) return byToken(needs, await verify(bearerOf(c)))
      return mode === "header" ? byHeaders(needs, c) : byPlace(c)
    },
  }
}

export function allow({ role }: Actor, required: readonly Role[]): void {
  if (required.includes(role)) return
  const details = { code: "insufficient_role", required: [...required], role }
  throw new Fault("rbac_forbidden", `the role ${role} may not do this`, details)
}

const unauthorized = (code: string, message: string): Fault =>
  new Fault("rbac_unauthorized", message, { code })

/** Whoever is on this machine. What a proxy passes on comes from elsewhere. */
function byPlace(c: Asked): Actor {
  const passedOn = c.req.header("x-forwarded-for") ?? c.req.header("forwarded")
  if (c.env.peer.loopback && passedOn === undefined) return { role: "admin", id: "local-disabled-rbac" }
  const message = "without AGENT_EXTENSION_RBAC_MODE only this machine may use this route"
  throw new Fault("rbac_forbidden", message, { code: "rbac_disabled_remote_forbidden" })
}

/** Both spellings: the server's own and the Python SDK's. */
function byHeaders({ agentExtensionRbacHeaderSecret: secret }: RbacNeeds, c: Asked): Actor {
  if (secret) {
    const given = c.req.header("x-codex-rbac-token")
    if (!given) throw unauthorized("missing_header_token", "x-codex-rbac-token is missing")
    if (!sameText(given, secret)) throw unauthorized("invalid_header_token", "x-codex-rbac-token is wrong")
  }
  const role = c.req.header("x-codex-role") ?? c.req.header("x-codex-rbac-role")
  if (!role?.trim()) throw unauthorized("missing_role", "x-codex-role is missing")
  const known = roleOf(role)
  if (!known) throw new Fault("invalid_role", `there is no role ${JSON.stringify(role.slice(0, 100))}`)
  return { role: known, id: c.req.header("x-codex-actor") ?? c.req.header("x-codex-rbac-actor") ?? null }
}

const roleOf = (value: unknown): Role | undefined =>
  typeof value === "string" ? ROLES.find((role) => role === value.trim().toLowerCase()) : undefined

function bearerOf(c: Asked): string {
  const header = c.req.header("authorization")
  if (!header?.trim()) throw unauthorized("missing_bearer_token", "Authorization: Bearer is missing")
  const token = /^Bearer +(\S+) *$/i.exec(header)?.[1]
  if (token === undefined)
    throw unauthorized("invalid_authorization_header", "Authorization must be Bearer and one token")
  return token
}

/** HS256 with the shared key, or RS256 with the keys of the URL; what the token says about its algorithm never decides. */
function createVerifier(needs: RbacNeeds): (token: string) => Promise<JWTPayload> {
  const secret = needs.agentExtensionRbacJwtSecret
  const url = needs.agentExtensionRbacJwksUrl
  const issuer = needs.agentExtensionRbacJwtIssuer
  const audience = needs.agentExtensionRbacJwtAudience
  const claims = { clockTolerance: SKEW_S, ...(issuer && { issuer }), ...(audience && { audience }) }
  const key = secret ? new TextEncoder().encode(secret) : undefined
  // Loaded by those who use it alone.
  const loaded = lazily(async () => {
    const jose = await import("jose")
    return { ...jose, keys: url ? jose.createRemoteJWKSet(new URL(url)) : undefined }
  })
  return async (token) => {
    const { jwtVerify, keys, errors } = await loaded()
    try {
      if (key) return (await jwtVerify(token, key, { ...claims, algorithms: ["HS256"] })).payload
      if (keys) return (await jwtVerify(token, keys, { ...claims, algorithms: ["RS256"] })).payload
    } catch (error) {
      if (isTokensFault(error, errors))
        throw unauthorized("invalid_bearer_token", "the role token does not hold")
      throw new Fault("rbac_misconfigured", "role tokens can't be checked", {}, { cause: error })
    }
    throw new Fault("rbac_misconfigured", "there is no key to check role tokens with")
  }
}

/** Everything that is wrong with a token, but not what is wrong with fetching keys. */
const isTokensFault = (error: unknown, errors: typeof import("jose").errors): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) &&
  error.code !== "ERR_JOSE_GENERIC"

function byToken(needs: RbacNeeds, payload: JWTPayload): Actor {
  const role = roleOf(payload[needs.agentExtensionRbacJwtRoleClaim])
  if (!role) throw new Fault("rbac_forbidden", "the token names no role", { code: "invalid_role_claim" })
  const actor = payload[needs.agentExtensionRbacJwtActorClaim]
  return { role, id: typeof actor === "string" ? actor : null }
}
