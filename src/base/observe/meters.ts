// What is counted, cheaply enough for the hot paths: numbers in maps, read when somebody asks. How it is written down is not
// known here (flow/kept/exposition.ts). Series are bounded: beyond the limit of a meter, what is new counts as `other`.

export type Labels = readonly string[]

export interface Sample {
  /** `_bucket`, `_sum`, `_count` of a histogram; else "". */
  suffix: string
  labels: Record<string, string>
  value: number
}

export interface Meter {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  samples(): Sample[]
}

export interface Named {
  name: string
  help: string
  labels?: Labels
}

/** Of the values of one moment: label values, and the number. */
export type Reading = readonly [labels: Labels, value: number | null | undefined]

export const MOST_SERIES = 500
const OTHER = "other"
/** Seconds: from a cached answer to a call that ran into its deadline. */
export const LATENCY_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMeters() {
  const meters = new Map<string, Meter>()
  const add = (meter: Meter): void => {
    if (meters.has(meter.name)) throw new Error(`the meter ${meter.name} is there already`)
    meters.set(meter.name, meter)
  }
  return {
    counter(named: Named) {
      const series = createSeries(named, () => ({ value: 0 }))
      const samples = () => series.all().map(([labels, { value }]) => ({ suffix: "", labels, value }))
      add({ name: named.name, help: named.help, type: "counter", samples })
      return (labels: Labels = [], by = 1): void => {
        series.of(labels).value += by
      }
    },
    /** Seconds, or whatever the buckets' bounds are in. */
    histogram(named: Named, bounds: readonly number[] = LATENCY_S) {
      const series = createSeries(named, () => ({
        sum: 0,
        counts: new Array<number>(bounds.length + 1).fill(0),
      }))
      const samples = () =>
        series.all().flatMap(([labels, { sum, counts }]) => bucketsOf({ labels, sum, counts, bounds }))
      add({ name: named.name, help: named.help, type: "histogram", samples })
      return (labels: Labels, value: number): void => {
        const one = series.of(labels)
        let at = 0
        while (at < bounds.length && value > (bounds[at] ?? 0)) at++
        one.counts[at] = (one.counts[at] ?? 0) + 1
        one.sum += value
      }
    },
    /** Read when asked for; what is null or undefined is left out. */
    read(named: Named & { type?: "gauge" | "counter" }, read: () => readonly Reading[]): void {
      const names = named.labels ?? []
      const samples = (): Sample[] =>
        read().flatMap(([values, value]) =>
          typeof value === "number" ? [{ suffix: "", labels: labelled(names, values), value }] : [],
        )
      add({ name: named.name, help: named.help, type: named.type ?? "gauge", samples })
    },
    all: (): Meter[] => [...meters.values()],
  }
}
export type Meters = ReturnType<typeof createMeters>

/** One value of a kind for every combination of label values. */
function createSeries<T>({ labels: names = [] }: Named, make: () => T) {
  const known = new Map<string, { labels: Record<string, string>; one: T }>()
  const open = (key: string, values: Labels): T => {
    const one = make()
    known.set(key, { labels: labelled(names, values), one })
    return one
  }
  // Without labels there is one, which a hot path asks for again and again.
  let alone: T | undefined
  return {
    of(values: Labels): T {
      if (names.length === 0) {
        alone ??= open("", values)
        return alone
      }
      const key = values.length === 1 ? (values[0] ?? "") : values.join("\u0000")
      const found = known.get(key)
      if (found) return found.one
      if (known.size < MOST_SERIES) return open(key, values)
      const others = names.map(() => OTHER)
      const rest = others.join("\u0000")
      return known.get(rest)?.one ?? open(rest, others)
    },
    all: (): [Record<string, string>, T][] => [...known.values()].map(({ labels, one }) => [labels, one]),
  }
}

const labelled = (names: Labels, values: Labels): Record<string, string> =>
  Object.fromEntries(names.map((name, at) => [name, values[at] ?? ""]))

interface Filled {
  labels: Record<string, string>
  sum: number
  counts: readonly number[]
  bounds: readonly number[]
}

function bucketsOf({ labels, sum, counts, bounds }: Filled): Sample[] {
  let total = 0
  const buckets = counts.map((count, at): Sample => {
    total += count
    return { suffix: "_bucket", labels: { ...labels, le: String(bounds[at] ?? "+Inf") }, value: total }
  })
  return [...buckets, { suffix: "_sum", labels, value: sum }, { suffix: "_count", labels, value: total }]
}
