// What a token is good for. `admin` holds everything, and every scope holds `read`; `operate` and `approve` stand side by
// side: a phone that may say yes needn't be able to start work, and a script that starts work can't say yes to itself.

export const TOKEN_SCOPES = ["read", "operate", "approve", "admin"] as const
export type TokenScope = (typeof TOKEN_SCOPES)[number]

/** True when one of `held` is enough for what is `required`. */
export const covers = (held: readonly TokenScope[], required: TokenScope): boolean =>
  held.includes("admin") || held.includes(required) || (required === "read" && held.length > 0)

/** Each once, in the order of the table. */
export const tidyScopes = (scopes: readonly TokenScope[]): TokenScope[] =>
  TOKEN_SCOPES.filter((scope) => scopes.includes(scope))
