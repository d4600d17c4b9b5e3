// What the command line needs of the world. main.run.ts fills it in, tests hand in doubles; nothing in this room names
// the process, a runtime or an engine.

import type { Config, Env } from "../../base/config/config.ts"
import type { Clock } from "../../base/kit/clock.ts"
import type { Logger, Masks } from "../../base/observe/logger.ts"
import type { Call, CallAnswer } from "../../base/platform/call.ts"
import type { Platform } from "../../base/platform/port.ts"
import type { Manifest } from "../../base/storage/backup/manifest.ts"
import type { Verified } from "../../base/storage/backup/verify.ts"
import type { Reloaded } from "../../engine/host/host.ts"

export interface CliNeeds {
  /** What was typed after the program's name. */
  argv: string[]
  env: Env
  cwd: string
  /** Where the daemon's own program lies. */
  programDir: string
  version: string
  platform: Platform
  clock: Clock
  out: Output
  err: Output
  onSignal(hear: (signal: StopSignal) => void): Disposable
  openHouse: OpenHouse
  scriptedModel(clock: Clock): Promise<{ fetch(request: Request): Response | Promise<Response> }>
  /** One request over the daemon's unix socket. Rejects with ENOENT or ECONNREFUSED where none runs. */
  callOver(call: Call): Promise<CallAnswer>
  /** Opens a websocket with headers, which the standard constructor can't say. */
  connect(url: string, headers: Record<string, string>): WebSocket
  inspection: Inspection
  keeping: Keeping
  service: ServiceNeeds
  authors: Authors
  files: Files
}

/** What `service` needs of the machine. */
export interface ServiceNeeds {
  /** `linux`, `darwin` … */
  os: string
  /** Starts the daemon's program, without words. */
  program: string[]
  /** Runs a program of the machine to its end; 127 where there is none of that name. */
  run(command: string[]): Promise<{ code: number; out: string; err: string }>
}

/** base/platform/folders.ts and files.ts. */
export interface Files {
  exists(path: string): boolean
  readText(path: string): string | undefined
  freshFolder(prefix: string): string
  makeFolder(path: string): void
  removeFolder(path: string): void
  modeOf(path: string): number | undefined
  isFolder(path: string): boolean
  /** Files in a folder and below that others than their owner may use. */
  looseFilesIn(path: string): string[]
  /** Bytes left where the path is or would be; null where that can't be looked at. */
  roomNear(path: string): number | null
  writeText(path: string, text: string): void
  watchFolder(path: string, changed: () => void): Disposable
}

export interface Output {
  write(text: string): void
  isTTY: boolean
}

export type StopSignal = "SIGTERM" | "SIGINT" | "SIGHUP"

export interface HouseNeeds {
  config: Config
  platform: Platform
  log: Logger
  masks: Masks
  clock: Clock
}
export type OpenHouse = (needs: HouseNeeds) => Promise<House>
export interface House extends AsyncDisposable {
  urls: string[]
  loginLink(): string
  close(reason: string): Promise<void>
  /** All or nothing; in the audit under that name. */
  reloadExtensions(actorId: string): Promise<Reloaded>
}

/** What those who write extensions are helped with. */
export interface Authors {
  check(path: string): Promise<CheckReport>
}
export interface CheckReport {
  path: string
  ok: boolean
  runtimes: {
    runtime: Platform["name"]
    status: "checked" | "unavailable"
    why?: string | undefined
    checks: Check[]
  }[]
}
export interface Check {
  name: string
  ok: boolean
  problems: string[]
  notes: string[]
}

/** What `backup`, `verify` and `restore` do. Files are absolute paths. */
export interface Keeping {
  backup(config: Config, file: string): Manifest
  verify(file: string): Verified
  /** Where the database that was there is now, undefined where there was none; and how many named tokens and logins came back. */
  restore(config: Config, file: string): { aside: string | undefined; tokens: number }
}

/** What `doctor` looks at with the help of the engines. */
export interface Inspection {
  /** The binary, its version and how many methods it has. Throws with what to do when it can't be used. */
  binary(config: Config): Promise<{ path: string; version: string; methods: number }>
  /** The pid that holds the data lock. */
  lockHolder(config: Config): number | undefined
  /** What is wrong with the database; empty when it is sound or not there yet. Only while no daemon holds the lock. */
  database(config: Config): string[]
  /** When the newest event was stored; undefined where there is none. Only while no daemon holds the lock. */
  newestAt(config: Config): number | undefined
  /** Processes that earlier runs left behind. Only while no daemon holds the lock. */
  leftovers(config: Config): Leftover[]
  /** Ends the leftovers; answers what was ended. */
  reap(config: Config): Promise<Leftover[]>
}

export interface Leftover {
  pid: number
  command: string
}
