// Where extensions are: the folders of each root, in the order of the contract; a folder that is found twice counts once
// (wire-contract §5.1). The binary carries its own inside; one of the same name on the disk takes its place.

import { readText } from "../../../base/platform/files.ts"
import { exists, foldersIn, isFolder, realFolder, stampOf } from "../../../base/platform/folders.ts"
import { INSIDE } from "../link/command.ts"
import { type Manifest, readManifest } from "./manifest.ts"

export type OriginType = "repo_local" | "installed_package" | "configured_root"

export interface Root {
  type: OriginType
  path: string
}

/** An extension inside the program: its manifest's text, by its name. */
export type Carried = Readonly<Record<string, { manifest: string }>>

export interface Found {
  moduleName: string
  /** The folder; `codexd:NAME` for one inside the program. */
  folder: string
  origin: Root
  manifestPath: string | null
  manifest: Manifest | undefined
  /** What is imported. */
  entry: string
  /** Changes when a file of it does. */
  stamp: string
}
export interface NotFound {
  moduleName: string
  code: "missing_entrypoint" | "invalid_manifest"
  message: string
}

const MANIFEST = "extension.manifest.json"
const ENTRIES = ["events.js", "events.mjs", "events.ts"]
const RANK: Record<OriginType, number> = { repo_local: 0, installed_package: 1, configured_root: 2 }
/** Not extensions, in the repository's own folder. */
const NOT_OURS = new Set(["lib", "runtime"])

/** Everything that looks like an extension, in load order; what can't be loaded says why. */
export function findExtensions(
  roots: readonly Root[],
  carried: Carried = {},
  without: readonly string[] = [],
): (Found | NotFound)[] {
  const isOut = ({ origin, moduleName }: Place) =>
    origin.type === "repo_local" && without.includes(moduleName)
  const places = roots
    .flatMap((origin) => placesIn(origin).map((folder) => ({ folder, origin, moduleName: nameOf(folder) })))
    .filter((place) => !isOut(place))
    .sort(inOrder)
  const seen = new Set<string>()
  const found = places.flatMap((place) => {
    const real = realFolder(place.folder)
    if (seen.has(real)) return []
    seen.add(real)
    return [lookAt(place)]
  })
  const names = new Set(found.map(({ moduleName }) => moduleName))
  const inside = Object.entries(carried).flatMap(([name, own]) =>
    names.has(name) || without.includes(name) ? [] : [fromInside(name, own)],
  )
  return [...inside, ...found].sort((a, b) => ("origin" in a && "origin" in b ? inOrder(a, b) : 0))
}

interface Place {
  folder: string
  origin: Root
  moduleName: string
}

function inOrder(a: Place, b: Place): number {
  if (a.origin.type !== b.origin.type) return RANK[a.origin.type] - RANK[b.origin.type]
  if (a.moduleName !== b.moduleName) return a.moduleName < b.moduleName ? -1 : 1
  return a.folder < b.folder ? -1 : 1
}

/** The root itself, or each of its folders. */
function placesIn({ type, path }: Root): string[] {
  if (!isFolder(path)) return []
  if (isExtension(path)) return [path]
  return foldersIn(path)
    .filter((name) => !name.startsWith(".") && !(type === "repo_local" && NOT_OURS.has(name)))
    .map((name) => `${path}/${name}`)
    .filter(isExtension)
}

const isExtension = (folder: string): boolean =>
  [MANIFEST, ...ENTRIES].some((file) => exists(`${folder}/${file}`))

const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf("/") + 1)

function lookAt({ folder, origin, moduleName }: Place): Found | NotFound {
  const path = `${folder}/${MANIFEST}`
  const text = readText(path)
  const read = text === undefined ? undefined : readManifest(text, path)
  if (read && "wrong" in read) return { moduleName, code: "invalid_manifest", message: read.wrong }
  const named = read?.manifest.entrypoints?.events
  const files = named === undefined ? ENTRIES : [named, ...ENTRIES]
  const entry = files.map((file) => (file.startsWith("/") ? file : `${folder}/${file}`)).find(exists)
  if (entry === undefined) {
    const message = `${folder}: there is none of ${files.join(", ")}`
    return { moduleName, code: "missing_entrypoint", message }
  }
  const manifestPath = text === undefined ? null : path
  return { moduleName, folder, origin, manifestPath, manifest: read?.manifest, entry, stamp: stampOf(folder) }
}

function fromInside(moduleName: string, { manifest }: Carried[string]): Found | NotFound {
  const folder = `${INSIDE}${moduleName}`
  const read = readManifest(manifest, `${folder}/${MANIFEST}`)
  if ("wrong" in read) return { moduleName, code: "invalid_manifest", message: read.wrong }
  return {
    moduleName,
    folder,
    origin: { type: "repo_local", path: folder },
    manifestPath: `${folder}/${MANIFEST}`,
    manifest: read.manifest,
    entry: folder,
    stamp: "",
  }
}
