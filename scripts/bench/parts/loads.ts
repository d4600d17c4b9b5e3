// A load of 20 connections on one path, made by a process of its own.

import type { LoadFigures } from "./load.ts"
import { startProgram } from "./workers.ts"

export interface Loaded {
  port: number
  path: string
  header?: string
}

export async function loadOf({ port, path, header = "" }: Loaded, forMs: number): Promise<LoadFigures> {
  await using loader = startProgram("load", [String(port), path, "20", String(forMs), header])
  return await loader.said("figures")
}
