// Modules of the runtime that take milliseconds to load on Bun (crypto 3, http 5, zlib 4, util 2, worker_threads 1): got when
// they are first needed, so that no start waits for them. On Node they cost nothing.

import { lazily } from "../kit/lazily.ts"

export const cryptoModule = lazily(() => process.getBuiltinModule("node:crypto"))
export const httpModule = lazily(() => process.getBuiltinModule("node:http"))
export const utilModule = lazily(() => process.getBuiltinModule("node:util"))
export const zlibModule = lazily(() => process.getBuiltinModule("node:zlib"))
export const threadsModule = lazily(() => process.getBuiltinModule("node:worker_threads"))
