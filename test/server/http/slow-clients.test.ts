import type { Socket } from "node:net"
import { describe, expect, it } from "vitest"
import type { ExistsAnswer } from "../../../server/http/index.js"
import { type Daemon, fresh, open, rawGet, restore, scrape, startDaemon } from "./daemon.js"

// Over real sockets: the kernel's buffers between the two sides take some megabytes before anything waits in the daemon.

/** Nothing but what a test sets ends a connection. */
const patient = { headersMs: 60_000, requestMs: 60_000, keepAliveMs: 60_000, takeMs: 60_000 }

function requests(count: number, target = "/exists/ns/data"): string {
  return `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(count)
}

/** Sends requests for as long as the daemon takes them in, and reads nothing. */
async function flooding(port: number, target?: string): Promise<Socket> {
  const socket = await open(port)
  socket.pause()
  socket.on("error", () => undefined)
  const batch = requests(1_000, target)
  const more = (): void => {
    socket.write(batch, (error) => {
      if (error === undefined || error === null) more()
    })
  }
  more()
  return socket
}

async function connections({ server }: Daemon): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_, count) => {
      resolve(count)
    })
  })
}

/** Until nothing more happens on the daemon's connections: it goes round its event loop so often. */
async function turns(daemon: Daemon): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await (await fetch(`${daemon.url}/healthz`)).text()
}

describe("a client that asks on and on and takes no answer", () => {
  it("is read from no more, and cut when it took nothing in time", async () => {
    const daemon = await startDaemon({ limits: { ...patient, takeMs: 400 } })
    const socket = await flooding(daemon.port)
    await expect.poll(() => connections(daemon), { timeout: 10_000 }).toBe(1)
    await expect.poll(() => connections(daemon), { timeout: 20_000 }).toBe(0)
    // The kernel's buffers took some megabytes of answers; what waited beyond them is one reading of the socket.
    expect(daemon.asked.length).toBeLessThan(100_000)
    expect(await scrape(daemon)).toContain("cistern_http_connections_cut_total 1\n")
    expect((await fetch(`${daemon.url}/exists/ns/data`)).status).toBe(200)
    socket.destroy()
  })
})

describe("a client that takes its answers slowly", () => {
  it("is not cut as long as it goes on", async () => {
    const takeMs = 600
    const daemon = await startDaemon({ limits: { ...patient, takeMs } })
    const lines = (await rawGet(daemon.port, "/exists/ns/data")).head.split("\n").length + 2
    const socket = await open(daemon.port)
    const wanted = 30_000
    socket.write(requests(wanted))
    let taken = 0
    const began = performance.now()
    await new Promise<void>((resolve, reject) => {
      const sip = setInterval(() => {
        for (const byte of (socket.read() as Buffer | null) ?? []) if (byte === 0x0a) taken++
        if (taken < wanted * lines) return
        clearInterval(sip)
        resolve()
      }, 20)
      socket.once("close", () => {
        clearInterval(sip)
        reject(new Error(`cut after ${taken} lines`))
      })
    })
    expect(performance.now() - began).toBeGreaterThan(2 * takeMs)
    expect(await scrape(daemon)).toContain("cistern_http_connections_cut_total 0\n")
    socket.destroy()
  })
})

describe("a client that asks on and on while its answers are not known yet", () => {
  it("is read from no more until they are, and then gets every one, in order", async () => {
    let known: (answer: ExistsAnswer) => void = () => undefined
    const lookup = new Promise<ExistsAnswer>((resolve) => (known = resolve))
    const pending = 10
    const daemon = await startDaemon({
      limits: { ...patient, pending, answerMs: 60_000 },
      answer: () => lookup,
    })
    const socket = await open(daemon.port)
    const names = Array.from({ length: 20_000 }, (_, index) => String(index))
    socket.write(names.map((name) => requests(1, `/exists/ns/${name}`)).join(""))
    await expect.poll(() => daemon.asked.length).toBeGreaterThanOrEqual(pending)
    await turns(daemon)
    // What came with the request that was one too many has arrived already: one reading of at most 64 KiB.
    const mostAtOnce = (64 * 1024) / requests(1, "/exists/ns/0").length
    expect(daemon.asked.length).toBeLessThanOrEqual(pending + mostAtOnce)

    known(fresh)
    let text = ""
    socket.setEncoding("utf8")
    for await (const chunk of socket) {
      text += String(chunk)
      if (text.includes(`"pvc":"${names.length - 1}"`)) break
    }
    expect([...text.matchAll(/"pvc":"(\d+)"/g)].map(([, name]) => name)).toEqual(names)
    expect(daemon.server.traffic.inFlight).toBe(0)
    socket.destroy()
  })
})

describe("scrapes that come together", () => {
  it("share one rendering", async () => {
    const daemon = await startDaemon({ answer: () => restore })
    let rendered = 0
    daemon.metrics.addCollector(() => {
      rendered++
    })
    await Promise.all([daemon.metrics.render(), daemon.metrics.render(), daemon.metrics.render()])
    expect(rendered).toBe(1)
    await daemon.metrics.render()
    expect(rendered).toBe(2)
  })
})
