// A browser's way in: a one-time code from the owner's terminal becomes a cookie. Each login is a token of its own, listed and
// revoked like the others.

import { Hono } from "hono"
import { z } from "zod"
import { Fault } from "../../../base/fault.ts"
import { type Clock, iso } from "../../../base/kit/clock.ts"
import { newId } from "../../../base/kit/ids.ts"
import { lazily } from "../../../base/kit/lazily.ts"
import { TOKEN_SCOPES } from "../../../domain/tokens/scopes.ts"
import { LOGIN_MS, setCookie } from "../doors/cookie.ts"
import type { Door } from "../doors/door.ts"
import { loginPage } from "../doors/page.ts"
import type { HttpEnv } from "../env.ts"
import { json } from "../reply.ts"
import { body } from "../valid.ts"
import { text } from "./schemas.ts"

const wish = lazily(() => z.object({ scopes: z.array(z.enum(TOKEN_SCOPES)).min(1).max(20).optional() }))
const code = lazily(() => z.object({ code: text(200) }))

export interface LoginNeeds {
  door: Door
  clock: Clock
}

export const loginPages = () => new Hono<HttpEnv>().get("/login", loginPage)

export const loginRoutes = ({ door, clock }: LoginNeeds) =>
  new Hono<HttpEnv>()
    .post("/login/codes", body(wish), (c) => {
      const { code, expiresAt } = door.codes.make(c.req.valid("json").scopes ?? ["admin"])
      return json({ status: "ok", code, url: door.loginUrl(), expiresAt: iso(expiresAt) })
    })
    .post("/login", body(code), async (c) => {
      const scopes = door.codes.take(c.req.valid("json").code)
      if (!scopes) {
        await door.slowing.refused(c.env.peer.address)
        throw new Fault(
          "unauthorized",
          "this code was used before or is too old; `codexd login` prints another",
        )
      }
      const expiresAt = clock.now() + LOGIN_MS
      const name = `browser ${iso(clock.now()).slice(0, 16)} ${newId().slice(-6)}`
      const { secret } = await door.tokens.make({ name, scopes, expiresAt, kind: "browser" })
      const answer = json({ status: "ok", expiresAt: iso(expiresAt) })
      const secure = c.req.header("origin")?.startsWith("https:") ?? false
      const cookie = { name: door.cookie, value: secret, maxAgeS: LOGIN_MS / 1_000, secure }
      answer.headers.set("set-cookie", setCookie(cookie))
      return answer
    })
    .post("/logout", async (c) => {
      const who = c.get("who")
      // A token that was sent aloud is nobody's login.
      if (who?.via === "cookie" && who.tokenId !== null) await door.tokens.revoke(who.tokenId)
      const answer = json({ status: "ok" })
      const gone = { name: door.cookie, value: "", maxAgeS: 0, secure: false }
      answer.headers.set("set-cookie", setCookie(gone))
      return answer
    })
