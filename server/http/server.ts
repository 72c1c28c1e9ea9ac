import type { Express, Router } from "express"
import { type IncomingMessage, Server, type ServerResponse } from "node:http"
import { pathOf, routeOf } from "./exists-route.js"
import { HotPath, type HotPathParts } from "./hot-path.js"
import { BACKLOG, defaultLimits, type Limits, MOST_HEADER_BYTES } from "./limits.js"
import type { Traffic } from "./plain-response.js"
import { refuseConnection } from "./refusals.js"
import { RequestEvidence } from "./request-evidence.js"
import { SlowClients } from "./slow-clients.js"

export interface DaemonServerParts extends Omit<HotPathParts, "answerMs" | "anyMethod"> {
  /** Everything but the hot path, loaded when it is wanted first; undefined: nothing else is served. */
  readonly api?: (() => Promise<Router>) | undefined
  readonly anyMethod?: boolean
  readonly limits?: Partial<Limits>
}

/** Node's own server, with what `stopServer` must know to end it in order. */
export class DaemonServer extends Server {
  readonly traffic: Traffic = { stopping: false, inFlight: 0 }
}

/** Builds the server; `listen` starts it. What each client may take is in `limits`. */
export function createDaemonServer(parts: DaemonServerParts): DaemonServer {
  const limits = { ...defaultLimits, ...parts.limits }
  const server = new DaemonServer({
    maxHeaderSize: MOST_HEADER_BYTES,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    // Node looks for slow clients only this often.
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
  })
  server.maxConnections = limits.connections

  const { traffic } = server
  const clients = new SlowClients(limits, () => {
    parts.metrics.countCut()
  })
  clients.watch(server)
  const hotPath = new HotPath({ anyMethod: false, ...parts, answerMs: limits.answerMs }, traffic, clients)
  let app: Promise<Express> | undefined

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const arrivedAt = parts.clock.now()
    const { socket } = request
    clients.asked(socket, response)
    const route = routeOf(request.url ?? "")
    if (route.kind !== "other") {
      hotPath.handle(route, request, response, arrivedAt)
      return
    }
    traffic.inFlight += 1
    clients.begin(socket)
    if (traffic.stopping) response.setHeader("Connection", "close")
    // Express rewrites the URL while it routes.
    const path = pathOf(request.url ?? "")
    response.once("close", () => {
      traffic.inFlight -= 1
      clients.finish(socket)
      const { clock, clusters, accessLog } = parts
      const took = clock.now().mono - arrivedAt.mono
      const client = clusters().clientOf(new RequestEvidence(request, undefined))
      accessLog?.write(arrivedAt.wall, request.method ?? "", path, response.statusCode, took, client)
    })
    app ??= loadApp(parts)
    app.then(
      (handle) => {
        handle(request, response)
      },
      (error: unknown) => {
        parts.log.error({ err: error }, "the API could not be loaded")
        response.writeHead(500).end()
      },
    )
  })
  server.on("clientError", refuseConnection)
  return server
}

/** The web framework takes longer to load than all of the hot path, and a cluster that asks at once should not wait for it. */
async function loadApp({ api, log }: DaemonServerParts): Promise<Express> {
  const { createApp } = await import("./app.js")
  return createApp(await api?.(), log)
}

/** Listens at a port (0: any free one; no host: all addresses) or on a Unix socket. Rejects when it cannot. */
export async function listen(
  server: DaemonServer,
  at: { readonly port: number; readonly host?: string } | { readonly path: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen({ ...at, backlog: BACKLOG }, () => {
      server.off("error", reject)
      resolve()
    })
  })
}
