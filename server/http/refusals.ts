import type { Duplex } from "node:stream"
import type { ErrorJson } from "./contract/admin.js"

/** How long a client that sent what is no request may take to read why. */
const LINGER_MS = 1_000

const REFUSALS: Record<string, { status: string; body: ErrorJson }> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    body: { code: "too_large", message: "The URL and headers of the request are too long.", hint: null },
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    body: { code: "timeout", message: "The request did not arrive in time.", hint: null },
  },
}
const MALFORMED = {
  status: "400 Bad Request",
  body: { code: "bad_request", message: "This is not a request of HTTP/1.1.", hint: null },
}

/**
 * Answers what never became a request. Node's own handling closes at once, and what the client is still sending then
 * resets the connection before it can read the answer; so the connection is closed in order, within a second.
 */
export function refuseConnection(error: Error & { code?: string }, socket: Duplex): void {
  // The parser reports every further piece of a request that it gave up; one answer is enough.
  if (!socket.writable) return
  if (error.code === "ECONNRESET") {
    socket.destroy()
    return
  }
  const { status, body } = REFUSALS[error.code ?? ""] ?? MALFORMED
  const text = `${JSON.stringify(body)}\n`
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.once("close", () => {
    clearTimeout(cut)
  })
}
