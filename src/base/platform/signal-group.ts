/** Signals a whole process group; quiet when it is gone already. */
export function signalGroup(group: number, name: "SIGTERM" | "SIGKILL"): void {
  // Never 0 or 1: those mean our own group, and everybody.
  if (group <= 1) return
  try {
    process.kill(-group, name)
  } catch {
    // ESRCH: gone. EPERM (macOS): only zombies are left in it.
  }
}
