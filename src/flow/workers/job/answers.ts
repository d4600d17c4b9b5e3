// What is made of a worker's answer: nothing, its text as it comes, or the actions that it asks for (wire-contract §6.5).

import type { Db } from "../../../base/storage/port.ts"
import { type AtWork, type Hands, scopeOf } from "./hands.ts"
import { intentsIn, performIntents } from "./intents.ts"
import type { Rows } from "./rows.ts"

export interface AnswersNeeds {
  db: Db
  rows: Rows
  hands: Hands
  onFault(error: unknown): void
}

const LONGEST_TEXT = 12_000

export function createAnswers({ db, rows, hands, onFault }: AnswersNeeds) {
  /** Tells text as it grows, each time as much as there is by then. */
  function teller({ given, running }: AtWork) {
    let newest: string | undefined
    let telling: Promise<void> | undefined
    async function tellAll(): Promise<void> {
      while (newest !== undefined) {
        const text = cut(newest)
        newest = undefined
        await running.progress({ stage: "assistant_output", status: "streaming", text })
        if (given.expectResponse === "assistant_text")
          await db.act((tx) =>
            rows.output(tx, { job: running.job, given, content: text, status: "streaming" }),
          )
      }
      telling = undefined
    }
    return {
      heard(text: string): void {
        newest = text
        telling ??= tellAll().catch(onFault)
      },
      rest: async (): Promise<void> => telling,
    }
  }

  /** The job's result. Throws where the answer is not what was asked for. */
  async function resultOf(work: AtWork, said: string): Promise<object> {
    const { given, running, agent } = work
    const outputText = cut(said)
    const text = outputText === "" ? {} : { outputText }
    if (given.expectResponse === "none") return { status: "ok", ...text }
    if (outputText === "") throw new Error("the agent's turn ended without a text")
    await running.progress({ stage: "assistant_output", status: "complete", text: outputText })
    if (given.expectResponse === "assistant_text") return { status: "ok", ...text }
    if (!agent.hasModule) throw new Error(`no loaded extension stands for the agent ${agent.name}`)
    const intents = intentsIn(said)
    const actionResults = await performIntents({
      intents,
      given,
      scope: scopeOf(given),
      perform: ({ actionType: type, ...action }) => hands.act(work, { type, ...action }),
      performed: (index, { actionType, status }) =>
        running.progress({ stage: "action_intent", index, actionType, status }),
    })
    return { status: "ok", ...text, actionIntents: intents, actionResults }
  }

  return { teller, resultOf }
}
export type Answers = ReturnType<typeof createAnswers>

const cut = (text: string): string => {
  const whole = text.trim()
  return whole.length <= LONGEST_TEXT ? whole : `${whole.slice(0, LONGEST_TEXT)}\n[cut]`
}
