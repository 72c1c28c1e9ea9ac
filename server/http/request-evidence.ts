import type { IncomingMessage } from "node:http"
import type { ClusterEvidence } from "../clusters/index.js"

/** What a request tells about who sent it, taken from it only when somebody wants to know. */
export class RequestEvidence implements ClusterEvidence {
  readonly pathCluster: string | undefined
  readonly #request: IncomingMessage

  constructor(request: IncomingMessage, pathCluster: string | undefined) {
    this.#request = request
    this.pathCluster = pathCluster
  }

  get authorization(): string | undefined {
    return this.#request.headers.authorization
  }

  get peer(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  get forwardedFor(): string | undefined {
    const header = this.#request.headers["x-forwarded-for"]
    return Array.isArray(header) ? header.join(",") : header
  }
}
