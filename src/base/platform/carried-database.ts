// A new database as the compiled program carries it, packed into one text; from source there is none.

/** Set by scripts/build.ts. */
declare const CODEXD_NEW_DATABASE: string

export const carriedDatabase: (() => Uint8Array) | undefined =
  typeof CODEXD_NEW_DATABASE === "string"
    ? () => Bun.zstdDecompressSync(Uint8Array.fromBase64(CODEXD_NEW_DATABASE))
    : undefined
