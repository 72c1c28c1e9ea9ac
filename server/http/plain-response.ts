import type { ServerResponse } from "node:http"

/** Whether the server is on its way out: then each answer ends its connection. */
export interface Traffic {
  stopping: boolean
  /** Requests that were taken and not answered yet. */
  inFlight: number
}

export const JSON_TYPE = "application/json"

/**
 * Sends a whole body without the web framework. Node leaves the body out for HEAD. `no-store`, because a proxy that kept a
 * `fresh` would answer for a volume that has backups by now.
 */
export function send(
  response: ServerResponse,
  traffic: Traffic,
  status: number,
  contentType: string,
  body: string,
): void {
  const headers = [
    "Content-Type",
    contentType,
    "Content-Length",
    String(Buffer.byteLength(body)),
    "Cache-Control",
    "no-store",
  ]
  if (traffic.stopping) headers.push("Connection", "close")
  response.writeHead(status, headers).end(body)
}
