// The Node entry: the same house on Node 24, unbuilt.

import { createNodePlatform } from "./base/platform/node.ts"
import { run } from "./main.run.ts"

await run(createNodePlatform())
