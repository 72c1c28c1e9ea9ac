import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { type Agent, request, type RequestOptions } from "node:http"
import { join } from "node:path"
import type { Readable } from "node:stream"
import { afterEach } from "vitest"
import { scratch } from "./fixtures.js"
import { until } from "./until.js"

// The daemon as a user has it: the built program in a process of its own, spoken to over real sockets.

const root = join(import.meta.dirname, "../..")
/** The built program. */
export const program = join(root, "dist/cistern")

export interface DaemonOptions {
  /** A directory that may have been used before; a new one by default. */
  readonly state?: string
  /** Applied at the start, by CISTERN_CONFIG. */
  readonly document?: object
  readonly environment?: Readonly<Record<string, string>>
  /** The user it runs as. Files are refused to root by nothing. */
  readonly uid?: number
  /** The command that runs it elsewhere, such as in another network. */
  readonly within?: readonly string[]
}

export interface Reply {
  readonly status: number
  readonly body: string
  readonly milliseconds: number
}

/** The body of `/exists`, as far as the tests look. */
export interface ExistsBody {
  readonly exists: boolean
  readonly decision: "restore" | "fresh" | "unknown"
  readonly authoritative: boolean
  readonly source?: string
  readonly error?: string
}

export interface Answer extends ExistsBody {
  readonly status: number
  readonly milliseconds: number
  /** Of `unknown`: the stable code that its error begins with. */
  readonly reason: string | undefined
}

export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const running = new Set<DaemonProcess>()

afterEach(async () => {
  await Promise.all([...running].map((daemon) => daemon.kill()))
})

export class DaemonProcess {
  readonly state: string
  readonly pid: number
  /** Milliseconds of `performance.now()` at which it was started. */
  readonly startedAt = performance.now()
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #address: Promise<string | undefined>
  #host = ""
  #port = 0
  #stdout = ""
  #stderr = ""

  constructor({ state = scratch(), document, environment = {}, uid, within }: DaemonOptions) {
    if (within === undefined && exportsSomething(document))
      throw new Error(
        "it would change the exports of this machine: give it a machine of its own (ExportfsMachine)",
      )
    if (!existsSync(program)) throw new Error("the daemon is not built: run `npm run build` first")
    mkdirSync(state, { recursive: true, mode: 0o700 })
    this.state = state
    const config = document === undefined ? {} : { CISTERN_CONFIG: documentFile(document) }
    const [command, ...words] = [...(within ?? []), program, "serve", "--ready-fd", "3"]
    this.#child = spawn(command, words, {
      env: {
        PATH: process.env["PATH"],
        CISTERN_STATE: state,
        CISTERN_LISTEN: "127.0.0.1:0",
        ...config,
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    if (this.#child.pid === undefined) throw new Error("the daemon could not be started")
    this.pid = this.#child.pid
    running.add(this)
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString("utf8")))
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString("utf8")))
    this.#address = firstLine(this.#child.stdio[3] as Readable)
    this.ended = once(this.#child, "close").then(([exitCode, signal]) => {
      running.delete(this)
      return {
        exitCode: exitCode as number | null,
        signal: signal as NodeJS.Signals | null,
        stdout: this.#stdout,
        stderr: this.#stderr,
      }
    })
  }

  /** Waits until it listens. Throws what it printed when it ends instead. */
  async listens(): Promise<this> {
    const address = await this.#address
    if (address === undefined) {
      const { exitCode, stdout, stderr } = await this.ended
      throw new Error(`the daemon ended with ${exitCode ?? "a signal"}:\n${stderr}\n${stdout}`)
    }
    const colon = address.lastIndexOf(":")
    this.#host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1")
    this.#port = Number(address.slice(colon + 1))
    return this
  }

  get host(): string {
    return this.#host
  }

  get port(): number {
    return this.#port
  }

  /** Everything that it printed until now. */
  get output(): string {
    return this.#stdout + this.#stderr
  }

  /** The lines of its log until now. */
  get log(): Record<string, unknown>[] {
    return this.#stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}, agent?: Agent): Promise<Reply> {
    const host = this.#host === "::" ? "127.0.0.1" : this.#host
    return ask({ host, port: this.#port, path, headers, ...(agent === undefined ? {} : { agent }) })
  }

  /** Over the administrator's socket. */
  admin(method: string, path: string, body?: object): Promise<Reply> {
    const headers = { "content-type": "application/json" }
    return ask({ socketPath: join(this.state, "cistern.sock"), method, path, headers }, body)
  }

  async exists(
    volume: string,
    options: { evidence?: boolean; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const query = options.evidence === true ? "?evidence=1" : ""
    const { status, body, milliseconds } = await this.get(`/exists/${volume}${query}`, options.headers)
    const parsed = JSON.parse(body) as ExistsBody
    return { ...parsed, status, milliseconds, reason: parsed.error?.split(":")[0] }
  }

  /** Asks until `wanted` is the decision or, of `unknown`, the reason. Gives that answer. */
  answers(volume: string, wanted: string, limitMs = 10_000): Promise<Answer> {
    return until(
      () => this.exists(volume),
      ({ decision, reason }) => wanted === decision || wanted === reason,
      `${volume} to be ${wanted}`,
      limitMs,
    )
  }

  /** SIGTERM, as every service manager stops it. */
  stop(): Promise<Ended> {
    this.#child.kill("SIGTERM")
    return this.ended
  }

  /** SIGKILL. */
  kill(): Promise<Ended> {
    this.#child.kill("SIGKILL")
    return this.ended
  }
}

/** A daemon that listens; killed after the test if the test did not end it. */
export function startDaemon(options: DaemonOptions = {}): Promise<DaemonProcess> {
  return new DaemonProcess(options).listens()
}

/** The end of a daemon that is expected not to come up. */
export function refusedStart(options: DaemonOptions): Promise<Ended> {
  return new DaemonProcess(options).ended
}

/** By default what is declared is also exported. */
function exportsSomething(document: object | undefined): boolean {
  const { exports = [], nfsServer } = (document ?? {}) as { exports?: object[]; nfsServer?: { kind: string } }
  return exports.length > 0 && nfsServer?.kind !== "none"
}

/** The document in a file of its own, readable by every user that a daemon may run as. */
export function documentFile(document: object): string {
  const folder = scratch()
  chmodSync(folder, 0o755)
  const file = join(folder, "cistern.json")
  writeFileSync(file, JSON.stringify(document))
  return file
}

function firstLine(stream: Readable): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = ""
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8")
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")))
    })
    stream.on("close", () => {
      resolve(undefined)
    })
  })
}

function ask(options: RequestOptions, body?: object): Promise<Reply> {
  const asked = performance.now()
  return new Promise((resolve, reject) => {
    // A connection that is kept may be closed by the daemon in the very moment in which it is used again.
    const outgoing = request({ ...options, agent: options.agent ?? false }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (text += chunk))
      response.on("error", reject)
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          milliseconds: performance.now() - asked,
        })
      })
    })
    outgoing.on("error", reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
