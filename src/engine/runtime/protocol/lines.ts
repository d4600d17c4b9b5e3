// Cuts a stream of bytes into lines. Complete lines of a chunk are decoded at once, so a character split between two
// chunks is whole again; a line over the limit fails the connection, not the memory.

export class LineTooLong extends Error {
  /** The whole lines that came before it in the same chunk: they are good. */
  readonly before: string[]

  constructor(limitBytes: number, before: string[]) {
    super(`a line of the child is longer than ${limitBytes} bytes`)
    this.name = "LineTooLong"
    this.before = before
  }
}

export interface LineCutter {
  /** The lines that this chunk completes, without their newline. Throws LineTooLong. */
  push(chunk: Uint8Array): string[]
  /** What came after the last newline, once: for the end of the stream. */
  rest(): string | undefined
}

export const LINE_LIMIT_BYTES = 64 * 1024 * 1024
const NEWLINE = 10

export function createLineCutter({
  limitBytes = LINE_LIMIT_BYTES,
}: {
  limitBytes?: number
} = {}): LineCutter {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  // Copies of the pieces of an unfinished line: joined once, when its end comes, or a long line would cost n².
  let held: Uint8Array[] = []
  let heldBytes = 0

  const hold = (piece: Uint8Array) => {
    if (piece.length === 0) return
    held.push(piece.slice())
    heldBytes += piece.length
  }
  const join = (piece: Uint8Array): Uint8Array => {
    if (heldBytes === 0) return piece
    const whole = new Uint8Array(heldBytes + piece.length)
    let at = 0
    for (const part of held) {
      whole.set(part, at)
      at += part.length
    }
    whole.set(piece, at)
    held = []
    heldBytes = 0
    return whole
  }

  const linesUpTo = (chunk: Uint8Array, end: number): string[] =>
    end < 0 ? [] : decoder.decode(join(chunk.subarray(0, end))).split("\n")

  return {
    push(chunk) {
      // Only when the two together exceed the limit can a line do so.
      const long =
        heldBytes + chunk.length > limitBytes ? startOfLong(chunk, heldBytes, limitBytes) : undefined
      if (long !== undefined) throw new LineTooLong(limitBytes, linesUpTo(chunk, long - 1))
      const last = chunk.lastIndexOf(NEWLINE)
      const lines = linesUpTo(chunk, last)
      hold(chunk.subarray(last + 1))
      return lines
    },
    rest() {
      if (heldBytes === 0) return undefined
      return decoder.decode(join(new Uint8Array(0)))
    },
  }
}

/**
 * The same for a stream whose long lines matter less than its life: a line over the limit comes out in pieces of that many
 * bytes (a character on a cut becomes replacement characters). Never throws.
 */
export function createPieceCutter({ limitBytes }: { limitBytes: number }): LineCutter {
  const cutter = createLineCutter({ limitBytes })
  /** Of the unfinished line; at most the limit. */
  let held = 0
  return {
    push(chunk) {
      const out: string[][] = []
      for (let at = 0; at < chunk.length; ) {
        if (held === limitBytes && chunk[at] !== NEWLINE) {
          out.push([cutter.rest() ?? ""])
          held = 0
        }
        const part = chunk.subarray(at, at + Math.max(1, limitBytes - held))
        out.push(cutter.push(part))
        const last = part.lastIndexOf(NEWLINE)
        held = last < 0 ? held + part.length : part.length - last - 1
        at += part.length
      }
      return out.flat()
    },
    rest() {
      held = 0
      return cutter.rest()
    },
  }
}

/** Where in the chunk the first line over the limit starts; at most 0 when it is the one that is held. */
function startOfLong(chunk: Uint8Array, heldBytes: number, limitBytes: number): number | undefined {
  let from = -heldBytes
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) {
    if (at - from > limitBytes) return from
    from = at + 1
  }
  return chunk.length - from > limitBytes ? from : undefined
}
