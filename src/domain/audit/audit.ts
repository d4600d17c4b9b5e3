// Who tried to reload the extensions, from where, and what became of it. The table is the truth; the file of wire-contract §5.9
// is written from it, whole and atomically (decisions 28).

import { type Clock, iso } from "../../base/kit/clock.ts"
import { writePrivate } from "../../base/platform/files.ts"
import type { Db } from "../../base/storage/port.ts"
import { addRecord, newestRecords } from "./store.ts"

export interface AuditNeeds {
  db: Db
  clock: Clock
  /** DATA_DIR/agent-extension-audit.json */
  file: string
  onFault(error: unknown): void
}

export interface ReloadRecord {
  reloadId: string
  /** `unknown` where nobody could tell. */
  actorRole: string
  actorId: string | null
  requestOrigin: { ip: string | null; userAgent: string | null }
  result: "success" | "failed" | "forbidden"
  snapshotBefore: string
  snapshotAfter: string | null
  trustMode: string
  errorSummary: string | null
  impactedExtensions: string[]
}

/** The file holds the newest; the table more of them than anybody makes. */
const IN_FILE = 1_000
const IN_TABLE = 10_000

export function createAudit({ db, clock, file, onFault }: AuditNeeds) {
  return {
    /** Resolves once it is stored; whoever answers the attempt waits for it. A file that can't be written is a fault, no failure. */
    async record(record: ReloadRecord): Promise<void> {
      const text = JSON.stringify({ recordedAt: iso(clock.now()), ...record })
      await db.act((tx) => addRecord(tx, text, IN_TABLE))
      try {
        writePrivate(file, `{"version":1,"records":[\n${newestRecords(db, IN_FILE).join(",\n")}\n]}\n`)
      } catch (error) {
        onFault(error)
      }
    },
  }
}
export type Audit = ReturnType<typeof createAudit>
