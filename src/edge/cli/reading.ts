// The options of every word that needs the configuration.

import type { Command } from "commander"

export const readingConfig = (command: Command): Command =>
  command
    .option("--data-dir <folder>", "folder of the database, the token and the logs (DATA_DIR)")
    .option("--env-file <file>", "read variables from this file; the environment wins over it")
