// Paths as text, and the workspace root: relative folders of the configuration start there (wire-contract §8).

const MARKERS = ["pnpm-workspace.yaml", "codexd.workspace"]

/** An absolute path without `.` and `..`; `path` is taken from `base` (absolute) when it is relative. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return `/${parts.join("/")}`
}

/** The nearest folder from `cwd` upwards that holds a marker file, else `cwd` itself. */
export function workspaceRoot(cwd: string, exists: (path: string) => boolean): string {
  const start = resolvePath("/", cwd)
  for (let at = start; ; at = resolvePath(at, "..")) {
    if (MARKERS.some((marker) => exists(resolvePath(at, marker)))) return at
    if (at === "/") return start
  }
}
