// `codexd extensions`: for those who write extensions.

import type { Command } from "commander"
import type { CliNeeds } from "../needs.ts"

export function extensionWords(program: Command, needs: CliNeeds, done: (code: number) => void): void {
  const words = program.command("extensions").description("write, check and try extensions")
  words
    .command("new <name>")
    .description("write a working extension into a folder of that name, with a test")
    .action(async (name: string) => done((await import("./new.ts")).newExtension(needs, name)))
  words
    .command("check <path>")
    .description(
      "hold an extension to the contract: manifest, load, dispatch, limits, reload, on both runtimes",
    )
    .option("--json", "answer as JSON")
    .action(async (path: string, options) =>
      done(await (await import("./check.ts")).checkExtension(needs, path, options)),
    )
  words
    .command("dev <path>")
    .description("run the daemon with this extension and load it anew whenever a file of it is saved")
    .option("--host <address>", "address to listen on (HOST)")
    .option("--port <number>", "port to listen on, 0 for any free one (PORT)")
    .option("--data-dir <folder>", "folder of the database, the token and the logs (DATA_DIR)")
    .option("--env-file <file>", "read variables from this file; the environment wins over it")
    .option("--offline", "answer with the scripted model, without an account")
    .action(async (path: string, options) =>
      done(await (await import("./dev.ts")).developExtension(needs, path, options)),
    )
}
