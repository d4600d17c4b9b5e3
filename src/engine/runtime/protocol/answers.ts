// Answers to what the child asked. Each is for the child of one run: a later one numbers its requests anew.

import { Fault } from "../../../base/fault.ts"
import type { Peer } from "../peer.ts"
import { PeerFailure, type RpcId } from "./wire.ts"

export interface AnswersNeeds {
  ready(): Pick<Peer, "respond" | "refuse" | "forget"> | undefined
  runId(): string
  onFault(error: unknown): void
}

export function createAnswers({ ready, runId, onFault }: AnswersNeeds) {
  const peerOf = (run: string) => (runId() === run ? ready() : undefined)
  return {
    /** Hands an answer to the child of that run: `runtime_unavailable` means that nothing was written. */
    async answer(run: string, rpcId: RpcId, result: unknown): Promise<void> {
      const peer = peerOf(run)
      if (!peer) throw new Fault("runtime_unavailable", "the app-server that asked is gone")
      try {
        await peer.respond(rpcId, result)
      } catch (error) {
        if (error instanceof PeerFailure && !error.maybeWritten) {
          throw new Fault("runtime_unavailable", error.message, {}, { cause: error })
        }
        throw new Fault("request_undelivered", "the answer may not have arrived", {}, { cause: error })
      }
    },
    /** Refuses a request of the child; when the child is gone nobody waits any more. */
    refuse(run: string, rpcId: RpcId, code: number, message: string): void {
      peerOf(run)?.refuse(rpcId, code, message).catch(onFault)
    },
    /** The child says itself that a request needs no answer any more. */
    settledItself: (run: string, rpcId: RpcId): void => peerOf(run)?.forget(rpcId),
  }
}
