// Every method of every binary that touches a thread or a turn has been judged: it goes by a route of ours, or nothing of
// ours is wrong after it. A new Codex whose list has another one fails here, until somebody decides.

import { expect, test } from "bun:test"
import { ROUTES_INSTEAD } from "../../src/edge/http/routes/rpc.ts"
import { parseMethodList } from "../../src/engine/runtime/methods.ts"
import { BINARIES, openRawCodex, openTestHome } from "../support/raw-codex.ts"

/** Reads, and what Codex keeps beside the turns: its notifications tell us whatever follows. */
const FREE = new Set([
  "thread/approveGuardianDeniedAction",
  "thread/attachment/add",
  "thread/attachment/list",
  "thread/attachment/remove",
  "thread/attachmentOwner/list",
  "thread/backgroundTerminals/clean",
  "thread/backgroundTerminals/list",
  "thread/backgroundTerminals/terminate",
  "thread/decrement_elicitation",
  "thread/goal/clear",
  "thread/goal/get",
  "thread/goal/set",
  "thread/guardianReview",
  "thread/increment_elicitation",
  "thread/items/list",
  "thread/items/read",
  "thread/list",
  "thread/loaded/list",
  "thread/memory/read",
  "thread/memoryMode/set",
  "thread/metadata/update",
  "thread/prediction/request",
  "thread/prepareApprovedPlan",
  "thread/queue/list",
  "thread/read",
  "thread/readState/update",
  "thread/realtime/appendAudio",
  "thread/realtime/appendSpeech",
  "thread/realtime/appendText",
  "thread/realtime/listVoices",
  "thread/realtime/start",
  "thread/realtime/stop",
  "thread/sample",
  "thread/sample/cancel",
  "thread/search",
  "thread/searchOccurrences",
  "thread/section/move",
  "thread/timeline/list",
  "thread/turns/items/list",
  "thread/turns/list",
  // 0.105.0's first spelling.
  "addConversationListener",
  "getConversationSummary",
  "listConversations",
  "removeConversationListener",
])
const TOUCHES = /^(thread|turn|review)\/|Conversation|^sendUser/

test.each(Object.entries(BINARIES))(
  "codex %s: no method that touches a thread is unjudged",
  async (_, binary) => {
    using home = openTestHome("rpc")
    await using codex = await openRawCodex({ binary, codexHome: home.path, cwd: home.path })
    const refusal = await codex.call("no/such", {}).catch((error: unknown) => String(error))
    const list = parseMethodList(String(refusal)) ?? []
    expect(list.length).toBeGreaterThan(50)
    const touching = list.filter((method) => TOUCHES.test(method))
    expect(touching.filter((method) => !FREE.has(method) && !Object.hasOwn(ROUTES_INSTEAD, method))).toEqual(
      [],
    )
    expect([...FREE].filter((method) => Object.hasOwn(ROUTES_INSTEAD, method))).toEqual([])
  },
)
