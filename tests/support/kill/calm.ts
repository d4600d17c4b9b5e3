// An accept that outlived its child goes on in a turn of its own (docs/requests.md), and so does a message that waited for one:
// before the dust is looked at, what is to come has begun, and what runs is interrupted.

import { Database } from "bun:sqlite"
import { join } from "node:path"
import type { Tape } from "./tape.ts"

export interface Unquiet {
  url: string
  dataDir: string
  tape: Tape
}

// An accept is `carrying` from before its turn is asked for, until the turn has asked for the same or is over.
const COMING = `SELECT session_id FROM requests WHERE state IN ('accepted-for-carry', 'carrying')
  UNION SELECT session_id FROM prompts WHERE state IN ('queued', 'dispatched')`
const RUNNING = `SELECT DISTINCT session_id FROM turns WHERE status = 'inProgress'`

/** Resolves when no turn runs and none will begin by itself. */
export async function calm({ url, dataDir, tape }: Unquiet): Promise<void> {
  for (;;) {
    const from = tape.frames.length
    const { coming, running } = restless(dataDir)
    if (coming.length + running.length === 0) return
    for (const id of running) await fetch(`${url}/api/sessions/${id}/interrupt`, { method: "POST" })
    await tape.until(() => true, `the turns of ${[...coming, ...running]} go on`, from)
  }
}

function restless(dataDir: string): { coming: string[]; running: string[] } {
  const db = new Database(join(dataDir, "codexd.db"), { readonly: true })
  try {
    const ids = (sql: string) =>
      db
        .query<{ session_id: string }, []>(sql)
        .all()
        .map((row) => row.session_id)
    return { coming: ids(COMING), running: ids(RUNNING) }
  } finally {
    db.close()
  }
}
