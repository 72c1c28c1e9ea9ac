import { once } from "node:events"
import { Agent, get } from "node:http"
import { describe, expect, it } from "vitest"
import { type ExistsAnswer, stopServer } from "../../../server/http/index.js"
import { fresh, open, parseResponse, readAll, restore, startDaemon } from "./daemon.js"

describe("stopping", () => {
  it("answers every request that was taken, under load", async () => {
    const daemon = await startDaemon({
      answer: ({ pvc }) => (Number(pvc) % 3 === 0 ? inAWhile(fresh) : restore),
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 32 })
    const answered = new Set<string>()
    let next = 0
    let refused = 0
    const client = async (): Promise<void> => {
      while (refused < 1_000) {
        const name = String(next++)
        const body = await asked(daemon.port, `/exists/ns/${name}`, agent)
        if (body === undefined) {
          refused += 1
          if (!daemon.server.listening) return
        } else {
          expect(JSON.parse(body)).toMatchObject({ pvc: name })
          answered.add(name)
        }
      }
    }
    const clients = Array.from({ length: 32 }, client)
    await expect.poll(() => answered.size).toBeGreaterThan(300)
    await stopServer(daemon.server, 5_000)
    await Promise.all(clients)
    agent.destroy()
    const taken = daemon.asked.map(({ pvc }) => pvc)
    expect(taken.filter((pvc) => !answered.has(pvc))).toEqual([])
    expect(answered.size).toBe(taken.length)
    expect(daemon.server.traffic.inFlight).toBe(0)
  })

  it("waits for an answer that is on its way", async () => {
    let answer: (answer: ExistsAnswer) => void = () => undefined
    const daemon = await startDaemon({ answer: () => new Promise((resolve) => (answer = resolve)) })
    const response = fetch(`${daemon.url}/exists/ns/data`)
    await expect.poll(() => daemon.asked.length).toBe(1)
    const stopped = stopServer(daemon.server, 5_000)
    await expect.poll(() => daemon.server.listening).toBe(false)
    answer(restore)
    expect((await response).status).toBe(200)
    expect((await response).headers.get("connection")).toBe("close")
    await stopped
  })

  it("cuts what is still there at the deadline", async () => {
    const daemon = await startDaemon({
      answer: () => new Promise(() => undefined),
      limits: { answerMs: 60_000 },
    })
    const response = fetch(`${daemon.url}/exists/ns/data`).then(
      () => "answered",
      () => "cut",
    )
    await expect.poll(() => daemon.asked.length).toBe(1)
    await stopServer(daemon.server, 300)
    expect(await response).toBe("cut")
  })

  it("closes idle connections and does not wait for those that never asked", async () => {
    const daemon = await startDaemon()
    const silent = await open(daemon.port)
    const idle = await open(daemon.port)
    idle.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await once(idle, "readable")
    const began = performance.now()
    await stopServer(daemon.server, 10_000)
    expect(parseResponse(await readAll(idle)).status).toBe(200)
    silent.destroy()
    // The deadline itself is ten seconds away.
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it("may be asked for twice", async () => {
    const { server } = await startDaemon()
    await Promise.all([stopServer(server, 1_000), stopServer(server, 1_000)])
    await stopServer(server, 1_000)
    expect(server.listening).toBe(false)
  })
})

function inAWhile(answer: ExistsAnswer): Promise<ExistsAnswer> {
  return new Promise((resolve) =>
    setTimeout(() => {
      resolve(answer)
    }, 5),
  )
}

/** The body, undefined when the connection was refused or ended before an answer began; rejects when an answer is cut. */
async function asked(port: number, path: string, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (body += chunk))
      response.on("error", reject)
      response.on("end", () => {
        resolve(body)
      })
    }).on("error", () => {
      resolve(undefined)
    })
  })
}
