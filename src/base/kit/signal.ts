// A small typed signal: many hear, in order of arrival; one that throws doesn't silence the others.

export interface Signal<T> {
  emit(value: T): void
  on(hear: (value: T) => void): Disposable
  readonly size: number
}

/** `onError` is told of a listener that threw; the others still hear. */
export function createSignal<T>(onError: (error: unknown) => void): Signal<T> {
  const hearers = new Set<(value: T) => void>()
  return {
    emit(value) {
      for (const hear of hearers) {
        try {
          hear(value)
        } catch (error) {
          onError(error)
        }
      }
    },
    on(hear) {
      const own = (value: T) => hear(value)
      hearers.add(own)
      return { [Symbol.dispose]: () => void hearers.delete(own) }
    },
    get size() {
      return hearers.size
    },
  }
}
