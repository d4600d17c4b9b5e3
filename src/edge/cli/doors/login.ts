// `codexd login`: prints a link that lets one browser in, once, within a minute; to a terminal only, because whoever reads
// a log could be faster than its owner.

import { type ConfigFlags, configOf } from "../config.ts"
import type { CliNeeds } from "../needs.ts"
import { askDaemon } from "./daemon.ts"
import { scopesOf } from "./token.ts"

interface Answer {
  code: string
  url: string
}

/** Throws when the output is no terminal, or no daemon runs. */
export async function login(
  needs: CliNeeds,
  { scope, ...flags }: ConfigFlags & { scope: string },
): Promise<number> {
  if (!needs.out.isTTY)
    throw new Error("a login link is for a terminal only: it would let in whoever reads this output")
  const asking = { method: "POST", target: "/login/codes", body: { scopes: scopesOf(scope) } } as const
  const { code, url } = await askDaemon<Answer>(needs, configOf(needs, flags), asking)
  needs.out.write(`${url}#${code}\n`)
  return 0
}
