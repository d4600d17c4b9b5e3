// `codexd extensions check PATH`: the conformance kit. What it finds is a report; 0 when all is well, 1 when not.

import { resolvePath } from "../../../base/config/paths.ts"
import type { CheckReport, CliNeeds } from "../needs.ts"

export async function checkExtension(
  { cwd, out, authors }: CliNeeds,
  path: string,
  { json = false }: { json?: boolean },
): Promise<number> {
  const report = await authors.check(resolvePath(cwd, path))
  out.write(json ? `${JSON.stringify(report, null, 2)}\n` : said(report))
  return report.ok ? 0 : 1
}

function said({ path, ok, runtimes }: CheckReport): string {
  const lines = runtimes.flatMap(({ runtime, status, why, checks }) => [
    status === "checked" ? `on ${runtime}` : `on ${runtime}: not checked, ${why}`,
    ...checks.flatMap(({ name, ok, problems, notes }) => [
      `  ${ok ? "ok  " : "FAIL"}  ${name}`,
      ...problems.map((problem) => `        ${problem}`),
      ...notes.map((note) => `        note: ${note}`),
    ]),
  ])
  return `${path}\n${lines.join("\n")}\n${ok ? "as the contract says" : "not as the contract says"}\n`
}
