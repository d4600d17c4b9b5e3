// Whose address counts as this machine's own.

/** True for 127.0.0.0/8, ::1 and the owner's unix socket. */
export const isLoopback = (address: string): boolean =>
  address === "unix" || address === "::1" || /^(?:::ffff:)?127\./.test(address)

/** `http://127.0.0.1:3001`; an IPv6 host goes in brackets. */
export const urlOf = (host: string, port: number): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}`
