// The browser's cookie. Its name is the data folder's own, because cookies don't tell ports apart: two daemons on one machine
// must not log each other's pages out.

/** 7 days. */
export const LOGIN_MS = 7 * 24 * 3_600_000

export const cookieName = (houseId: string): string =>
  `codexd_${houseId.replace(/[^a-z0-9]/gi, "").slice(-12)}`

/** The value of that cookie among all that came. */
export function cookieIn(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (const part of header.split(";")) {
    const at = part.indexOf("=")
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}

export interface Cookie {
  name: string
  value: string
  maxAgeS: number
  /** The page came over https: a proxy in front of us speaks it. */
  secure: boolean
}

/** Out of reach of scripts, and never sent along by another site. */
export const setCookie = ({ name, value, maxAgeS, secure }: Cookie): string =>
  [
    `${name}=${value}`,
    "Path=/",
    `Max-Age=${maxAgeS}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(secure ? ["Secure"] : []),
  ].join("; ")
