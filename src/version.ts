// The version, said once: in package.json.

import pkg from "../package.json" with { type: "json" }

export const version: string = pkg.version
