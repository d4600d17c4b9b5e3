// The application as it is mounted, with nothing behind it: for what is read off its routes.

import { createApi } from "../../src/edge/http/api.ts"
import { createGate } from "../../src/edge/http/guards.ts"
import { documentOf } from "../../src/edge/http/openapi/document.ts"

export const mountedApi = () =>
  createApi({
    rooms: { turns: {} },
    gate: createGate({ find: async () => undefined, known: () => undefined, deleted: () => undefined }),
    door: { token: undefined, host: "127.0.0.1", allowedHosts: [], allowedOrigins: [] },
    version: "0.0.0",
  } as never)

/** The document as it is golden: the version is nobody's change. */
export const goldenText = (): string =>
  `${JSON.stringify(documentOf({ routes: mountedApi().routes, version: "0.0.0" }), null, 1)}\n`
