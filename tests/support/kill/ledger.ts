// What the daemon acknowledged, and what was asked of it without an answer: a campaign's own books, to hold its truth against.

export interface Session {
  id: string
  life: number
}
export interface Message {
  session: string
  /** In the message's text and nowhere else. */
  token: string
  text: string
  /** The turn that was acknowledged; undefined: no answer came. */
  turnId?: string
  life: number
  /** Its `run:` directive appends the token to the counter file. */
  counts: boolean
}
export interface Answer {
  id: string
  kind: "approval" | "tool_input" | "tool_call"
  session: string
  turnId: string | null
  decision: string
  acknowledged: boolean
  life: number
}

export const createLedger = () => ({
  sessions: [] as Session[],
  messages: [] as Message[],
  answers: [] as Answer[],
  interrupts: 0,
  /** 2xx answers. */
  acknowledged: 0,
  /** Answers that were neither 2xx nor expected while the child is away: status and body. */
  refused: new Map<string, number>(),
})
export type Ledger = ReturnType<typeof createLedger>
