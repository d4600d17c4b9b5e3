// What lies where in DATA_DIR, said once for the daemon, `codexd token` and `codexd doctor`.

import type { Config } from "./config.ts"

/** All are absolute paths. */
export const placesOf = ({
  dataDir,
  codexHome,
  offline,
}: Pick<Config, "dataDir" | "codexHome" | "offline">) => ({
  database: `${dataDir}/codexd.db`,
  /** The first event number that a full disk kept from being stored (decisions 4). */
  mark: `${dataDir}/unstored.mark`,
  /** Given up when the disk is full at a start. */
  spare: `${dataDir}/spare`,
  /** Copies made before the database was brought to a newer schema. */
  backups: `${dataDir}/backups`,
  token: `${dataDir}/api-token`,
  /** The owner's door; `socketNote` says where it is when the path is too long for the kernel. */
  socket: `${dataDir}/run/codexd.sock`,
  socketNote: `${dataDir}/run/socket-path`,
  logs: `${dataDir}/logs`,
  /** Codex's home: the configured one; offline always one of our own, never the user's. */
  codexHome: offline ? `${dataDir}/codex-home` : codexHome,
})

export type Places = ReturnType<typeof placesOf>
