// Figures of several rounds: medians, ratios of what ran in the same round, and a table of them.

export const out = (line: string): void => void process.stdout.write(`${line}\n`)

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The value that `share` (0 … 1) of them don't exceed. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** `left[i] / right[i]`: both ran in round i, so a busy machine slows both. */
export const ratios = (left: readonly number[], right: readonly number[]): number[] =>
  left.map((value, i) => value / (right[i] ?? Number.NaN))

export const thousands = (value: number): string => `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)}k`

/** Columns as wide as their longest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

/** Numbers after `--name`, or the given ones: `--rounds 3`. */
export function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
export const flag = (name: string): boolean => process.argv.includes(`--${name}`)
