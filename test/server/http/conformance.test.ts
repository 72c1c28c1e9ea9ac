import { describe, expect, it } from "vitest"
import { existsBody } from "../../../server/http/contract/exists.js"
import type { ExistsAnswer } from "../../../server/http/index.js"
import { fresh, rawGet, restore, scrape, startDaemon, unknown } from "./daemon.js"

// Every row of cluster-side §3.4 "Handler", and the exact text of §3.2.

describe("the handler of pvc-plumber", () => {
  it("answers restore with 200", async () => {
    const { url } = await startDaemon({ backend: "s3" })
    const response = await fetch(`${url}/exists/karakeep/data-pvc`)
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("application/json")
    expect(await response.text()).toBe(
      '{"exists":true,"decision":"restore","authoritative":true,"namespace":"karakeep","pvc":"data-pvc","backend":"s3"}\n',
    )
  })

  it("answers fresh with 200", async () => {
    const { url } = await startDaemon({ answer: () => fresh })
    const response = await fetch(`${url}/exists/test-ns/test-pvc`)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(
      '{"exists":false,"decision":"fresh","authoritative":true,"namespace":"test-ns","pvc":"test-pvc","backend":"kopia-fs"}\n',
    )
  })

  it("answers a backend's error with 503 and unknown", async () => {
    const { url } = await startDaemon({ answer: () => unknown })
    const response = await fetch(`${url}/exists/error-ns/error-pvc`)
    expect(response.status).toBe(503)
    expect(await response.text()).toBe(
      '{"exists":false,"decision":"unknown","authoritative":false,"namespace":"error-ns","pvc":"error-pvc",' +
        '"backend":"kopia-fs","error":"connection failed"}\n',
    )
  })

  it.each(["/exists/namespace-only", "/exists/", "/exists"])("answers %s with 400", async (path) => {
    const { url, asked } = await startDaemon()
    const response = await fetch(url + path)
    expect(response.status).toBe(400)
    expect(response.headers.get("content-type")).toBe("application/json")
    expect(await response.text()).toBe(
      '{"exists":false,"decision":"unknown","authoritative":false,"namespace":"","pvc":"","backend":"",' +
        '"error":"invalid path format, expected /exists/{namespace}/{pvc}"}\n',
    )
    expect(asked).toEqual([])
  })

  it("is healthy whatever the backend is", async () => {
    const { url } = await startDaemon({
      clusters: [],
      readiness: { ready: () => ({ ok: false, error: "no repository" }) },
    })
    const response = await fetch(`${url}/healthz`)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('{"status":"ok"}\n')
  })

  it("is ready when the cluster's repositories are", async () => {
    const { url } = await startDaemon()
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('{"status":"ok"}\n')
  })

  it("is not ready without a cluster to speak of", async () => {
    const { url } = await startDaemon({ clusters: [] })
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
  })

  it("asks for an answer with a deadline", async () => {
    const { url, asked } = await startDaemon({ limits: { answerMs: 50 } })
    await fetch(`${url}/exists/a/b`)
    expect(asked).toHaveLength(1)
    expect((asked[0]?.deadline ?? 0) - (asked[0]?.arrivedAt.mono ?? 0)).toBeCloseTo(50, 3)
  })

  it("shows every metric at zero before the first request", async () => {
    const { url } = await startDaemon()
    const response = await fetch(`${url}/metrics`)
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    const text = await response.text()
    for (const name of [
      "pvc_plumber_requests_total",
      "pvc_plumber_requests_errors_total",
      "pvc_plumber_backup_check_total",
      "pvcplumber_exists_singleflight_dedup_total",
    ]) {
      expect(text).toContain(`# HELP ${name} `)
      expect(text).toContain(`# TYPE ${name} counter\n`)
    }
    expect(samplesOfPlumber(text)).toEqual([
      "pvc_plumber_requests_total 0",
      "pvc_plumber_requests_errors_total 0",
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="restore"} 0',
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="fresh"} 0',
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="unknown"} 0',
      "pvcplumber_exists_singleflight_dedup_total 0",
    ])
  })

  it("counts a restore by backend and decision", async () => {
    const daemon = await startDaemon({ backend: "s3" })
    await fetch(`${daemon.url}/exists/a/b`)
    const lines = (await scrape(daemon)).split("\n")
    expect(lines).toContain("pvc_plumber_requests_total 1")
    expect(lines).toContain("pvc_plumber_requests_errors_total 0")
    expect(lines).toContain('pvc_plumber_backup_check_total{backend="s3",decision="restore"} 1')
  })

  it("counts a backend's error", async () => {
    const daemon = await startDaemon({ backend: "s3", answer: () => unknown })
    await fetch(`${daemon.url}/exists/a/b`)
    const lines = (await scrape(daemon)).split("\n")
    expect(lines).toContain("pvc_plumber_requests_errors_total 1")
    expect(lines).toContain('pvc_plumber_backup_check_total{backend="s3",decision="unknown"} 1')
  })

  it("counts a bad path as a request and an error, and as no check", async () => {
    const daemon = await startDaemon()
    await fetch(`${daemon.url}/exists/only`)
    expect(samplesOfPlumber(await scrape(daemon))).toEqual([
      "pvc_plumber_requests_total 1",
      "pvc_plumber_requests_errors_total 1",
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="restore"} 0',
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="fresh"} 0',
      'pvc_plumber_backup_check_total{backend="kopia-fs",decision="unknown"} 0',
      "pvcplumber_exists_singleflight_dedup_total 0",
    ])
  })

  it("counts only /exists as requests", async () => {
    const daemon = await startDaemon()
    for (const path of ["/healthz", "/readyz", "/metrics", "/elsewhere"]) await fetch(daemon.url + path)
    expect(await scrape(daemon)).toContain("\npvc_plumber_requests_total 0\n")
  })
})

describe("the body of an answer", () => {
  const source = "data-backup@karakeep:/data"
  const evidence = {
    repository: "shared",
    snapshots: 2,
    newest: "2026-01-02T03:04:05Z",
    oldest: null,
    bytes: 5,
    files: 1,
    verified: null,
    drilled: null,
    reason: "complete_snapshot",
  }

  it("names the source after the backend, and then the error", async () => {
    const { url } = await startDaemon({ answer: () => ({ ...unknown, source }) })
    expect(await (await fetch(`${url}/exists/karakeep/data`)).text()).toBe(
      '{"exists":false,"decision":"unknown","authoritative":false,"namespace":"karakeep","pvc":"data",' +
        `"backend":"kopia-fs","source":"${source}","error":"connection failed"}\n`,
    )
  })

  it("has the evidence last", async () => {
    const { url } = await startDaemon({ answer: () => ({ ...restore, source, evidence }) })
    const text = await (await fetch(`${url}/exists/karakeep/data?evidence=1`)).text()
    expect(text).toBe(
      '{"exists":true,"decision":"restore","authoritative":true,"namespace":"karakeep","pvc":"data",' +
        `"backend":"kopia-fs","source":"${source}","evidence":${JSON.stringify(evidence)}}\n`,
    )
    expect(existsBody.parse(JSON.parse(text))).toEqual(JSON.parse(text))
  })

  it.each([
    ["", false],
    ["?", false],
    ["?evidence=0", false],
    ["?evidence=10", false],
    ["?noevidence=1", false],
    ["?evidence=1", true],
    ["?a=b&evidence=1", true],
  ])("asks for evidence by %j: %j", async (query, wanted) => {
    const { port, asked } = await startDaemon()
    await rawGet(port, `/exists/a/b${query}`)
    expect(asked.map((request) => request.evidence)).toEqual([wanted])
  })

  it.each<[string, ExistsAnswer]>([
    ["restore", restore],
    ["fresh", fresh],
    ["unknown", unknown],
  ])("keeps the schema of the contract for %s", async (_, answer) => {
    const { url } = await startDaemon({ answer: () => answer })
    const body: unknown = await (await fetch(`${url}/exists/a/b`)).json()
    expect(existsBody.parse(body)).toEqual(body)
  })

  it("may not be kept by a proxy", async () => {
    const { url } = await startDaemon({ answer: () => fresh })
    expect((await fetch(`${url}/exists/a/b`)).headers.get("cache-control")).toBe("no-store")
  })
})

function samplesOfPlumber(text: string): string[] {
  return text.split("\n").filter((line) => /^pvc_?plumber/.test(line))
}
