// Cuts a stream of bytes into lines. Complete lines of a chunk are decoded at once, so a character split between two
// chunks is whole again; a line over the limit fails the connection, not the memory.

export class LineTooLong extends Error {
  constructor(limitBytes: number) {
    super(`a line of the child is longer than ${limitBytes} bytes`)
    this.name = "LineTooLong"
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
    if (heldBytes > limitBytes) throw new LineTooLong(limitBytes)
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

  return {
    push(chunk) {
      const last = chunk.lastIndexOf(NEWLINE)
      if (last < 0) {
        hold(chunk)
        return []
      }
      if (heldBytes + chunk.length > limitBytes) checkEach(chunk, heldBytes, limitBytes)
      const lines = decoder.decode(join(chunk.subarray(0, last))).split("\n")
      hold(chunk.subarray(last + 1))
      return lines
    },
    rest() {
      if (heldBytes === 0) return undefined
      return decoder.decode(join(new Uint8Array(0)))
    },
  }
}

/** Only reached when the chunk and what is held could hold a line over the limit. */
function checkEach(chunk: Uint8Array, heldBytes: number, limitBytes: number) {
  let from = -heldBytes
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) {
    if (at - from > limitBytes) throw new LineTooLong(limitBytes)
    from = at + 1
  }
}
