// Who decided, and from where.

export interface By {
  /** A person's name, or whoever decides in their place. */
  actor: string
  /** `api`, `ui`, `cli`, `deadline`, an extension. */
  source: string
}
