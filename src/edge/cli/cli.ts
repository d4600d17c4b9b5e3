// The words of the command line. One binary is service, demo, doctor and scripted model; `serve` is what it does unasked.

import { Command, CommanderError } from "commander"
import { ConfigError } from "../../base/config/config.ts"
import { carryingWords } from "./carrying/words.ts"
import { doorWords } from "./doors/words.ts"
import { extensionWords } from "./extensions/words.ts"
import { keepingWords } from "./keeping/words.ts"
import type { CliNeeds } from "./needs.ts"
import { readingConfig } from "./reading.ts"
import { serve } from "./serve.ts"
import { serviceWords } from "./service/words.ts"

/** Wrong words. */
const USAGE = 2

/** Runs what was typed; resolves with the exit code: 0 done, 1 failed, 2 not understood. */
export async function runCli(needs: CliNeeds): Promise<number> {
  let code = 0
  const program = words(needs, (result) => {
    code = result
  })
  const [first] = needs.argv
  try {
    if (first !== undefined && !first.startsWith("-") && !program.commands.some((c) => c.name() === first)) {
      if (first !== "help") program.error(`error: unknown command '${first}'`)
    }
    await program.parseAsync(needs.argv, { from: "user" })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
    needs.err.write(`codexd: ${sentence(error)}\n`)
    return 1
  }
}

// What `serve` doesn't need is loaded by the word that does.
const looking = () => import("./doctor.ts")

function words(needs: CliNeeds, done: (code: number) => void): Command {
  const program = new Command("codexd")
    .description(
      "A local-first control plane for OpenAI's Codex: one small daemon that supervises codex app-server.",
    )
    .version(needs.version)
    .configureOutput({ writeOut: (text) => needs.out.write(text), writeErr: (text) => needs.err.write(text) })
    .showHelpAfterError()
    .exitOverride()
  const add = (name: string, description: string, options: { isDefault?: boolean } = {}) =>
    program.command(name, options).description(description)

  readingConfig(add("serve", "run the daemon (what codexd does unasked)", { isDefault: true }))
    .option("--host <address>", "address to listen on (HOST)")
    .option("--port <number>", "port to listen on, 0 for any free one (PORT)")
    .option("--offline", "answer with the scripted model, without an account")
    .action(async (options) => done(await serve(needs, options)))
  // A start waits for no other word.
  if (needs.argv[0] === undefined || needs.argv[0] === "serve") return program
  add("demo", "watch one turn from start to end, in a folder that is removed afterwards").action(async () =>
    done(await (await import("./demo/demo.ts")).demo(needs)),
  )
  const doctorWords = readingConfig(add("doctor", "say what is well and what is not"))
    .option("--json", "answer as JSON")
    .action(async (options) => done(await (await looking()).doctor(needs, options)))
  readingConfig(doctorWords.command("processes").description("end processes that earlier runs left behind"))
    .option("--json", "answer as JSON")
    .action(async (_, command: Command) =>
      done(await (await looking()).doctorProcesses(needs, command.optsWithGlobals())),
    )
  keepingWords(program, needs, done)
  serviceWords(program, needs, done)
  extensionWords(program, needs, done)
  add("scripted-model", "serve the scripted model alone")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for any free one", "0")
    .action(async (options) =>
      done(await (await import("./scripted-model.ts")).scriptedModel(needs, options)),
    )
  doorWords(program, needs, done)
  carryingWords(program, needs, done)
  return program
}

function sentence(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  return error instanceof Error ? error.message : String(error)
}
