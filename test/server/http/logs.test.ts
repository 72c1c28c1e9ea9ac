import { describe, expect, it } from "vitest"
import { AccessLog } from "../../../server/http/index.js"
import { createLog, type LogSink, parseLogLevel } from "../../../server/log.js"
import { Secret } from "../../../storage/secret.js"
import { rawRequest, startDaemon } from "./daemon.js"

class Lines implements LogSink {
  readonly writes: string[] = []
  flushed = 0

  write(text: string): void {
    this.writes.push(text)
  }

  flushSync(): void {
    this.flushed += 1
  }

  get entries(): Record<string, unknown>[] {
    const lines = this.writes.join("").split("\n").slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }
}

describe("the access log", () => {
  it("has one line for each request: method, path, status, duration and client", async () => {
    const lines = new Lines()
    const accessLog = new AccessLog(lines)
    const { url } = await startDaemon({ accessLog })
    for (const path of ["/exists/ns/data?evidence=1", "/exists/bad", "/healthz", "/readyz", "/metrics"]) {
      await fetch(url + path)
    }
    await fetch(`${url}/exists/ns/data`, { method: "POST" })
    await fetch(`${url}/elsewhere?token=hidden`)
    accessLog.flush()
    await expect.poll(() => lines.entries.length).toBe(7)
    expect(lines.entries.map(({ method, path, status }) => [method, path, status])).toEqual([
      ["GET", "/exists/ns/data", 200],
      ["GET", "/exists/bad", 400],
      ["GET", "/healthz", 200],
      ["GET", "/readyz", 200],
      ["GET", "/metrics", 200],
      ["POST", "/exists/ns/data", 405],
      ["GET", "/elsewhere", 404],
    ])
    for (const entry of lines.entries) {
      expect(entry).toMatchObject({ level: "info", msg: "request", client: "127.0.0.1" })
      expect(Math.abs(Date.now() - Number(entry["time"]))).toBeLessThan(60_000)
      expect(entry["ms"]).toBeGreaterThanOrEqual(0)
    }
  })

  it("never tells a query or a header", async () => {
    const lines = new Lines()
    const accessLog = new AccessLog(lines)
    const { port, errors } = await startDaemon({
      accessLog,
      answer: () => {
        throw new Error("broken")
      },
    })
    const { head, body } = await rawRequest(
      port,
      "GET /exists/ns/data?evidence=1&token=hidden-query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
        "Authorization: Bearer hidden-token\r\nCookie: hidden-cookie\r\n\r\n",
    )
    accessLog.flush()
    expect(lines.entries).toHaveLength(1)
    expect([head, body, lines.writes.join(""), JSON.stringify(errors)].join("\n")).not.toContain("hidden")
  })

  it("keeps a line a line, and short, whatever the path is", () => {
    const lines = new Lines()
    const log = new AccessLog(lines)
    log.write(0, "GET", `/a"\\\n\u2028${"x".repeat(20_000)}`, 404, 0.12345, undefined)
    log.flush()
    expect(lines.entries).toEqual([
      {
        level: "info",
        time: 0,
        msg: "request",
        method: "GET",
        path: expect.any(String) as unknown,
        status: 404,
        ms: 0.123,
        client: null,
      },
    ])
    expect(lines.writes[0]?.length).toBeLessThan(500)
  })

  it("gathers lines and writes them at once", async () => {
    const lines = new Lines()
    const log = new AccessLog(lines)
    for (let i = 0; i < 100; i++) log.write(i, "GET", "/exists/a/b", 200, 1, "10.0.0.1")
    expect(lines.writes).toEqual([])
    await expect.poll(() => lines.writes.length).toBe(1)
    expect(lines.entries.map(({ time }) => time)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  it("does not wait when much is gathered", () => {
    const lines = new Lines()
    const log = new AccessLog(lines)
    for (let i = 0; i < 1_000; i++) log.write(i, "GET", "/exists/a/b", 200, 1, "10.0.0.1")
    expect(lines.writes.length).toBeGreaterThan(0)
    expect(lines.writes.length).toBeLessThan(5)
    expect(lines.writes[0]?.length).toBeGreaterThanOrEqual(64 * 1024)
  })
})

describe("the daemon's log", () => {
  it("writes JSON lines with the level's name", () => {
    const lines = new Lines()
    createLog("info", lines).log.info({ repository: "shared" }, "listed")
    expect(lines.entries).toEqual([
      { level: "info", time: expect.any(Number) as unknown, repository: "shared", msg: "listed" },
    ])
  })

  it("never writes what is secret by its field or its type", () => {
    const lines = new Lines()
    const { log } = createLog("info", lines)
    log.info(
      { authorization: "hidden", request: { headers: { authorization: "hidden" } }, password: "hidden" },
      "one",
    )
    log.info(
      { s3: { secretKey: "hidden", accessKey: "hidden" }, token: "hidden", anything: new Secret("hidden") },
      "two",
    )
    expect(lines.entries).toHaveLength(2)
    expect(lines.writes.join("")).not.toContain("hidden")
  })

  it("writes an error with its code, facts and cause", () => {
    const lines = new Lines()
    createLog("info", lines).log.error({ err: new Error("outer", { cause: new Error("inner") }) }, "failed")
    expect(lines.entries[0]).toMatchObject({
      level: "error",
      err: { message: "outer", cause: { message: "inner" } },
    })
  })

  it("writes out at once what went wrong, and leaves the rest to gather", () => {
    const lines = new Lines()
    const { log } = createLog("info", lines)
    log.info("fine")
    expect(lines.flushed).toBe(0)
    log.error("broken")
    expect(lines.flushed).toBe(1)
  })

  it.each([
    ["debug", true],
    ["info", true],
    ["warn", false],
    ["silent", false],
  ] as const)("at %s logs requests: %j", (level, logged) => {
    expect(createLog(level, new Lines()).logsRequests).toBe(logged)
  })

  it.each([
    [undefined, "info"],
    ["", "info"],
    ["DEBUG", "debug"],
    ["warn", "warn"],
    ["silent", "silent"],
    ["chatty", "info"],
  ])("reads LOG_LEVEL %j as %s", (text, level) => {
    expect(parseLogLevel(text)).toBe(level)
  })
})
