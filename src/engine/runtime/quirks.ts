// What differs between binaries, in one table (decisions 43): keyed by the binary's own method list or by what was seen
// of it, never by a version. Everywhere else code asks for a quirk by its name.

export interface QuirkFacts {
  /** Of the method list; `undefined` when it isn't known. */
  has(method: string): boolean | undefined
  /** What the handshake showed. */
  observed: { experimental: boolean }
}

/** One row a quirk. Where the list isn't known the newest binary is assumed: calling what is missing is a clean refusal. */
const TABLE = {
  /** `thread/revert {beforeTurnId}` takes turns back. */
  revert: ({ has }) => has("thread/revert") ?? true,
  /** `thread/rollback {numTurns}` does: the older way, gone since. */
  rollback: ({ has }) => has("thread/rollback") ?? false,
  /** `thread/delete` exists; without it files are removed by us. */
  deletesThreads: ({ has }) => has("thread/delete") ?? true,
  /** History is read by pages; `includeTurns` is deprecated where this is so. */
  listsTurns: ({ has }) => has("thread/turns/list") ?? true,
  listsItems: ({ has }) => has("thread/items/list") ?? true,
  /**
   * Policy, sandbox and model are forgotten by `thread/resume` without overrides, and a kill leaves its turn
   * `inProgress` or drops its command items. All were seen to go when `thread/delete` came.
   */
  resumeForgetsPolicy: ({ has }) => has("thread/delete") === false,
  /** Approval policy `on-failure` is still taken; retired since. */
  onFailurePolicy: ({ has }) => has("thread/delete") === false,
  /** A structured approval policy is spelled `reject{…}`; `granular{…}` since `thread/turns/list`. */
  rejectPolicy: ({ has }) => has("thread/turns/list") === false,
  /** Item ids of history are made up (`item-N`) and command items are missing: the live notifications are the truth. */
  syntheticHistory: ({ has }) => has("thread/rollback") ?? false,
  /** The child says itself that a request is settled (`serverRequest/resolved`). */
  tellsResolved: ({ has }) => has("thread/turns/list") ?? true,
  /**
   * A message's `clientUserMessageId` is told back in its item, live and in history, also after a kill (tried on 0.150, 0.169).
   * Not assumed of an unknown binary: a message that isn't found is sent again.
   */
  tellsClientIds: ({ has }) => has("thread/items/list") ?? false,
  /** A loaded thread's policy, sandbox and model can be changed between turns. */
  updatesSettings: ({ has }) => has("thread/settings/update") ?? true,
  /** A part of a configuration's key may be quoted; before, a dot inside quotes made another key without a word (tried). */
  quotesKeys: ({ has }) => has("thread/delete") ?? true,
  /** The experimental API was refused: no dynamic tools, no raw events. */
  stableOnly: ({ observed }) => !observed.experimental,
} as const satisfies Record<string, (facts: QuirkFacts) => boolean>

export type Quirks = { readonly [Name in keyof typeof TABLE]: boolean }

export function quirksOf(facts: QuirkFacts): Quirks {
  const rows = Object.entries(TABLE).map(([name, row]) => [name, row(facts)])
  return Object.fromEntries(rows) as Quirks
}
