// Which items of a thread are under way. When none is, everything streamed before is told whole, and the log may drop its
// deltas without a gap (decisions 3). Telling it the same twice, in order, changes nothing: acts may run twice.

export function createStreaming() {
  const open = new Map<string, Set<string>>()
  return {
    begin(thread: string, item: string): void {
      const items = open.get(thread) ?? new Set<string>()
      open.set(thread, items.add(item))
    },
    end(thread: string, item: string): void {
      const items = open.get(thread)
      items?.delete(item)
      if (items?.size === 0) open.delete(thread)
    },
    /** The turn is over, with or without its items' ends. */
    endAll: (thread: string): void => void open.delete(thread),
    idle: (thread: string): boolean => !open.has(thread),
  }
}
export type Streaming = ReturnType<typeof createStreaming>
