import express from "express"
import { describe, expect, it } from "vitest"
import { HttpError, Metrics } from "../../../server/http/index.js"
import { StorageError } from "../../../storage/errors.js"
import { cluster, fresh, rawRequest, restore, scrape, startDaemon } from "./daemon.js"

describe("an answer that does not come", () => {
  it("is unknown after the limit", async () => {
    const daemon = await startDaemon({ answer: () => new Promise(() => undefined), limits: { answerMs: 60 } })
    const response = await fetch(`${daemon.url}/exists/ns/data`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({
      exists: false,
      decision: "unknown",
      authoritative: false,
      namespace: "ns",
      pvc: "data",
      backend: "kopia-fs",
      error: "No certain answer within 60 ms. Ask again: the listing goes on meanwhile.",
    })
    expect(daemon.server.traffic.inFlight).toBe(0)
  })

  it("changes nothing when it comes after all", async () => {
    let answerLate: () => void = () => undefined
    const daemon = await startDaemon({
      answer: () =>
        new Promise(
          (resolve) =>
            (answerLate = () => {
              resolve(restore)
            }),
        ),
      limits: { answerMs: 30 },
    })
    expect((await fetch(`${daemon.url}/exists/ns/data`)).status).toBe(503)
    answerLate()
    const lines = (await scrape(daemon)).split("\n")
    expect(lines).toContain("pvc_plumber_requests_total 1")
    expect(lines).toContain('pvc_plumber_backup_check_total{backend="kopia-fs",decision="restore"} 0')
  })

  it.each([
    [
      "thrown",
      () => {
        throw new Error("secret detail")
      },
    ],
    ["rejected", () => Promise.reject(new Error("secret detail"))],
  ])("is unknown when a bug is %s, which only the log tells", async (_, answer) => {
    const daemon = await startDaemon({ answer })
    const response = await fetch(`${daemon.url}/exists/ns/data`)
    expect(response.status).toBe(503)
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ decision: "unknown", authoritative: false })
    expect(text).not.toContain("secret detail")
    expect(daemon.errors).toEqual([
      {
        fields: { err: new Error("secret detail"), path: "/exists/ns/data" },
        message: "no answer could be made",
      },
    ])
  })
})

describe("/readyz", () => {
  const clusters = [
    cluster("home", { networks: ["192.168.10.0/24"] }),
    cluster("lab", { networks: ["10.1.0.0/16"] }),
  ]
  const broken = {
    ready: (name: string) =>
      name === "lab"
        ? ({ ok: false, error: 'repository "lab" cannot be read' } as const)
        : ({ ok: true } as const),
  }
  const readyFrom = async (client: string) => {
    const { port } = await startDaemon({ clusters, readiness: broken, trustedHops: ["127.0.0.1/32"] })
    return rawRequest(
      port,
      `GET /readyz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${client}\r\nConnection: close\r\n\r\n`,
    )
  }

  it("is ready for the cluster whose repositories are", async () => {
    const { status, body } = await readyFrom("192.168.10.4")
    expect([status, body]).toEqual([200, '{"status":"ok"}\n'])
  })

  it("is not ready for the cluster whose repository is broken", async () => {
    const { status, head, body } = await readyFrom("10.1.0.9")
    expect(status).toBe(503)
    expect(head).toContain("Content-Type: application/json")
    expect(body).toBe('{"status":"not ready","error":"repository \\"lab\\" cannot be read"}\n')
  })

  it("is not ready for whom it does not know", async () => {
    const { status, body } = await readyFrom("172.16.0.1")
    expect(status).toBe(503)
    expect(JSON.parse(body)).toEqual({
      status: "not ready",
      error: expect.stringContaining("cluster unclear") as unknown,
    })
  })

  it("is not ready when nobody can tell", async () => {
    const ready = () => {
      throw new Error("secret detail")
    }
    const { url, errors } = await startDaemon({ readiness: { ready } })
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ status: "not ready", error: "internal error" })
    expect(errors).toHaveLength(1)
  })
})

describe("an error of a route", () => {
  const api = express.Router()
  api.get("/missing", () => {
    throw new StorageError("missing", "no such store", { hint: "Declare it." })
  })
  api.get("/hung", async () => Promise.reject(new StorageError("timeout", "no answer within 2 s")))
  api.get("/refused", () => {
    throw new HttpError(409, "stale_plan", "Something else was applied since.", {
      problems: [{ path: ["stores"], line: 1, column: null, message: "changed" }],
    })
  })
  api.get("/bug", () => {
    throw new TypeError("secret detail")
  })
  api.post("/json", express.json(), (request, response) => {
    response.json({ got: request.body as unknown })
  })
  api.get("/volumes/:name", (request, response) => {
    response.json(request.params)
  })

  it.each([
    ["/missing", 404, { code: "missing", message: "no such store", hint: "Declare it." }],
    ["/hung", 503, { code: "timeout", message: "no answer within 2 s", hint: null }],
    [
      "/refused",
      409,
      {
        code: "stale_plan",
        message: "Something else was applied since.",
        hint: null,
        problems: [{ path: ["stores"], line: 1, column: null, message: "changed" }],
      },
    ],
    [
      "/bug",
      500,
      { code: "internal", message: "Internal error. The daemon's log has the details.", hint: null },
    ],
    ["/volumes/%ff", 400, { code: "bad_request", message: "Failed to decode param '%ff'", hint: null }],
  ])("of %s has the status %i", async (path, status, body) => {
    const { url, errors } = await startDaemon({ api: () => Promise.resolve(api) })
    const response = await fetch(url + path)
    expect(response.status).toBe(status)
    expect(response.headers.get("x-powered-by")).toBeNull()
    expect(await response.json()).toEqual(body)
    expect(errors).toHaveLength(status === 500 ? 1 : 0)
  })

  it("is the client's own when its JSON is none", async () => {
    const { url, errors } = await startDaemon({ api: () => Promise.resolve(api) })
    const headers = { "content-type": "application/json" }
    const response = await fetch(`${url}/json`, { method: "POST", headers, body: "{" })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: "bad_request" })
    expect(errors).toEqual([])
    expect((await fetch(`${url}/json`, { method: "POST", headers, body: '{"a":1}' })).status).toBe(200)
  })
})

describe("a collector of metrics", () => {
  it("is asked before each scrape", async () => {
    const metrics = new Metrics("kopia-fs")
    const { Gauge } = await import("prom-client")
    const gauge = new Gauge({
      name: "cistern_up",
      help: "Up.",
      labelNames: ["repository"],
      registers: [metrics.registry],
    })
    let up = 0
    metrics.addCollector(() => {
      gauge.set({ repository: "shared" }, (up += 1))
    })
    const daemon = await startDaemon({ metrics })
    expect(await scrape(daemon)).toContain('\ncistern_up{repository="shared"} 1\n')
    expect(await scrape(daemon)).toContain('\ncistern_up{repository="shared"} 2\n')
  })

  it("that fails costs only its own samples", async () => {
    const metrics = new Metrics("kopia-fs")
    metrics.addCollector(() => {
      throw new Error("broken")
    })
    const daemon = await startDaemon({ metrics, answer: () => fresh })
    await fetch(`${daemon.url}/exists/a/b`)
    const text = await scrape(daemon)
    expect(text).toContain("\npvc_plumber_requests_total 1\n".slice(1))
    expect(text).toContain("\ncistern_metrics_collector_failures_total 1\n")
  })

  it("renders text that a scraper accepts, line by line", async () => {
    const daemon = await startDaemon({ backend: 'odd"\\name' })
    for (const line of (await scrape(daemon)).split("\n")) {
      expect(line).toMatch(
        /^$|^# (HELP|TYPE) [a-z_]+ .+$|^[a-z_]+(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? \S+$/,
      )
    }
  })

  it("counts lookups that shared a listing", async () => {
    const daemon = await startDaemon()
    for (let i = 0; i < 7; i++) daemon.metrics.countShared()
    expect(await scrape(daemon)).toContain("\npvcplumber_exists_singleflight_dedup_total 7\n")
  })
})
