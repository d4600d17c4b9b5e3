// The meters in Prometheus' text form. prom-client knows how that is spelled; it is loaded with the first question, because
// it takes more memory than all that is counted (16 MiB on Bun, tried), and has no registry but the one made here.

import type { Meters } from "../../base/observe/meters.ts"

export interface Exposition {
  type: string
  text: string
}

export function createExposition(meters: Meters): () => Promise<Exposition> {
  let loading: Promise<() => Promise<Exposition>> | undefined
  return async () => {
    loading ??= load(meters)
    return (await loading)()
  }
}

async function load(meters: Meters): Promise<() => Promise<Exposition>> {
  const { Registry } = await import("prom-client")
  const registry = new Registry()
  for (const meter of meters.all()) {
    const { name, help, type } = meter
    const get = async () => ({
      name,
      help,
      type,
      aggregator: "sum",
      values: meter.samples().map(({ suffix, labels, value }) => ({
        metricName: `${name}${suffix}`,
        labels,
        value,
      })),
    })
    // What a registry takes is whatever has a name and can be read.
    registry.registerMetric({ name, get } as unknown as Parameters<typeof registry.registerMetric>[0])
  }
  return async () => ({ type: registry.contentType, text: await registry.metrics() })
}
