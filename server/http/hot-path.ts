import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Clock, Moment } from "../catalog/index.js"
import type { ClusterResolver } from "../clusters/index.js"
import type { ClusterFact } from "../decision/index.js"
import type { AccessLog } from "./access-log.js"
import type { ErrorJson } from "./contract/admin.js"
import type { ExistsAnswer } from "./contract/exists.js"
import type { ErrorLog } from "./errors.js"
import { badPathLine, type ExistsAnswerer, existsLine, statusOf, unknownAnswer } from "./exists.js"
import { pathOf, type Route } from "./exists-route.js"
import type { Metrics } from "./metrics.js"
import { JSON_TYPE, send, type Traffic } from "./plain-response.js"
import { RequestEvidence } from "./request-evidence.js"
import { type Readiness, readyResponse } from "./readiness.js"
import type { SlowClients } from "./slow-clients.js"

export interface HotPathParts {
  readonly answerer: ExistsAnswerer
  readonly readiness: Readiness
  /** Asked for each request, because `apply` changes the clusters while we run. */
  readonly clusters: () => ClusterResolver
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: ErrorLog
  /** Undefined: requests are not logged. */
  readonly accessLog: AccessLog | undefined
  /** What `backend` says in answers. */
  readonly backend: string
  /** Accept every method on these paths, as pvc-plumber does. */
  readonly anyMethod: boolean
  readonly answerMs: number
}

export type HotRoute = Exclude<Route, { kind: "other" }>

/** What clusters ask many times a second, answered before the web framework sees it. */
export class HotPath {
  readonly #parts: HotPathParts
  readonly #traffic: Traffic
  readonly #clients: SlowClients

  constructor(parts: HotPathParts, traffic: Traffic, clients: SlowClients) {
    this.#parts = parts
    this.#traffic = traffic
    this.#clients = clients
  }

  handle(route: HotRoute, request: IncomingMessage, response: ServerResponse, arrivedAt: Moment): void {
    const exchange: Exchange = { request, response, arrivedAt }
    const { method } = request
    if (method !== "GET" && method !== "HEAD" && !this.#parts.anyMethod) {
      this.#refuseMethod(exchange)
      return
    }
    switch (route.kind) {
      case "exists":
        this.#answer(route, exchange)
        return
      case "bad_path":
        this.#parts.metrics.countBadPath()
        this.#send(exchange, 400, JSON_TYPE, badPathLine)
        return
      case "healthz":
        this.#send(exchange, 200, JSON_TYPE, '{"status":"ok"}\n')
        return
      case "readyz": {
        const { status, body } = readyResponse(
          this.#parts.readiness,
          this.#clusterOf(request, undefined),
          this.#parts.log,
        )
        this.#send(exchange, status, JSON_TYPE, body)
        return
      }
      case "metrics":
        this.#sendMetrics(exchange)
    }
  }

  #answer(route: HotRoute & { kind: "exists" }, exchange: Exchange): void {
    const { volume, evidence } = route
    const { arrivedAt } = exchange
    let answer: ExistsAnswer | Promise<ExistsAnswer>
    try {
      answer = this.#parts.answerer.answer({
        cluster: this.#clusterOf(exchange.request, route.cluster),
        namespace: volume.namespace,
        pvc: volume.pvc,
        evidence,
        arrivedAt,
        deadline: arrivedAt.mono + this.#parts.answerMs,
      })
    } catch (error) {
      answer = this.#failed(error, exchange)
    }
    if (answer instanceof Promise) this.#sendWhenKnown(answer, route, exchange)
    else this.#sendAnswer(answer, route, exchange)
  }

  /** Waits for the answer, but not beyond the limit. What comes later is dropped: this request has its 503 by then. */
  #sendWhenKnown(
    promise: Promise<ExistsAnswer>,
    route: HotRoute & { kind: "exists" },
    exchange: Exchange,
  ): void {
    const { answerMs, clock } = this.#parts
    let open = true
    const { socket } = exchange.request
    this.#begin(socket)
    const finish = (answer: ExistsAnswer): void => {
      if (!open) return
      open = false
      clearTimeout(timer)
      this.#finish(socket)
      this.#sendAnswer(answer, route, exchange)
    }
    const left = Math.max(0, exchange.arrivedAt.mono + answerMs - clock.now().mono)
    const timer = setTimeout(() => {
      finish(
        unknownAnswer(`No certain answer within ${answerMs} ms. Ask again: the listing goes on meanwhile.`),
      )
    }, left)
    promise.then(finish, (error: unknown) => {
      finish(this.#failed(error, exchange))
    })
  }

  #sendAnswer(answer: ExistsAnswer, route: HotRoute & { kind: "exists" }, exchange: Exchange): void {
    const { namespace, pvc } = route.volume
    const { metrics, backend, clock } = this.#parts
    metrics.countAnswer(answer.decision, (clock.now().mono - exchange.arrivedAt.mono) / 1000)
    this.#send(exchange, statusOf(answer), JSON_TYPE, existsLine(answer, { namespace, pvc, backend }))
  }

  #failed(error: unknown, { request }: Exchange): ExistsAnswer {
    this.#parts.log.error({ err: error, path: pathOf(request.url ?? "") }, "no answer could be made")
    return unknownAnswer("Internal error. The daemon's log has the details.")
  }

  #sendMetrics(exchange: Exchange): void {
    const { socket } = exchange.request
    this.#begin(socket)
    const finish = (status: number, type: string, body: string): void => {
      this.#finish(socket)
      this.#send(exchange, status, type, body)
    }
    this.#parts.metrics.render().then(
      (text) => {
        finish(200, "text/plain; version=0.0.4; charset=utf-8", text)
      },
      (error: unknown) => {
        this.#parts.log.error({ err: error }, "the metrics could not be rendered")
        finish(
          500,
          JSON_TYPE,
          '{"code":"internal","message":"The metrics could not be rendered.","hint":null}\n',
        )
      },
    )
  }

  #begin(socket: Socket): void {
    this.#traffic.inFlight += 1
    this.#clients.begin(socket)
  }

  #finish(socket: Socket): void {
    this.#traffic.inFlight -= 1
    this.#clients.finish(socket)
  }

  #refuseMethod(exchange: Exchange): void {
    const body: ErrorJson = {
      code: "method_not_allowed",
      message: "Only GET and HEAD are answered here.",
      hint: null,
    }
    exchange.response.setHeader("Allow", "GET, HEAD")
    this.#send(exchange, 405, JSON_TYPE, `${JSON.stringify(body)}\n`)
  }

  #send(exchange: Exchange, status: number, type: string, body: string): void {
    const { request, response, arrivedAt } = exchange
    send(response, this.#traffic, status, type, body)
    const { accessLog, clock } = this.#parts
    if (accessLog === undefined) return
    const client = this.#parts.clusters().clientOf(new RequestEvidence(request, undefined))
    const took = clock.now().mono - arrivedAt.mono
    accessLog.write(arrivedAt.wall, request.method ?? "", pathOf(request.url ?? ""), status, took, client)
  }

  #clusterOf(request: IncomingMessage, pathCluster: string | undefined): ClusterFact {
    return this.#parts.clusters().resolve(new RequestEvidence(request, pathCluster))
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly arrivedAt: Moment
}
