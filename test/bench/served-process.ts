import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { request } from "node:http"
import { createServer } from "node:net"
import { setTimeout as delay } from "node:timers/promises"

export interface Answer {
  readonly status: number
  readonly body: string
}

/** A server under measurement, of ours or of a peer, in a process of its own. */
export class ServedProcess {
  readonly pid: number
  readonly port: number
  /** When it was started, on the clock of `performance.now()`. */
  readonly started: number
  readonly #child: ChildProcess
  #said = ""

  constructor(
    command: readonly [string, ...string[]],
    environment: Readonly<Record<string, string>>,
    port: number,
  ) {
    const [program, ...args] = command
    this.started = performance.now()
    this.#child = spawn(program, args, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    })
    // Its log has to be read, or it would block; the end of it explains a failure.
    const keep = (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString("utf8")).slice(-4000)
    }
    this.#child.stdout?.on("data", keep)
    this.#child.stderr?.on("data", keep)
    if (this.#child.pid === undefined) throw new Error(`${program} cannot be started`)
    this.pid = this.#child.pid
    this.port = port
  }

  get(path: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port: this.port, path }, (response) => {
        let body = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => (body += chunk))
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body })
        })
        response.on("error", reject)
      })
        .on("error", reject)
        .end()
    })
  }

  /** Asks until the answer is as wanted; then says when that was, on the clock of `performance.now()`. */
  async until(path: string, wanted: (answer: Answer) => boolean, limitMs = 120_000): Promise<number> {
    const deadline = performance.now() + limitMs
    let last = "no answer"
    while (performance.now() < deadline) {
      if (this.#child.exitCode !== null)
        throw new Error(`it ended with exit code ${this.#child.exitCode}:\n${this.#said}`)
      try {
        const answer = await this.get(path)
        if (wanted(answer)) return performance.now()
        last = `${answer.status} ${answer.body}`
      } catch (error) {
        last = String(error)
      }
      await delay(2)
    }
    throw new Error(`${path} after ${limitMs} ms: ${last}\n${this.#said}`)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = once(this.#child, "exit")
    this.#child.kill("SIGTERM")
    await exit
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("a TCP socket has a port")
  return address.port
}
