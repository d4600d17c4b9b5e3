// `codexd token` and `codexd login`: who may come in.

import type { Command } from "commander"
import type { CliNeeds } from "../needs.ts"
import { readingConfig } from "../reading.ts"
import { login } from "./login.ts"
import { createToken, listTokens, revokeToken, token } from "./token.ts"

const SCOPES = "read, operate, approve, admin; several with commas"

export function doorWords(program: Command, needs: CliNeeds, done: (code: number) => void): void {
  const words = readingConfig(
    program.command("token").description("print the owner's token; make, list and revoke others"),
  )
  words.action(async (options) => done(await token(needs, options)))
  readingConfig(words.command("create <name>").description("make a token; prints it, this once"))
    .option("--scope <scopes>", SCOPES, "read")
    .option("--days <number>", "days until it expires; for ever without")
    .option("--json", "answer as JSON")
    .action(async (name: string, _, command: Command) =>
      done(await createToken(needs, name, command.optsWithGlobals())),
    )
  readingConfig(words.command("list").description("all tokens and browser logins, with their last use"))
    .option("--json", "answer as JSON")
    .action(async (_, command: Command) => done(await listTokens(needs, command.optsWithGlobals())))
  readingConfig(words.command("revoke <name>").description("end a token, by name or id")).action(
    async (name: string, _, command: Command) =>
      done(await revokeToken(needs, name, command.optsWithGlobals())),
  )
  readingConfig(
    program.command("login").description("print a link that lets a browser in, once, within a minute"),
  )
    .option("--scope <scopes>", SCOPES, "admin")
    .action(async (options) => done(await login(needs, options)))
}
