import { once } from "node:events"
import { Agent, type IncomingMessage, request } from "node:http"
import { connect, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { until } from "../support/until.js"
import { documentOf, sharedKopia, sharedStore } from "./fleet.js"

/** Sends what stands there, which a client's library would clean up first, and reads until the connection closes. */
async function raw(
  daemon: DaemonProcess,
  target: string,
  method = "GET",
): Promise<{ status: number; body: string }> {
  const socket = await open(daemon)
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: nas\r\nConnection: close\r\n\r\n`)
  return parse(await readAll(socket))
}

async function open(daemon: DaemonProcess): Promise<Socket> {
  const socket = connect(daemon.port, daemon.host)
  await once(socket, "connect")
  return socket
}

async function readAll(socket: Socket): Promise<string> {
  let text = ""
  socket.setEncoding("utf8")
  for await (const chunk of socket) text += String(chunk)
  return text
}

function parse(text: string): { status: number; body: string } {
  return { status: Number(text.split(" ")[1]), body: text.slice(text.indexOf("\r\n\r\n") + 4) }
}

async function serving(): Promise<DaemonProcess> {
  const { store } = sharedStore()
  const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
  await daemon.answers("home/home-assistant", "restore")
  return daemon
}

describe("a client that asks for what no volume can be called", () => {
  it("is refused with 400 and pvc-plumber's body, and the daemon looks nothing up", async () => {
    const daemon = await serving()
    for (const target of [
      "/exists/",
      "/exists/home",
      "/exists/home/",
      "/exists/home/a/b",
      "/exists/home/home-assistant/",
      "/exists/Home/data",
      "/exists/home/Data",
      "/exists/home/my_data",
      "/exists/home/a%20b",
      "/exists/home/-data",
      "/exists/home/--log-dir=%2Ftmp",
      `/exists/home/${"a".repeat(254)}`,
      `/exists/${"n".repeat(64)}/data`,
      "/exists/home/d%C3%A4ta",
      "/exists/home/%FF%FE",
      "/exists/home/%",
      "/exists/home/a%00b",
      "/exists/home%2Fhome-assistant",
      "/exists/home/..%2Fhome-assistant",
      "/exists/home/%2E%2E",
      "/exists/../exists/home/home-assistant",
      "/exists/home/../home/home-assistant",
    ]) {
      const { status, body } = await raw(daemon, target)
      expect(status, target).toBe(400)
      expect(JSON.parse(body), target).toMatchObject({
        exists: false,
        decision: "unknown",
        authoritative: false,
        namespace: "",
        pvc: "",
        error: "invalid path format, expected /exists/{namespace}/{pvc}",
      })
    }
    const volumes = await daemon.admin("GET", "/api/v1/volumes")
    expect(volumes.body).not.toContain("log-dir")
  })

  it("is refused with a URL of 64 KiB, and the daemon answers the next one", async () => {
    const daemon = await serving()
    const { status } = await raw(daemon, `/exists/home/${"a".repeat(65_536)}`)
    expect(status).toBe(431)
    expect((await raw(daemon, `/exists/home/${"a".repeat(20_000)}`)).status).toBe(400)
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
  })
})

describe("many clients at once", () => {
  it("a thousand in parallel are all answered, each with its own volume's answer and the same as alone", async () => {
    const daemon = await serving()
    const wanted = {
      "home/home-assistant": "restore",
      "monitoring/grafana": "restore",
      "home/brand-new": "fresh",
      "home/zigbee2mqtt": "unknown",
      "databases/never-seen": "fresh",
    }
    const volumes = Object.keys(wanted) as (keyof typeof wanted)[]
    const asked = Array.from(
      { length: 1_000 },
      (_, index) => volumes[index % volumes.length] ?? "home/brand-new",
    )
    const answers = await Promise.all(
      asked.map(async (volume) => ({ volume, ...(await daemon.get(`/exists/${volume}`)) })),
    )
    for (const { volume, body } of answers) {
      const [namespace, pvc] = volume.split("/")
      expect(JSON.parse(body)).toMatchObject({ namespace, pvc, decision: wanted[volume] })
    }
    expect(Math.max(...answers.map(({ milliseconds }) => milliseconds))).toBeLessThan(5_000)
  })

  it("that send their requests slowly, or never, hold nobody else up and are cut in the end", async () => {
    const daemon = await serving()
    const slow = await Promise.all(Array.from({ length: 200 }, () => open(daemon)))
    const ended = slow.map(async (socket) => {
      socket.on("error", () => undefined)
      await once(socket, "close")
    })
    for (const socket of slow) socket.write("GET /exists/home/home-assistant HTTP/1.1\r\nHost: n")
    for (let round = 0; round < 20; round++) {
      const answer = await daemon.exists("home/home-assistant")
      expect(answer).toMatchObject({ decision: "restore" })
      expect(answer.milliseconds).toBeLessThan(500)
    }
    for (const socket of slow) socket.resume()
    await Promise.all(ended)
  })

  it("that hang up do not take the answer from those who wait for the same", async () => {
    const daemon = await serving()
    const hasty = await Promise.all(Array.from({ length: 50 }, () => open(daemon)))
    for (const socket of hasty) socket.write("GET /exists/home/brand-new HTTP/1.1\r\nHost: nas\r\n\r\n")
    const patient = daemon.exists("home/brand-new")
    for (const socket of hasty) socket.destroy()
    expect(await patient).toMatchObject({ decision: "fresh" })
  })
})

describe("SIGTERM under load", () => {
  it("leaves no request that was taken without its answer, and the process ends with 0 within 10 s", async () => {
    const daemon = await serving()
    const agent = new Agent({ keepAlive: true, maxSockets: 64 })
    const answered = new Set<string>()
    const lost: { path: string; taken: boolean }[] = []
    let stopping = false
    let next = 0
    const client = async (): Promise<void> => {
      for (;;) {
        const path = `/exists/home/app-${next++}`
        const outgoing = request({ host: daemon.host, port: daemon.port, path, agent })
        outgoing.end()
        const before = !stopping
        try {
          const [response] = (await once(outgoing, "response")) as [IncomingMessage]
          expect(JSON.parse(await text(response))).toMatchObject({ decision: "fresh" })
          answered.add(path)
        } catch {
          // The kernel resets connections that wait to be accepted when nobody listens any more; on one that was in use,
          // or before the signal, every request was taken.
          lost.push({ path, taken: before || outgoing.reusedSocket })
          return
        }
      }
    }
    const clients = Array.from({ length: 48 }, client)
    await until(
      () => answered.size,
      (size) => size > 500,
      "load",
    )
    stopping = true
    const asked = performance.now()
    const { exitCode, signal, stdout, stderr } = await daemon.stop()
    expect(performance.now() - asked).toBeLessThan(10_000)
    await Promise.all(clients)
    agent.destroy()
    expect({ exitCode, signal, stderr }).toEqual({ exitCode: 0, signal: null, stderr: "" })
    expect(lost.filter(({ taken }) => taken)).toEqual([])
    // What the daemon says it answered did arrive.
    const said = [...stdout.matchAll(/"path":"(\/exists\/home\/app-\d+)"/g)].map(([, path]) => path ?? "")
    expect(said.length).toBeGreaterThanOrEqual(answered.size)
    expect(said.filter((path) => !answered.has(path))).toEqual([])
  })
})
