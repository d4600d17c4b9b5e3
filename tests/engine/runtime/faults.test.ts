// -32600 says many things: what the child refuses is told by its words, in the contract's order (§0.3), and never all the same.

import { expect, test } from "bun:test"
import { faultOf } from "../../../src/engine/runtime/protocol/faults.ts"
import { PeerFailure, RpcError } from "../../../src/engine/runtime/protocol/wire.ts"

test.each([
  [-32600, "no rollout found for thread id 1", "not_found"],
  [-32600, "failed to resolve rollout path `/r.jsonl`: file does not exist", "not_found"],
  [-32600, "thread not found: 1", "not_found"],
  [-32600, "invalid thread id: one", "not_found"],
  [-32600, "unauthorized: missing bearer or basic authentication", "auth_required"],
  [-32600, "Invalid request: unknown variant `thread/read`, expected `thread/list`", "method_not_supported"],
  [
    -32600,
    "Invalid request: unknown variant `x/y`, expected one of `initialize`, `a/b`",
    "method_not_supported",
  ],
  [
    -32600,
    "Invalid configuration: unknown variant `no`, expected one of `yes`\nin `policy`\n",
    "invalid_params",
  ],
  [-32600, "Invalid request: unknown variant `no`, expected `yes`", "invalid_params"],
  [-32600, "Invalid request: AbsolutePathBuf deserialized without a base path", "invalid_params"],
  [-32600, "Invalid request: invalid value: integer `-1`, expected u32", "invalid_params"],
  [-32600, "invalid cursor: x", "invalid_params"],
  [-32001, "Server overloaded; retry later.", "codex_overloaded"],
  [-32600, "Invalid request: missing field `threadId`", "invalid_params"],
  [-32600, "a turn is in progress", "invalid_state"],
  [-32601, "whatever", "method_not_supported"],
  [-32602, "whatever", "invalid_params"],
  [-32603, "the disk is gone", "codex_error"],
  [-32603, "thread not found: 1", "not_found"],
])("%i %s is %s", (code, message, expected) => {
  const fault = faultOf(new RpcError(code, message), { method: "thread/read", sessionId: "1" })
  expect(fault.code as string).toBe(expected)
  expect(fault.details).toMatchObject({ method: "thread/read", sessionId: "1" })
})

test("a way of reviewing that the binary lost is its lack, not the client's mistake", () => {
  const error = new RpcError(-32600, "Invalid request: unknown variant `detached`, expected `inline`")
  expect(faultOf(error, { method: "review/start" }).code).toBe("method_not_supported")
})

test.each([
  ["deadline", "codex_timeout"],
  ["gone", "runtime_unavailable"],
] as const)("a call that may have arrived says so: %s", (kind, code) => {
  const lost = (maybeWritten: boolean) =>
    faultOf(new PeerFailure(kind, "no answer", maybeWritten), { method: "turn/start" })
  expect([lost(true).code, lost(true).details.delivered, lost(false).details.delivered] as unknown[]).toEqual(
    [code, "unknown", undefined],
  )
})
