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
  if (mode === "jwt" && !settings.agentExtensionRbacJwtSecret) {
    broken.push("AGENT_EXTENSION_RBAC_JWT_SECRET: is required when AGENT_EXTENSION_RBAC_MODE is jwt; set it")
  }
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
