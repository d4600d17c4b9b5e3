// The word behind which the daemon's program is a host. Not for people.

export const HOST_COMMAND = "extension-host"

/** How the entry of an extension inside the program begins; its name follows. */
export const INSIDE = "codexd:"
