// A new generation of everything that is found, and what of it could not be loaded. Nothing of the running one is touched.

import type { Logger } from "../../base/observe/logger.ts"
import type { Found, NotFound } from "./found/find.ts"
import { compatibilityOf, type TrustMode, trustOf } from "./found/judge.ts"
import type { Generation } from "./run/generation.ts"
import { identityOf, type LoadError, type LoadedModule } from "./snapshot.ts"

export interface LoadNeeds {
  found: readonly (Found | NotFound)[]
  trustMode: TrustMode
  generation: Generation
  log: Logger
}

/** In load order. The generation holds exactly the modules that are answered. */
export async function loadAll({ found, trustMode, generation, log }: LoadNeeds) {
  const errors: LoadError[] = []
  const fail = (extension: string, code: string, message: string) =>
    void errors.push({ extension, code, message })
  const tried = await Promise.all(found.map((one) => ("code" in one ? one : load(one))))

  async function load(one: Found): Promise<LoadedModule | NotLoaded> {
    const { moduleName, manifest } = one
    const compatibility = await compatibilityOf(manifest)
    if (!compatibility.compatible) {
      return { moduleName, code: "incompatible_runtime", message: compatibility.reasons.join("; ") }
    }
    const loaded = await generation.load(one)
    if ("code" in loaded) return { moduleName, ...loaded }
    const capabilities = manifest?.capabilities
    const trust = trustOf(
      trustMode,
      capabilities,
      loaded.map(({ type }) => type),
    )
    if (trust.status === "denied") {
      generation.unload(moduleName)
      return { moduleName, code: "trust_denied", message: trust.errors.join("; ") }
    }
    for (const warning of trust.warnings)
      log.warn("an extension is not as declared", { extension: moduleName, warning })
    const subscriptions = loaded.map((handler, index) => ({ moduleName, capabilities, index, ...handler }))
    return { found: one, compatibility, trust, subscriptions }
  }

  const agents = new Map<string, string>()
  const modules = tried.flatMap((one) => {
    if ("code" in one) {
      fail(one.moduleName, one.code, one.message)
      return []
    }
    const { moduleName } = one.found
    const { agentId } = identityOf(one.found)
    const taken = agents.get(agentId)
    if (taken !== undefined) {
      generation.unload(moduleName)
      fail(moduleName, "agent_id_conflict", `agentId ${JSON.stringify(agentId)} is ${taken}'s already`)
      return []
    }
    agents.set(agentId, moduleName)
    return [one]
  })
  return { modules, errors }
}

interface NotLoaded {
  moduleName: string
  code: string
  message: string
}
