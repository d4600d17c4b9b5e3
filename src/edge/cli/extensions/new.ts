// `codexd extensions new NAME`: a folder with a manifest, a module and a test that runs against the scripted model.

import { resolvePath } from "../../../base/config/paths.ts"
import type { CliNeeds } from "../needs.ts"
import { templateOf } from "./template.ts"

const NAME = /^[a-z][a-z0-9-]{0,63}$/

/** 0 written, 1 not. */
export function newExtension({ cwd, files, out, err }: CliNeeds, name: string): number {
  const folder = resolvePath(cwd, name)
  if (!NAME.test(name)) {
    err.write(
      `codexd: ${JSON.stringify(name)} is no name: small letters, digits and dashes, a letter first\n`,
    )
    return 1
  }
  if (files.exists(folder)) {
    err.write(`codexd: ${folder} is there already\n`)
    return 1
  }
  files.makeFolder(folder)
  for (const [file, text] of Object.entries(templateOf(name))) files.writeText(`${folder}/${file}`, text)
  out.write(`${folder} is written. Next:
  codexd extensions check ${name}            is it as the contract says?
  codexd extensions dev ${name} --offline    try it; saving a file loads it anew
  node --test ${name}/events.test.mjs        its own test
`)
  return 0
}
