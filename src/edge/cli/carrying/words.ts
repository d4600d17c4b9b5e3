// `codexd export` and `codexd import`: a session out of the running daemon as text, and back into one.

import type { Command } from "commander"
import type { SessionSummary } from "../../../domain/sessions/session.ts"
import { type ConfigFlags, configOf } from "../config.ts"
import { askDaemon, askForText } from "../doors/daemon.ts"
import type { CliNeeds } from "../needs.ts"
import { readingConfig } from "../reading.ts"

const FORMATS = ["markdown", "jsonl"]

export function carryingWords(program: Command, needs: CliNeeds, done: (code: number) => void): void {
  readingConfig(program.command("export <session>").description("print a session as text"))
    .option("--format <format>", "markdown for people, jsonl for `codexd import`", "markdown")
    .action(async (session: string, options) => done(await exportSession(needs, session, options)))
  readingConfig(
    program
      .command("import <file>")
      .description("take an exported session (jsonl) in, as one that can be read; prints its id"),
  ).action(async (file: string, options) => done(await importSession(needs, file, options)))
}

async function exportSession(
  needs: CliNeeds,
  session: string,
  { format, ...flags }: ConfigFlags & { format: string },
): Promise<number> {
  if (!FORMATS.includes(format))
    throw new Error(`--format: there is no ${JSON.stringify(format)}; there are ${FORMATS.join(", ")}`)
  const target = `/sessions/${encodeURIComponent(session)}/export?format=${format}`
  needs.out.write(await askForText(needs, configOf(needs, flags), { method: "GET", target }))
  return 0
}

async function importSession(needs: CliNeeds, file: string, flags: ConfigFlags): Promise<number> {
  const path = file.startsWith("/") ? file : `${needs.cwd}/${file}`
  const lines = needs.files.readText(path)
  if (lines === undefined) throw new Error(`there is no file ${path}`)
  const asking = { method: "POST", target: "/sessions/import", lines } as const
  const { session } = await askDaemon<{ session: SessionSummary }>(needs, configOf(needs, flags), asking)
  needs.out.write(`${session.sessionId}\n`)
  return 0
}
