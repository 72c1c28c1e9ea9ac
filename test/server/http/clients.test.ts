import { once } from "node:events"
import { Agent, get, type IncomingMessage, request } from "node:http"
import { describe, expect, it } from "vitest"
import type { ExistsAnswer } from "../../../server/http/index.js"
import {
  fresh,
  open,
  parseResponse,
  rawGet,
  rawRequest,
  readAll,
  restore,
  scrape,
  startDaemon,
} from "./daemon.js"

const hurried = { headersMs: 200, requestMs: 400, keepAliveMs: 300 }

describe("a method", () => {
  it.each(["/exists/ns/data", "/exists/bad", "/healthz", "/readyz", "/metrics"])(
    "HEAD of %s has the head of GET and no body",
    async (target) => {
      const { port } = await startDaemon()
      const got = await rawGet(port, target)
      const head = await rawGet(port, target, "HEAD")
      expect(head.status).toBe(got.status)
      expect(head.body).toBe("")
      expect(head.head).toMatch(/^content-length: [1-9]\d*$/im)
      expect(head.head).toMatch(/^content-type: /im)
    },
  )

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])(
    "%s is refused with what is allowed",
    async (method) => {
      const { url, asked } = await startDaemon()
      for (const path of ["/exists/ns/data", "/exists/bad", "/healthz", "/readyz", "/metrics"]) {
        const response = await fetch(url + path, { method })
        expect(response.status).toBe(405)
        expect(response.headers.get("allow")).toBe("GET, HEAD")
        expect(await response.json()).toMatchObject({ code: "method_not_allowed" })
      }
      expect(asked).toEqual([])
    },
  )

  it("does not matter in compatibility mode", async () => {
    const { url } = await startDaemon({ anyMethod: true })
    const response = await fetch(`${url}/exists/ns/data`, { method: "POST", body: '{"key":"value"}' })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ decision: "restore", namespace: "ns" })
  })

  it("leaves a connection usable after a body that nobody read", async () => {
    const { port } = await startDaemon()
    const body = "x".repeat(200_000)
    const text = await rawRequest(
      port,
      `GET /exists/ns/one HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
        "GET /exists/ns/two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    expect(text.head).toContain("200 OK")
    expect(text.body).toContain('"pvc":"one"')
    expect(text.body).toContain('"pvc":"two"')
  })
})

describe("a client", () => {
  it("gets a clean 431 for a URL of 64 KiB", async () => {
    const { port, asked } = await startDaemon()
    const { status, head, body } = await rawGet(port, `/exists/ns/${"a".repeat(64 * 1024)}`)
    expect(status).toBe(431)
    expect(head).toContain("Connection: close")
    expect(JSON.parse(body)).toMatchObject({ code: "too_large" })
    expect(asked).toEqual([])
  })

  it("gets a clean 431 for headers of 1 MiB", async () => {
    const { port } = await startDaemon()
    const { status } = await rawRequest(
      port,
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(1024 * 1024)}\r\n\r\n`,
    )
    expect(status).toBe(431)
  })

  it("gets a clean 400 for what is not HTTP", async () => {
    const { port } = await startDaemon()
    const { status, body } = await rawRequest(port, "\x16\x03\x01 hello\r\n\r\n")
    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ code: "bad_request" })
  })

  it("that sends its headers too slowly is cut, with a 408", async () => {
    const { port, url } = await startDaemon({ limits: hurried })
    const socket = await open(port)
    const trickle = setInterval(() => socket.write("X-A: b\r\n"), 20)
    socket.write("GET /exists/ns/data HTTP/1.1\r\nHost: x\r\n")
    const text = await readAll(socket)
    clearInterval(trickle)
    expect(parseResponse(text).status).toBe(408)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it("that connects and sends nothing is cut", async () => {
    const { port } = await startDaemon({ limits: hurried })
    const socket = await open(port)
    expect(parseResponse(await readAll(socket)).status).toBe(408)
  })

  it("that sends its body too slowly is answered and cut", async () => {
    const { port } = await startDaemon({ limits: hurried })
    const socket = await open(port)
    const trickle = setInterval(() => socket.write("x"), 20)
    socket.write("GET /exists/ns/data HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    const text = await readAll(socket)
    clearInterval(trickle)
    expect(parseResponse(text).status).toBe(200)
  })

  it("may ask again over the same connection", async () => {
    const { port } = await startDaemon()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    for (let i = 0; i < 5; i++) {
      const response = await gotten(port, "/exists/ns/data", agent)
      ports.add(response.socket.localPort)
      expect(response.headers["keep-alive"]).toBe("timeout=10")
      response.resume()
      await once(response, "end")
    }
    agent.destroy()
    expect(ports.size).toBe(1)
  })

  it("that is idle is let go", async () => {
    const { port } = await startDaemon({ limits: hurried })
    const socket = await open(port)
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    expect(await readAll(socket)).toContain('{"status":"ok"}')
  })

  it("that hangs up takes nobody's answer away", async () => {
    let answer: (answer: ExistsAnswer) => void = () => undefined
    const lookup = new Promise<ExistsAnswer>((resolve) => (answer = resolve))
    const daemon = await startDaemon({ answer: () => lookup })
    const patient = [1, 2, 3].map(() => fetch(`${daemon.url}/exists/ns/data`))
    const impatient = request(`${daemon.url}/exists/ns/data`).on("error", () => undefined)
    impatient.end()
    await expect.poll(() => daemon.asked.length).toBe(4)
    impatient.destroy()
    await expect.poll(() => connections(daemon.server)).toBe(3)
    answer(fresh)
    const bodies = (await Promise.all(
      (await Promise.all(patient)).map((response) => response.json()),
    )) as ExistsAnswer[]
    expect(bodies.map(({ decision }) => decision)).toEqual(["fresh", "fresh", "fresh"])
    expect(daemon.errors).toEqual([])
    expect(daemon.server.traffic.inFlight).toBe(0)
  })
})

describe("1,000 requests at once", () => {
  it("are all answered, each with its own names", async () => {
    let shared: Promise<ExistsAnswer> | undefined
    const daemon = await startDaemon({
      // Half of them wait for one lookup that takes a turn of the event loop.
      answer: ({ pvc }) => (Number(pvc) % 2 === 0 ? restore : (shared ??= soon(fresh))),
    })
    const agent = new Agent({ maxSockets: 1_000 })
    const names = Array.from({ length: 1_000 }, (_, index) => String(index))
    const bodies = await Promise.all(
      names.map(async (name) => {
        const response = await gotten(daemon.port, `/exists/ns/${name}`, agent)
        return [
          response.statusCode,
          JSON.parse(await textOf(response)) as { pvc: string; decision: string },
        ] as const
      }),
    )
    agent.destroy()
    expect(bodies.every(([status]) => status === 200)).toBe(true)
    expect(bodies.map(([, body]) => body.pvc)).toEqual(names)
    expect(bodies.map(([, body]) => body.decision)).toEqual(
      names.map((name) => (Number(name) % 2 ? "fresh" : "restore")),
    )
    const lines = (await scrape(daemon)).split("\n")
    expect(lines).toContain("pvc_plumber_requests_total 1000")
    expect(lines).toContain('pvc_plumber_backup_check_total{backend="kopia-fs",decision="fresh"} 500')
    expect(lines).toContain('cistern_exists_duration_seconds_bucket{le="+Inf"} 1000')
  })
})

function soon(answer: ExistsAnswer): Promise<ExistsAnswer> {
  return new Promise((resolve) =>
    setImmediate(() => {
      resolve(answer)
    }),
  )
}

async function gotten(port: number, path: string, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent }, resolve).on("error", reject)
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ""
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk)
  return text
}

async function connections(server: {
  getConnections(done: (error: Error | null, count: number) => void): void
}): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_, count) => {
      resolve(count)
    })
  })
}
