// The process, said once for both entries: arguments, environment, output, signals and the end. No other file of src
// names them.

import { openHouse } from "./app.ts"
import { createAuthors } from "./authors.ts"
import { type Clock, systemClock } from "./base/kit/clock.ts"
import { lazily } from "./base/kit/lazily.ts"
import { callOver } from "./base/platform/call.ts"
import { readText } from "./base/platform/files.ts"
import * as folders from "./base/platform/folders.ts"
import type { Platform } from "./base/platform/port.ts"
import { osName, runToEnd } from "./base/platform/run.ts"
import { reentry } from "./base/platform/self.ts"
import { watchFolder } from "./base/platform/watch.ts"
import { runCli } from "./edge/cli/cli.ts"
import type { StopSignal } from "./edge/cli/needs.ts"
import { createInspection } from "./inspect.ts"
import { createKeeping } from "./keeping.ts"
import { version } from "./version.ts"

/** Runs what was typed and ends the process with its exit code. */
export async function run(platform: Platform, clock: Clock = systemClock): Promise<void> {
  const { argv, env } = process
  // Got when it is first needed: Bun loads 4 ms of streams for it.
  const stdout = lazily(() =>
    // A reader that goes away (`codexd demo | head`) ends the program, which tidies up first if it wants to.
    process.stdout.on("error", () => process.emit("SIGTERM", "SIGTERM") || process.exit(1)),
  )
  const code = await runCli({
    argv: argv.slice(2),
    env,
    cwd: process.cwd(),
    programDir: programDir(),
    version,
    platform,
    clock,
    out: {
      write: (text) => void stdout().write(text),
      get isTTY() {
        return stdout().isTTY === true
      },
    },
    err: {
      write: (text) => void process.stderr.write(text),
      get isTTY() {
        return process.stderr.isTTY === true
      },
    },
    onSignal,
    openHouse,
    scriptedModel: async (clock) => (await import("./engine/model/model.ts")).createScriptedModel({ clock }),
    // Both runtimes take headers here; the DOM's types know only protocols.
    connect: (url, headers) => Reflect.construct(WebSocket, [url, { headers }]),
    callOver,
    inspection: createInspection({ platform, clock }),
    service: { os: osName(), program: reentry(programDir()), run: runToEnd },
    keeping: createKeeping({ platform, clock, version }),
    authors: createAuthors({ platform, clock, programDir: programDir(), env }),
    files: { ...folders, readText, watchFolder },
  })
  // Both streams are written out before the end: an exit does not wait for a pipe.
  stdout().write("", () => process.stderr.write("", () => process.exit(code)))
}

/** The folder of the source, or of the compiled binary, whose own modules lie in a file system inside it. */
function programDir(): string {
  const compiled = import.meta.dirname.startsWith("/$bunfs")
  return compiled ? process.execPath.replace(/\/[^/]*$/, "") : import.meta.dirname
}

function onSignal(hear: (signal: StopSignal) => void): Disposable {
  const signals: StopSignal[] = ["SIGTERM", "SIGINT", "SIGHUP"]
  for (const signal of signals) process.on(signal, hear)
  return { [Symbol.dispose]: () => signals.forEach((signal) => void process.off(signal, hear)) }
}
