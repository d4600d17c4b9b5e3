// First-party extensions inside the program, so that a compiled one needs no folder beside it. Only a thread of a host ever
// loads one.

import notifier from "../extensions/notifier/extension.manifest.json" with { type: "json" }
import supervisor from "../extensions/supervisor/extension.manifest.json" with { type: "json" }

interface CarriedExtension {
  /** The text of its manifest. */
  manifest: string
  load(): Promise<object>
}

export const CARRIED: Readonly<Record<string, CarriedExtension>> = {
  notifier: {
    manifest: JSON.stringify(notifier),
    load: () => import("../extensions/notifier/events.ts"),
  },
  supervisor: {
    manifest: JSON.stringify(supervisor),
    load: () => import("../extensions/supervisor/events.ts"),
  },
}
