// Who asks, and whether they may: a token (Authorization, x-api-token), a browser's cookie, or the owner's unix socket, held
// against the route's scope in routes/scopes.ts. A route without a line there is for admin: what was forgotten stays shut.

import type { Context, MiddlewareHandler } from "hono"
import { Fault } from "../../../base/fault.ts"
import { covers, type TokenScope } from "../../../domain/tokens/scopes.ts"
import type { Tokens } from "../../../domain/tokens/tokens.ts"
import type { Pass } from "../../stream/pass.ts"
import type { HttpEnv } from "../env.ts"
import type { Scope } from "../routes/scopes.ts"
import { cookieIn } from "./cookie.ts"
import type { Slowing } from "./slow.ts"

export interface AdmissionNeeds {
  /** Undefined: everybody may do everything (API_AUTH=none, loopback only). */
  tokens: Pick<Tokens, "find" | "whileHeld"> | undefined
  slowing: Slowing | undefined
  cookie: string
  scopeOf(route: string): Scope | undefined
}

export interface Who {
  /** Of the token; for people and the audit. */
  name: string
  scopes: readonly TokenScope[]
  /** Null where there is none: everybody, and the owner's socket. */
  tokenId: string | null
  /** `role`: a role token of the extension routes. */
  via: "nothing" | "socket" | "token" | "cookie" | "role"
}

const ANYBODY: Who = { name: "anybody", scopes: ["admin"], tokenId: null, via: "nothing" }
/** decisions 31: what runs as the same user reaches the socket too, so it can't say yes. */
const SOCKET: Who = { name: "socket", scopes: ["read", "operate"], tokenId: null, via: "socket" }

type Asked = Context<HttpEnv>
interface Given {
  secret: string | undefined
  via: "token" | "cookie"
}

export function createAdmission({ tokens, slowing, cookie, scopeOf }: AdmissionNeeds) {
  /** Undefined where nothing was brought along; a wrong token throws `unauthorized`, later and later. */
  async function whoIs(c: Asked): Promise<Who | undefined> {
    if (!tokens) return ANYBODY
    const known = c.get("who")
    if (known) return known
    const given = givenBy(c, cookie)
    if (!given) return c.env.peer.address === "unix" ? SOCKET : undefined
    const token = given.secret === undefined ? undefined : tokens.find(given.secret)
    if (!token) {
      await slowing?.refused(c.env.peer.address)
      throw unauthorized()
    }
    if (given.via === "cookie") mustBeOwnPage(c)
    return { name: token.name, scopes: token.scopes, tokenId: token.id, via: given.via }
  }

  /** Lets in who may use this route, as `who`. Throws `unauthorized` and `insufficient_scope`. */
  async function enter(c: Asked): Promise<void> {
    const matched = c.get("route")
    // What isn't there is said only to those who may know.
    const scope = matched ? (scopeOf(`${matched.method} ${matched.path}`) ?? "admin") : "read"
    if (scope === "open" || scope === "signed") return
    const who = await whoIs(c)
    if (!who) throw unauthorized()
    c.set("who", who)
    if (covers(who.scopes, scope)) return
    const details = { required: scope, scopes: who.scopes }
    const hint = who.via === "socket" ? "; send the token" : ""
    throw new Fault("insufficient_scope", `this needs the scope ${scope}${hint}`, details)
  }

  const guard: MiddlewareHandler<HttpEnv> = async (c, next) => {
    await enter(c)
    return next()
  }

  return {
    guard,
    enter,
    /** True for whoever may read. A wrong token is a stranger here, as late as elsewhere. */
    async mayRead(c: Asked): Promise<boolean> {
      const who = await whoIs(c).catch(() => undefined)
      if (who) c.set("who", who)
      return who !== undefined
    },
    passOf(c: Asked): Pass | undefined {
      const id = c.get("who")?.tokenId
      return tokens && id ? { whileHeld: (close) => tokens.whileHeld(id, close) } : undefined
    },
  }
}
export type Admission = ReturnType<typeof createAdmission>

const unauthorized = (): Fault =>
  new Fault(
    "unauthorized",
    "the API token is missing or wrong: `codexd token` prints it, `codexd login` lets a browser in",
  )

/** What is said aloud wins over the cookie. `x-api-token` is for requests whose Authorization is a role token (decisions 32). */
function givenBy(c: Asked, cookie: string): Given | undefined {
  const named = c.req.header("x-api-token")
  if (named !== undefined) return { secret: named, via: "token" }
  const header = c.req.header("authorization")
  if (header !== undefined) return { secret: /^Bearer +(\S+) *$/i.exec(header)?.[1], via: "token" }
  const secret = cookieIn(c.req.header("cookie"), cookie)
  return secret === undefined ? undefined : { secret, via: "cookie" }
}

/**
 * A browser sends its cookie by itself, so with one it must be clear which page asks. Host and Origin were checked; here it
 * must be there where something may change or a socket opens. Reading needs none: browsers send none to a page's own origin.
 */
function mustBeOwnPage(c: Asked): void {
  if (c.req.header("origin") !== undefined) return
  const site = c.req.header("sec-fetch-site")
  const reads = (c.req.method === "GET" || c.req.method === "HEAD") && !c.req.header("upgrade")
  if (reads && (site === undefined || site === "same-origin" || site === "none")) return
  throw new Fault("forbidden_origin", "a cookie counts only with the Origin of an allowed page")
}
