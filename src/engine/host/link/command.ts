// The word behind which the daemon's program is a host. Not for people.

export const HOST_COMMAND = "extension-host"
