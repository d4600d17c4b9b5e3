// The gates of session routes, letter by letter in the contract's order (wire-contract §0.4).

import { createMiddleware } from "hono/factory"
import { Fault } from "../../base/fault.ts"
import type { Session } from "../../domain/sessions/session.ts"
import type { HttpEnv, SessionEnv } from "./env.ts"
import { described } from "./openapi/described.ts"

export type Letter = "P" | "G" | "S" | "X"

export interface GateNeeds {
  find(id: string): Promise<Session | undefined>
  known(id: string): Session | undefined
  /** Why it can't be had any more, for a session that was deleted here. */
  deleted(id: string): Fault | undefined
}

/** Characters of an id in a path; a longer one is nobody's. */
export const LONGEST_ID = 240

/** Gates of a session's route, in the order of the letters; B and Q are `body` and `query` behind them. */
export const createGate =
  ({ find, known, deleted }: GateNeeds) =>
  (letters: string) => {
    const guard = createMiddleware<SessionEnv>(async (c, next) => {
      const id = c.req.param("sessionId") ?? ""
      for (const letter of letters as Iterable<Letter>) {
        switch (letter) {
          case "P":
            if (id.trim() === "" || id.length > LONGEST_ID) throw invalidParam("sessionId")
            c.set("sessionId", id)
            break
          case "G": {
            const fault = deleted(id)
            if (fault) throw fault
            break
          }
          case "S":
            if (known(id)?.systemOwned) {
              throw new Fault("system_session", "this session belongs to the system", { sessionId: id })
            }
            break
          case "X": {
            const session = await find(id)
            // It may have been deleted while the child was asked.
            if (!session)
              throw deleted(id) ?? new Fault("session_not_found", "no such session", { sessionId: id })
            c.set("session", session)
            break
          }
        }
      }
      await next()
      // What was done for a session that went meanwhile is gone with it: nobody is told that it stands.
      const gone = letters.includes("G") && c.req.method !== "DELETE" ? deleted(id) : undefined
      if (gone) throw gone
    })
    return described(guard, { gates: letters })
  }
export type Gate = ReturnType<typeof createGate>

/** Gate P for an id that is no session's: blank or overlong ones are 400 before anything is looked up. */
export function idParam(name: string) {
  const guard = createMiddleware<HttpEnv>(async (c, next) => {
    const id = c.req.param(name) ?? ""
    if (id.trim() === "" || id.length > LONGEST_ID) throw invalidParam(name)
    return next()
  })
  return described(guard, { param: name })
}

export const invalidParam = (name: string): Fault =>
  new Fault("invalid_request", `${name}: must not be empty or too long`, {
    issues: [{ code: "custom", path: [name], message: "must not be empty or too long" }],
  })

/** Of an imported session everything can be read, and it can be put into a project and deleted: nothing else is done in it. */
export const onlyRead = ({ transfer }: { transfer?: { refusal(id: string): Fault | undefined } }) =>
  createMiddleware<HttpEnv>(async (c, next) => {
    const [, , , id, what] = c.req.path.split("/")
    const reads = c.req.method === "GET" || c.req.method === "HEAD"
    if (reads || what === undefined || what === "project" || id === undefined) return next()
    const fault = transfer?.refusal(decoded(id))
    if (fault) throw fault
    return next()
  })

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
