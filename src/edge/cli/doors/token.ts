// `codexd token`: prints the owner's token, alone on a line, for `Authorization: Bearer $(codexd token)`; makes, lists and
// revokes the named ones.

import { placesOf } from "../../../base/config/places.ts"
import { TOKEN_SCOPES, type TokenScope } from "../../../domain/tokens/scopes.ts"
import { type ConfigFlags, configOf } from "../config.ts"
import type { CliNeeds } from "../needs.ts"
import { askDaemon } from "./daemon.ts"

interface Shown {
  tokenId: string
  name: string
  kind: string
  scopes: string[]
  expiresAt: string | null
  lastUsedAt: string | null
}
type Flags = ConfigFlags & { json?: boolean }

const DAY_MS = 24 * 3_600_000

/** Throws when the data folder has no token yet. */
export async function token(needs: CliNeeds, flags: ConfigFlags): Promise<number> {
  const path = placesOf(configOf(needs, flags)).token
  const text = needs.files.readText(path)?.trim()
  if (!text) throw new Error(`there is no API token in ${path}; start the daemon once to make it`)
  needs.out.write(`${text}\n`)
  return 0
}

/** Prints the secret, alone on a line: it can't be shown again. */
export async function createToken(
  needs: CliNeeds,
  name: string,
  { scope, days, json = false, ...flags }: Flags & { scope: string; days?: string },
): Promise<number> {
  const body = { name, scopes: scopesOf(scope), expiresAt: untilOf(needs, days) }
  const answer = await askDaemon<{ secret: string }>(needs, configOf(needs, flags), {
    method: "POST",
    target: "/tokens",
    body,
  })
  needs.out.write(json ? `${JSON.stringify(answer, null, 2)}\n` : `${answer.secret}\n`)
  return 0
}

export async function listTokens(needs: CliNeeds, { json = false, ...flags }: Flags): Promise<number> {
  const asking = { method: "GET", target: "/tokens" } as const
  const { data } = await askDaemon<{ data: Shown[] }>(needs, configOf(needs, flags), asking)
  if (json) needs.out.write(`${JSON.stringify(data, null, 2)}\n`)
  else for (const one of data) needs.out.write(`${lineOf(one)}\n`)
  return 0
}

export async function revokeToken(needs: CliNeeds, name: string, flags: ConfigFlags): Promise<number> {
  const target = `/tokens/${encodeURIComponent(name)}`
  const asking = { method: "DELETE", target } as const
  const answer = await askDaemon<{ token: Shown }>(needs, configOf(needs, flags), asking)
  needs.out.write(`revoked ${answer.token.name}\n`)
  return 0
}

export function scopesOf(text: string): TokenScope[] {
  const names = text.split(",").map((name) => name.trim())
  return names.map((name) => {
    const scope = TOKEN_SCOPES.find((one) => one === name)
    if (!scope)
      throw new Error(`there is no scope ${JSON.stringify(name)}; there are ${TOKEN_SCOPES.join(", ")}`)
    return scope
  })
}

function untilOf({ clock }: CliNeeds, days: string | undefined): string | null {
  if (days === undefined) return null
  if (!/^[1-9]\d{0,4}$/.test(days))
    throw new Error(`--days: ${JSON.stringify(days)} is no whole number from 1`)
  return new Date(clock.now() + Number(days) * DAY_MS).toISOString()
}

const lineOf = ({ tokenId, name, kind, scopes, expiresAt, lastUsedAt }: Shown): string =>
  [
    tokenId,
    name,
    kind,
    scopes.join(","),
    lastUsedAt === null ? "never used" : `used ${lastUsedAt}`,
    ...(expiresAt === null ? [] : [`until ${expiresAt}`]),
  ].join("  ")
