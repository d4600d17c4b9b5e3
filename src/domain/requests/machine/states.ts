// The picture of a request's life (decisions 18). Whoever moves one asks this table; a move that it doesn't have is a bug.

/**
 * open ──claim──▶ claimed ──shown──▶ answered
 *   │               ├──lost──▶ indeterminate ──seen by a person──▶ dismissed
 *   │               └──unwritten, the child lives──▶ open;  it died──▶ orphaned
 *   ├──child died──▶ orphaned ──accept──▶ accepted-for-carry ──its turn is reserved──▶ carrying ──asked again──▶ claimed
 *   │                  └──decline──▶ declined                      └─────────no match─────────▶ void
 *   └──ended by a living child──▶ expired
 */
export const STATES = [
  "open",
  "claimed",
  "answered",
  "indeterminate",
  "orphaned",
  "accepted-for-carry",
  "carrying",
  "void",
  "declined",
  "expired",
  "dismissed",
] as const
export type RequestState = (typeof STATES)[number]

export const MOVES: Readonly<Record<RequestState, readonly RequestState[]>> = {
  open: ["claimed", "orphaned", "expired"],
  // It expires only where a kind that doesn't carry over loses its child before anything was written.
  claimed: ["answered", "indeterminate", "open", "orphaned", "expired"],
  orphaned: ["accepted-for-carry", "declined", "expired"],
  "accepted-for-carry": ["carrying", "void", "expired"],
  carrying: ["claimed", "void", "expired"],
  indeterminate: ["dismissed"],
  answered: [],
  void: [],
  declined: [],
  expired: [],
  dismissed: [],
}

/** Those that wait for a person: in the lists, with the status that existing clients know as pending. */
export const WAITING = ["open", "orphaned"] as const satisfies RequestState[]

/** Those that something may still become of; the index of unsettled ones is over exactly these. */
export const UNSETTLED = [
  "open",
  "claimed",
  "orphaned",
  "accepted-for-carry",
  "carrying",
  "indeterminate",
] as const satisfies RequestState[]

export const isWaiting = (state: RequestState): boolean =>
  (WAITING as readonly RequestState[]).includes(state)
