// What values may not stand together. Each broken rule stops the start and says what to do about it.

import type { Settings } from "./config.ts"

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "")
  return name === "localhost" || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name)
}

/** One line a broken rule; none when all is well. */
export function brokenRules(settings: Settings): string[] {
  const { host, apiAuth, agentExtensionRbacMode: mode } = settings
  const open = !isLoopback(host)
  const broken: string[] = []
  if (apiAuth === "none" && open) {
    broken.push(
      `API_AUTH: "none" would let everybody who reaches ${host} run commands; use API_AUTH=token, or HOST=127.0.0.1`,
    )
  }
  if (mode === "jwt") broken.push(...brokenKeys(settings))
  if (mode !== "header" || settings.agentExtensionAllowInsecureHeaderMode) return broken
  if (!settings.agentExtensionRbacHeaderSecret) {
    broken.push(
      "AGENT_EXTENSION_RBAC_HEADER_SECRET: is required when AGENT_EXTENSION_RBAC_MODE is header; set it",
    )
  }
  if (open) {
    broken.push(
      `AGENT_EXTENSION_RBAC_MODE: "header" is for a loopback HOST, not ${host}; use jwt, or AGENT_EXTENSION_ALLOW_INSECURE_HEADER_MODE=true`,
    )
  }
  return broken
}

/** One kind of key: a token that could be checked with either would be as good as the weaker one. */
function brokenKeys({
  agentExtensionRbacJwtSecret: secret,
  agentExtensionRbacJwksUrl: url,
}: Settings): string[] {
  if (!secret && !url) {
    return [
      "AGENT_EXTENSION_RBAC_JWT_SECRET: is required when AGENT_EXTENSION_RBAC_MODE is jwt; set it, or AGENT_EXTENSION_RBAC_JWKS_URL",
    ]
  }
  if (!url) return []
  if (secret) {
    return ["AGENT_EXTENSION_RBAC_JWKS_URL: stands beside AGENT_EXTENSION_RBAC_JWT_SECRET; set one of them"]
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const safe = parsed?.protocol === "https:" || (parsed?.protocol === "http:" && isLoopback(parsed.hostname))
  return safe
    ? []
    : ["AGENT_EXTENSION_RBAC_JWKS_URL: must be an https URL; keys from plain http could be anybody's"]
}
