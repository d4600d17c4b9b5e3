// Which items of a thread are under way. When none is, everything streamed before is told whole, and the log may drop its
// deltas without a gap (decisions 3).

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
    /** True when nothing is under way once `item` has ended. */
    settlesWithout(thread: string, item: string): boolean {
      const items = open.get(thread)
      return !items || items.size === 0 || (items.size === 1 && items.has(item))
    },
  }
}
export type Streaming = ReturnType<typeof createStreaming>
