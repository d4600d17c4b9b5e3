// Folders that are watched, for those who write extensions.

import { watch } from "node:fs"

/** Calls when a file in the folder or below it was written, made or removed; maybe more than once. */
export function watchFolder(path: string, changed: () => void): Disposable {
  const watcher = watch(path, { recursive: true }, (_, file) => {
    if (!file?.split("/").some((part) => part === "node_modules" || part.startsWith("."))) changed()
  })
  // A folder that goes away is no reason to end.
  watcher.on("error", () => watcher.close())
  return { [Symbol.dispose]: () => watcher.close() }
}
