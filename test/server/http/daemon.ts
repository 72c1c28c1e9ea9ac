import { once } from "node:events"
import { type AddressInfo, connect, type Socket } from "node:net"
import { afterEach } from "vitest"
import { systemClock } from "../../../server/catalog/index.js"
import { createResolver, type KnownCluster } from "../../../server/clusters/index.js"
import {
  createDaemonServer,
  type DaemonServer,
  type DaemonServerParts,
  type ExistsAnswer,
  type ExistsRequest,
  listen,
  Metrics,
} from "../../../server/http/index.js"

export const restore: ExistsAnswer = { exists: true, decision: "restore", authoritative: true }
export const fresh: ExistsAnswer = { exists: false, decision: "fresh", authoritative: true }
export const unknown: ExistsAnswer = {
  exists: false,
  decision: "unknown",
  authoritative: false,
  error: "connection failed",
}

export function cluster(name: string, more: Partial<KnownCluster> = {}): KnownCluster {
  return { name, networks: [], tokens: [], requireToken: false, ...more }
}

export interface Daemon {
  readonly server: DaemonServer
  readonly port: number
  readonly url: string
  readonly metrics: Metrics
  /** What was asked of the answerer. */
  readonly asked: ExistsRequest[]
  /** What went to the error log. */
  readonly errors: { fields: object; message: string }[]
}

type Setup = Omit<Partial<DaemonServerParts>, "clusters"> & {
  answer?: (request: ExistsRequest) => ExistsAnswer | Promise<ExistsAnswer>
  clusters?: readonly KnownCluster[]
  trustedHops?: readonly string[]
}

const running: DaemonServer[] = []

afterEach(() => {
  for (const server of running.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

/** A real server on a free port of loopback, with an answerer that the test wrote; closed after the test. */
export async function startDaemon(setup: Setup = {}): Promise<Daemon> {
  const { answer = () => restore, clusters = [cluster("home")], trustedHops, ...parts } = setup
  const resolver = createResolver(clusters, trustedHops)
  const asked: ExistsRequest[] = []
  const errors: Daemon["errors"] = []
  const metrics = parts.metrics ?? new Metrics(parts.backend ?? "kopia-fs")
  const server = createDaemonServer({
    answerer: {
      answer(request) {
        asked.push(request)
        return answer(request)
      },
    },
    readiness: { ready: () => ({ ok: true }) },
    clock: systemClock,
    log: { error: (fields, message) => errors.push({ fields, message }) },
    accessLog: undefined,
    backend: "kopia-fs",
    ...parts,
    metrics,
    clusters: () => resolver,
  })
  await listen(server, { port: 0, host: "127.0.0.1" })
  running.push(server)
  const { port } = server.address() as AddressInfo
  return { server, port, url: `http://127.0.0.1:${port}`, metrics, asked, errors }
}

export interface RawResponse {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends a request line as it stands, which fetch would clean up first, and reads until the connection closes. */
export async function rawGet(port: number, target: string, method = "GET"): Promise<RawResponse> {
  return rawRequest(port, `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
}

export async function rawRequest(port: number, text: string): Promise<RawResponse> {
  const socket = await open(port)
  socket.write(text)
  return parseResponse(await readAll(socket))
}

export async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1")
  await once(socket, "connect")
  return socket
}

/** Everything until the other side closes. Rejects when it resets instead. */
export async function readAll(socket: Socket): Promise<string> {
  let text = ""
  socket.setEncoding("utf8")
  for await (const chunk of socket) text += String(chunk)
  return text
}

export function parseResponse(text: string): RawResponse {
  const end = text.indexOf("\r\n\r\n")
  const head = text.slice(0, end)
  return { status: Number(head.split(" ")[1]), head, body: text.slice(end + 4) }
}

/** The samples of `/metrics`. */
export async function scrape(daemon: Daemon): Promise<string> {
  return (await fetch(`${daemon.url}/metrics`)).text()
}
