// `npm run openapi`: writes the document that the tests compare with.

import { join } from "node:path"
import { goldenText } from "../tests/support/api.ts"

await Bun.write(join(import.meta.dir, "../tests/golden/openapi.json"), goldenText())
