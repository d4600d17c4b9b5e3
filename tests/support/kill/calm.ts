// An accept that outlived its child goes on in a turn of its own (docs/requests.md): before the dust is looked at, what is to
// be carried over has begun, and what runs is interrupted.

import { Database } from "bun:sqlite"
import { join } from "node:path"
import type { Tape } from "./tape.ts"

export interface Unquiet {
  url: string
  dataDir: string
  tape: Tape
}

const COMING = `SELECT DISTINCT session_id FROM requests WHERE state = 'accepted-for-carry'`
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
