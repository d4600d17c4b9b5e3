// The parts of the reference page that are a package's: files beside the source, and inside the compiled binary.

import { readFileSync } from "node:fs"

export type PagePart = "script" | "style"
export interface PageParts {
  read(part: PagePart): Uint8Array<ArrayBuffer>
}

/** Reads a part when it is first asked for. */
export const pagePartsAt = (paths: () => Record<PagePart, string>): PageParts => ({
  read: (part) => new Uint8Array(readFileSync(paths()[part])),
})
