// The Bun entry, and the one that is compiled into `dist/codexd`.

import { startBunWorker } from "./base/platform/bun-worker.ts"
import { servesExtensions } from "./main.host.ts"

if (!servesExtensions(startBunWorker, new URL(import.meta.url))) {
  // Behind an await: a host of extensions loads none of the house.
  const [{ createBunPlatform }, { run }] = await Promise.all([
    import("./base/platform/bun.ts"),
    import("./main.run.ts"),
  ])
  await run(createBunPlatform())
}
