// Rows of control tuples: one a session, one for the default scope. A structured policy is kept as JSON.

import type { Reader, Row, Tx } from "../../base/storage/port.ts"
import type { ApprovalPolicy, Controls } from "./tuple.ts"

const GET = `SELECT * FROM controls WHERE scope = ?`
const PUT = `INSERT INTO controls (scope, model, approval_policy, network_access, filesystem_sandbox, settings)
  VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (scope) DO UPDATE SET model = excluded.model, approval_policy = excluded.approval_policy,
    network_access = excluded.network_access, filesystem_sandbox = excluded.filesystem_sandbox, settings = excluded.settings`
const REMOVE = `DELETE FROM controls WHERE scope = ?`

export const readControls = (db: Reader, scope: string): Controls | undefined =>
  controlsOf(db.get(GET, scope))

export const removeControls = (tx: Tx, scope: string): void => void tx.run(REMOVE, scope)

export function writeControls(tx: Tx, scope: string, c: Controls): void {
  tx.run(
    PUT,
    scope,
    c.model,
    policyText(c.approvalPolicy),
    c.networkAccess,
    c.filesystemSandbox,
    JSON.stringify(c.settings),
  )
}

const policyText = (policy: ApprovalPolicy): string =>
  typeof policy === "string" ? policy : JSON.stringify(policy)
const policyOf = (text: string): ApprovalPolicy =>
  (text.startsWith("{") ? JSON.parse(text) : text) as ApprovalPolicy

function controlsOf(row: Row | undefined): Controls | undefined {
  if (!row) return undefined
  return {
    model: row.model as string | null,
    approvalPolicy: policyOf(row.approval_policy as string),
    networkAccess: row.network_access as Controls["networkAccess"],
    filesystemSandbox: row.filesystem_sandbox as Controls["filesystemSandbox"],
    settings: JSON.parse(row.settings as string) as Controls["settings"],
  }
}
