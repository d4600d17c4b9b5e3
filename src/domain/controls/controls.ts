// Which tuple holds for a session: its own, else the stored default, else the configured one.

import type { Reader, Tx } from "../../base/storage/port.ts"
import { readControls, writeControls } from "./store.ts"
import type { Controls } from "./tuple.ts"

export interface ControlsNeeds {
  db: Reader
  /** The tuple of the environment (DEFAULT_APPROVAL_POLICY and its like). */
  configured: Controls
}

const DEFAULT_SCOPE = "default"

export function createControls({ db, configured }: ControlsNeeds) {
  const defaults = (reader: Reader = db): Controls => readControls(reader, DEFAULT_SCOPE) ?? configured
  return {
    defaults,
    /** The tuple that holds for this session; `reader` inside an act is its Tx. */
    of: (sessionId: string, reader: Reader = db): Controls =>
      readControls(reader, sessionId) ?? defaults(reader),
    keep: (tx: Tx, sessionId: string, controls: Controls): void => writeControls(tx, sessionId, controls),
  }
}
export type ControlsRoom = ReturnType<typeof createControls>
