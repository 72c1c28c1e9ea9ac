import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http"
import { join } from "node:path"

/** An answer of the administrator's socket as bytes. */
export interface SocketReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** The connection ended before the answer did. */
  readonly brokeOff: boolean
}

export interface OpenReply {
  readonly outgoing: ClientRequest
  readonly incoming: IncomingMessage
}

/** Asks a daemon by its state directory; nothing of the answer's body is read yet. */
export function beginSocketRequest(
  state: string,
  path: string,
  query: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<OpenReply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: join(state, "cistern.sock"),
      path: `${path}?${new URLSearchParams(query).toString()}`,
      method,
      headers,
      agent: false,
    })
    outgoing.on("error", reject)
    outgoing.on("response", (incoming) => {
      resolve({ outgoing, incoming })
    })
    outgoing.end()
  })
}

export async function socketRequest(...args: Parameters<typeof beginSocketRequest>): Promise<SocketReply> {
  const { incoming } = await beginSocketRequest(...args)
  const pieces: Buffer[] = []
  let brokeOff = false
  try {
    for await (const piece of incoming) pieces.push(piece as Buffer)
  } catch {
    brokeOff = true
  }
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    bytes: Buffer.concat(pieces),
    brokeOff,
  }
}
