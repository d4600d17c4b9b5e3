// On Bun, and inside the binary that it compiles: files that are named by an import travel with it.

import style from "swagger-ui-dist/swagger-ui.css" with { type: "file" }
import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" }
import { type PageParts, pagePartsAt } from "./page-parts.ts"

export const bunPageParts: PageParts = pagePartsAt(() => ({ script, style }))
