// What the house needs of the machine it runs on. One interface, two answers: bun.ts and node.ts (tests/contract holds
// both to it). Everything that names `Bun.` or `node:*` stands behind this file.

import type { SqlDriver } from "../storage/port.ts"
import type { PageParts } from "./page-parts.ts"

export interface Platform {
  readonly name: "bun" | "node"
  /** Starts a program in a session and process group of its own (setsid), all three pipes open. Throws if it can't be started. */
  spawn(spec: SpawnSpec): Child
  /** Starts a module in a thread of its own. */
  worker(url: URL): WorkerThread
  /** Listens on TCP or a unix socket. Resolves when connections are accepted; rejects with `code: "EADDRINUSE"` and the like. */
  listen(spec: ListenSpec): Promise<Listener>
  /** Sends one text frame to every socket subscribed to `topic`, over all listeners (decisions 8). */
  publish(topic: string, text: string): void
  openDatabase(path: string): SqlDriver
  /** The file of a database that all migrations ran in and nobody else; undefined where the program carries none. */
  readonly newDatabase?: (() => Uint8Array) | undefined
  /** Script and style of the reference page. */
  readonly pageParts: PageParts
}

export interface SpawnSpec {
  command: string[]
  cwd: string
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>
}

export interface Child {
  /** Also the id of its session and process group. */
  readonly pid: number
  readonly stdout: AsyncIterable<Uint8Array>
  readonly stderr: AsyncIterable<Uint8Array>
  /** Resolves when the pipe took the bytes; rejects when the child is gone. One write at a time keeps order. */
  write(text: string): Promise<void>
  /** Closes stdin. */
  end(): void
  /** Signals the child's whole process group; quiet when it is gone already. */
  signal(name: "SIGTERM" | "SIGKILL"): void
  /** Resolves once, when the child has exited; the only thing that proves its end (decisions 11). */
  readonly exited: Promise<ChildExit>
}

export interface ChildExit {
  code: number | null
  signal: string | null
}

export interface WorkerThread {
  post(message: unknown): void
  onMessage(hear: (message: unknown) => void): void
  onExit(hear: (reason: string | undefined) => void): void
  terminate(): Promise<void>
}

export interface ListenSpec {
  at: { host: string; port: number } | { path: string }
  /** Answers every request. `undefined` means that the request became a websocket by `peer.upgrade`. */
  fetch(request: Request, peer: Peer): Response | undefined | Promise<Response | undefined>
  socket: SocketHandlers
  /** Bytes a socket may lag behind before it is cut after a contiguous prefix (decisions 7). */
  maxLagBytes: number
  /** Longest body in bytes that is read at all; larger ones are answered 413 before they are in memory. */
  maxBodyBytes: number
}

export interface Peer {
  /** Remote address as text; "unix" for the owner's socket, which counts as loopback (decisions 32). */
  readonly address: string
  readonly loopback: boolean
  /** Turns this request into a websocket whose `data` is `data`. False when it is no upgrade request. */
  upgrade(data: SocketData): boolean
  /** The server must not cut this request for being quiet: the handler holds a deadline of its own (decisions 9). */
  holdOpen(): void
  /** The answer has ended on our side: from now on a connection that takes nothing for about `graceMs` is cut. */
  letGo(graceMs: number): void
}

/** What a socket carries through its life; the stream keeps its listener here. */
export interface SocketData {
  listener?: unknown
  [key: string]: unknown
}

export interface Socket {
  readonly data: SocketData
  /** Queues a text frame. False when the bytes have to wait for `drain` (they are still sent), true when they went out. */
  send(text: string): boolean
  /** Bytes that wait for the other side to take them. */
  waiting(): number
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  close(code: number, reason: string): void
}

export interface SocketHandlers {
  open(socket: Socket): void
  message(socket: Socket, text: string): void
  drain(socket: Socket): void
  close(socket: Socket, code: number, reason: string): void
}

export interface Listener {
  /** `http://127.0.0.1:3001` or `unix:/…/codexd.sock`. */
  readonly url: string
  /** The port that was bound; 0 for a unix socket. */
  readonly port: number
  /** Stops accepting, closes sockets with 1012 (come back) and idle connections, waits for answers under way at most `graceMs`. */
  stop(graceMs: number): Promise<void>
}
