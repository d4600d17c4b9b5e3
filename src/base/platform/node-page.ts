// On Node, where they lie in node_modules.

import { createRequire } from "node:module"
import { type PageParts, pagePartsAt } from "./page-parts.ts"

export const nodePageParts: PageParts = pagePartsAt(() => {
  const { resolve } = createRequire(import.meta.url)
  return {
    script: resolve("swagger-ui-dist/swagger-ui-bundle.js"),
    style: resolve("swagger-ui-dist/swagger-ui.css"),
  }
})
