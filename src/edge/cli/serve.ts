// `codexd serve`: opens the house and keeps it until a signal. The first signal drains, the second ends at once.

import type { Config } from "../../base/config/config.ts"
import { placesOf } from "../../base/config/places.ts"
import { type ConfigFlags, configOf, loggingOf } from "./config.ts"
import type { CliNeeds, House, StopSignal } from "./needs.ts"

/** What a shell answers for a program that a signal ended. */
const ENDED_BY = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export interface Around {
  /** May change the configuration before anything is opened. */
  configured?(config: Config): void
  /** Until the daemon closes. */
  opened?(house: House): Disposable
}

/** Resolves with the exit code when the daemon has closed. Throws when it can't start. */
export async function serve(
  needs: CliNeeds,
  flags: ConfigFlags & { offline?: boolean },
  around: Around = {},
): Promise<number> {
  const { offline = false, ...rest } = flags
  const config = configOf(needs, rest)
  around.configured?.(config)
  const { log, masks, lines } = loggingOf(needs, config)
  using _lines = lines
  for (const warning of config.warnings) log.warn(warning)
  await using scope = new AsyncDisposableStack()
  const signals = scope.use(hearSignals(needs))
  if (offline) {
    const { startModel } = await import("./scripted-model.ts")
    config.offline = scope.use(await startModel(needs)).offline
  }
  const run = async () => {
    const opening = open(needs, { config, platform: needs.platform, log, masks, clock: needs.clock })
    const house = await opening
    if (needs.out.isTTY) needs.out.write(welcome(house, config))
    using _ = around.opened?.(house)
    const signal = await signals.first
    log.info("stopping: what runs may finish, a second signal ends it at once", { signal })
    await house.close(signal)
    return 0
  }
  return await Promise.race([run(), signals.second.then((signal) => ENDED_BY[signal])])
}

async function open({ openHouse }: CliNeeds, house: Parameters<CliNeeds["openHouse"]>[0]): Promise<House> {
  try {
    return await openHouse(house)
  } catch (error) {
    throw clearer(error, house.config) ?? error
  }
}

/** Failures of listening, in words that say what to do. */
function clearer(error: unknown, { host, port }: Config): Error | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "EADDRINUSE") {
    return new Error(
      `port ${port} on ${host} is taken by another program; stop it, or choose another one with PORT or --port`,
      { cause: error },
    )
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new Error(`${host} is no address of this machine; see HOST and --host`, { cause: error })
  }
  if (code === "EACCES" && port < 1024) {
    return new Error(`port ${port} is for root only; choose one from 1024 with PORT or --port`, {
      cause: error,
    })
  }
  // Bun has other codes for names that it can't resolve (ENOENT, ENOTTY: tried), but the same word for what it tried.
  if (
    !(error instanceof Error) ||
    !/listen/i.test(`${error.message} ${"syscall" in error ? error.syscall : ""}`)
  )
    return undefined
  return new Error(
    `${host}:${port} can't be listened on (${error.message}); see HOST, PORT, --host and --port`,
    { cause: error },
  )
}

function welcome({ urls, loginLink }: House, config: Config): string {
  const lines = [`codexd is up at ${urls.join(" and ")}`]
  if (config.apiAuth === "token") {
    lines.push(`  The API token is in ${placesOf(config).token}`)
    lines.push(`  a browser comes in within a minute by ${loginLink()}`)
    lines.push("  (`codexd login` prints another link)")
  } else lines.push("  anybody on this machine may use it (API_AUTH=none)")
  if (config.offline) lines.push("  offline: the scripted model answers, nothing leaves this machine")
  return `${lines.join("\n")}\n  Ctrl-C stops it\n`
}

// npm and our launcher pass a terminal's Ctrl-C on, so one stroke arrives up to three times. A person is slower than this.
const SAME_STROKE_MS = 300

function hearSignals({ onSignal, clock }: CliNeeds) {
  const first = Promise.withResolvers<StopSignal>()
  const second = Promise.withResolvers<StopSignal>()
  let heardAt: number | undefined
  const ear = onSignal((signal) => {
    const now = clock.mono()
    if (heardAt === undefined) first.resolve(signal)
    else if (now - heardAt > SAME_STROKE_MS) second.resolve(signal)
    heardAt ??= now
  })
  return { first: first.promise, second: second.promise, [Symbol.dispose]: () => ear[Symbol.dispose]() }
}
