// The Bun entry, and the one that is compiled into `dist/codexd`.

import { createBunPlatform } from "./base/platform/bun.ts"
import { run } from "./main.run.ts"

await run(createBunPlatform())
