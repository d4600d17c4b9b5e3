// Every route's row. A new resource adds its rows here.

import type { Operations } from "./operation.ts"
import { codexRows } from "./rows/codex.ts"
import { controlRows } from "./rows/controls.ts"
import { doorRows } from "./rows/doors.ts"
import { exportRows } from "./rows/export.ts"
import { extensionRows } from "./rows/extensions.ts"
import { jobRows } from "./rows/jobs.ts"
import { projectRows } from "./rows/projects.ts"
import { requestRows } from "./rows/requests.ts"
import { searchRows } from "./rows/search.ts"
import { serviceRows } from "./rows/service.ts"
import { sessionRows } from "./rows/sessions.ts"
import { suggestionRows } from "./rows/suggestions.ts"
import { transcriptRows } from "./rows/transcript.ts"
import { triggerRows } from "./rows/triggers.ts"
import { turnRows } from "./rows/turns.ts"
import { usageRows } from "./rows/usage.ts"

export const OPERATIONS: Operations = {
  ...serviceRows,
  ...doorRows,
  ...sessionRows,
  ...transcriptRows,
  ...turnRows,
  ...requestRows,
  ...controlRows,
  ...projectRows,
  ...searchRows,
  ...exportRows,
  ...usageRows,
  ...extensionRows,
  ...jobRows,
  ...triggerRows,
  ...suggestionRows,
  ...codexRows,
}
