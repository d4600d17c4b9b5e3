// Whether an extension may be loaded: it fits this runtime, and what it does was declared (wire-contract §5.2, §5.6).

import type { Manifest } from "./manifest.ts"

export type TrustMode = "disabled" | "warn" | "enforced"

/** The version of the contract, and of its profile. */
export const CORE_API = 1
export const PROFILE = { id: "codexd", version: "1.0.0" } as const

export interface Compatibility {
  apiVersion: number | null
  apiVersionRange: string | null
  runtimeVersion: number
  profileId: string
  profileVersion: string
  compatible: boolean
  reasons: string[]
}

export interface Trust {
  mode: TrustMode
  status: "accepted" | "accepted_with_warnings" | "denied"
  warnings: string[]
  errors: string[]
}

/** Most manifests name no range: only those that do load what reads them. */
async function admits(range: string): Promise<boolean> {
  const { satisfies } = await import("semver")
  return satisfies(PROFILE.version, range, { includePrerelease: true })
}

/** A profile of any name will do, as packages for other runtimes of this contract name theirs. */
export async function compatibilityOf(manifest: Manifest | undefined): Promise<Compatibility> {
  const { coreApiVersion, coreApiVersionRange: range, profiles = [] } = manifest?.runtime ?? {}
  const reasons: string[] = []
  if (coreApiVersion !== undefined && coreApiVersion !== CORE_API) {
    reasons.push(`runtime.coreApiVersion is ${coreApiVersion}; this runtime has ${CORE_API}`)
  }
  if (range !== undefined && !(await admits(range))) {
    reasons.push(`runtime.coreApiVersionRange ${JSON.stringify(range)} does not admit ${CORE_API}.0.0`)
  }
  const fits = async ({ version, versionRange }: (typeof profiles)[number]) =>
    (version === undefined || version === PROFILE.version) &&
    (versionRange === undefined || (await admits(versionRange)))
  const fitting = await Promise.all(profiles.map(fits))
  if (profiles.length > 0 && !fitting.includes(true)) {
    reasons.push(`none of runtime.profiles admits version ${PROFILE.version}`)
  }
  return {
    apiVersion: coreApiVersion ?? null,
    apiVersionRange: range ?? null,
    runtimeVersion: CORE_API,
    profileId: PROFILE.id,
    profileVersion: PROFILE.version,
    compatible: reasons.length === 0,
    reasons,
  }
}

export type Declared = NonNullable<Manifest["capabilities"]> | undefined

/** True where nothing but what was declared counts, and this wasn't. */
export const isDeclared = (declared: string[] | undefined, name: string): boolean =>
  declared?.some((one) => one === "*" || one === name) ?? false

export function trustOf(mode: TrustMode, declared: Declared, events: readonly string[]): Trust {
  const complaints: string[] = []
  if (mode !== "disabled" && declared === undefined) complaints.push("it declares no capabilities")
  else if (mode !== "disabled") {
    for (const event of new Set(events)) {
      if (!isDeclared(declared?.events, event))
        complaints.push(`it hears ${event}, which it does not declare`)
    }
  }
  if (complaints.length === 0) return { mode, status: "accepted", warnings: [], errors: [] }
  return mode === "enforced"
    ? { mode, status: "denied", warnings: [], errors: complaints }
    : { mode, status: "accepted_with_warnings", warnings: complaints, errors: [] }
}
