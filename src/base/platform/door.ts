// What both platforms do with a request before and after the house sees it: bodies stay out of memory beyond the limit,
// and a failure that got past the house's own handler is answered by the catalogue instead of the runtime's page.

import { Fault, isFault, replyOf } from "../fault.ts"
import type { ListenSpec, Peer } from "./port.ts"

type Answer = Response | undefined

/** The `fetch` of a listener, guarded. */
export function createDoor({ fetch, maxBodyBytes }: ListenSpec) {
  const tooLarge = () => new Fault("body_too_large", `the body is larger than ${maxBodyBytes} bytes`)

  return (request: Request, peer: Peer): Answer | Promise<Answer> => {
    // A body that says it is too long is refused unread; the connection can't be used again.
    const said = request.headers.get("content-length")
    if (said !== null && Number(said) > maxBodyBytes) return refusal(tooLarge(), { connection: "close" })
    const isChunked = request.headers.has("transfer-encoding")
    try {
      const answer = fetch(isChunked ? counted(request, maxBodyBytes, tooLarge) : request, peer)
      return answer instanceof Promise ? answer.catch(refusal) : answer
    } catch (error) {
      return refusal(error)
    }
  }
}

/** The same request, whose body fails with `tooLarge` once more than `maxBytes` were read. */
function counted(request: Request, maxBytes: number, tooLarge: () => Fault): Request {
  const { url, method, headers, body, signal } = request
  if (body === null) return request
  let bytes = 0
  const limited = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) controller.error(tooLarge())
      else controller.enqueue(chunk)
    },
  })
  const init = { method, headers, body: body.pipeThrough(limited), signal, duplex: "half" }
  return new Request(url, init as RequestInit)
}

function refusal(error: unknown, headers: Record<string, string> = {}): Response {
  const fault = isFault(error) ? error : new Fault("internal_error", "internal error")
  const { status, body, retryAfterS } = replyOf(fault)
  const retry = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }
  return Response.json(body, { status, headers: { ...headers, ...retry } })
}
