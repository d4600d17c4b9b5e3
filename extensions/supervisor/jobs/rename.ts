// The first message of a session that nobody has named: it gets a title, while it still has the default one.

import type { AppServerSignal, JobInput } from "../../../src/engine/host/contract.ts"
import { effect, quoted } from "./instruction.ts"
import { jobOf, placeLine } from "./job.ts"

const KIND = "session_initial_rename"
const DEFAULT_TITLE = "new chat"
const MOST_CHARS = 8_000

/** Undefined for anything but a message of a user in a session without a title. */
export function renameJob({ params, context, session }: AppServerSignal): JobInput | undefined {
  const { item, turnId: own } = (params ?? {}) as { item?: Item; turnId?: string }
  if (!session || item?.type !== "userMessage" || !isUntitled(session.title)) return undefined
  const text = textOf(item)
  if (text === "") return undefined
  const { id: sessionId, projectId } = session
  const place = {
    projectId: projectId ?? `session:${sessionId}`,
    sessionId,
    turnId: context.turnId ?? own ?? "first-message",
  }
  return jobOf({
    jobKind: KIND,
    ...place,
    dedupeKey: `${KIND}:${sessionId}`,
    paragraphs: [
      "Name a session by its first message.",
      placeLine(place),
      quoted("message", text.slice(0, MOST_CHARS)),
      `Give it a title of two to six words in the language of the message, without quotation marks and without a full stop. It is taken
only while the session's title is still exactly \`New chat\`; an answer of already_resolved means that somebody else named it.`,
    ],
    effects: [effect("session.rename", { fixed: {}, free: { title: 80 } })],
    more: { effort: "low" },
  })
}

interface Item {
  type?: unknown
  content?: unknown
}

const isUntitled = (title: string | null): boolean =>
  title === null || title.trim().toLowerCase() === DEFAULT_TITLE

function textOf({ content }: Item): string {
  if (!Array.isArray(content)) return ""
  const texts = content.map((part: { text?: unknown } | null) => part?.text)
  return texts
    .filter((text) => typeof text === "string")
    .join("\n")
    .trim()
}
