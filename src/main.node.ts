// The Node entry: the same house on Node 24, unbuilt.

import { startNodeWorker } from "./base/platform/node-worker.ts"
import { servesExtensions } from "./main.host.ts"

if (!servesExtensions(startNodeWorker, new URL(import.meta.url))) {
  // Behind an await: a host of extensions loads none of the house.
  const [{ createNodePlatform }, { run }] = await Promise.all([
    import("./base/platform/node.ts"),
    import("./main.run.ts"),
  ])
  await run(createNodePlatform())
}
