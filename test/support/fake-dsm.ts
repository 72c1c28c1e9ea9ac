import { randomBytes } from "node:crypto"
import { once } from "node:events"
import {
  createServer as createPlain,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http"
import { createServer as createSecure } from "node:https"
import type { AddressInfo } from "node:net"
import { afterEach } from "vitest"
import { type Certificate, selfSigned } from "./certificate.js"
import { FakeNas, type Outcome } from "./fake-dsm-apis.js"

/** What goes wrong with one call. */
export type Fault =
  | { readonly code: number }
  /** A proxy before it says so; DSM never sees the call. */
  | { readonly status: number }
  /** The connection is closed without an answer, before or after the call was done. */
  | "closes"
  | "closes after"
  /** It ends in the middle of the answer, after the call was done. */
  | "cuts"
  | "says nothing"
  | "says nothing after"
  | "answers HTML"
  /** Not even HTTP: everything that was sent comes back. */
  | "echoes"
  /** It says yes and does nothing. */
  | "pretends"

interface PlannedFault {
  readonly at: string
  readonly fault: Fault
  skip: number
  times: number
}

export interface SeenCall {
  readonly url: string
  /** API and method. */
  readonly call: string
  readonly version: string
  readonly fields: Readonly<Record<string, string>>
  readonly headers: IncomingMessage["headers"]
}

interface Session {
  readonly token: string
  readonly account: string
  state: "open" | "timed out" | "replaced" | "elsewhere"
}

const running = new Set<FakeDsm>()
let shared: Certificate | undefined

afterEach(async () => {
  await Promise.all([...running].map((dsm) => dsm.stop()))
})

/** A Synology NAS's Web API on a real socket (nas-platforms.md §3.1, §3.2), stopped after the test. */
export class FakeDsm {
  readonly nas = new FakeNas()
  readonly seen: SeenCall[] = []
  /** By name: the password, and what DSM says to a login that has it right. */
  readonly accounts = new Map<string, { password: string; administrator: boolean; says?: number }>([
    ["cistern", { password: "pa ss&=wörd%", administrator: true }],
  ])
  /** DSM's default; some administrators make it stricter. */
  autoBlockAfter = 3
  failedLogins = 0
  requestFormat: "JSON" | undefined = "JSON"
  /** APIs that this DSM lacks. */
  readonly lacks = new Set<string>()
  readonly sessions = new Map<string, Session>()
  readonly #faults: PlannedFault[] = []
  readonly #server: Server
  readonly #secure: boolean

  private constructor(certificate: Certificate | undefined) {
    this.#secure = certificate !== undefined
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#answer(request, response)
    }
    this.#server = certificate === undefined ? createPlain(answer) : createSecure({ ...certificate }, answer)
  }

  static async start({ secure = true } = {}): Promise<FakeDsm> {
    const dsm = new FakeDsm(secure ? (shared ??= selfSigned()) : undefined)
    dsm.#server.listen(0, "127.0.0.1")
    await once(dsm.#server, "listening")
    running.add(dsm)
    return dsm
  }

  get url(): string {
    return `${this.#secure ? "https" : "http"}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get fingerprint(): string {
    return shared?.fingerprint ?? ""
  }

  async stop(): Promise<void> {
    running.delete(this)
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Has the calls `at`, such as "SYNO.Core.Share list", go wrong, after `skip` of them, `times` times. */
  breaks(at: string, fault: Fault, { skip = 0, times = 1 } = {}): void {
    this.#faults.push({ at, fault, skip, times })
  }

  heal(): void {
    this.#faults.length = 0
  }

  calls(call: string): SeenCall[] {
    return this.seen.filter((one) => one.call === call)
  }

  get logins(): number {
    return this.calls("SYNO.API.Auth login").length
  }

  end(state: Exclude<Session["state"], "open">): void {
    for (const session of this.sessions.values()) session.state = state
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const sent = Buffer.concat(chunks).toString("utf8")
    const url = request.url ?? ""
    const fields = Object.fromEntries(new URLSearchParams(sent))
    const call = `${fields["api"] ?? ""} ${fields["method"] ?? ""}`
    this.seen.push({ url, call, version: fields["version"] ?? "", fields, headers: request.headers })
    const fault = this.#faultOf(call)
    if (fault === "closes") return void request.socket.destroy()
    if (fault === "says nothing") return
    if (fault === "echoes") return void request.socket.end(sent)
    if (fault === "answers HTML") return void response.end(`<html><body>Welcome, ${sent}</body></html>`)
    if (typeof fault === "object" && "status" in fault) {
      response.statusCode = fault.status
      return void response.end("<html>a proxy</html>")
    }
    const outcome = this.#outcome(request, url, fields, fault)
    const body = JSON.stringify(
      "code" in outcome ? { success: false, error: { code: outcome.code } } : { success: true, ...outcome },
    )
    if (fault === "closes after") return void request.socket.destroy()
    if (fault === "says nothing after") return
    response.setHeader("content-type", "application/json; charset=utf-8")
    response.setHeader("content-length", Buffer.byteLength(body))
    if (fault !== "cuts") return void response.end(body)
    response.write(body.slice(0, body.length / 2), () => request.socket.destroy())
  }

  #faultOf(call: string): Fault | undefined {
    const planned = this.#faults.find(({ at, times }) => at === call && times > 0)
    if (planned === undefined) return undefined
    if (planned.skip-- > 0) return undefined
    planned.times--
    return planned.fault
  }

  #outcome(
    request: IncomingMessage,
    url: string,
    fields: Readonly<Record<string, string>>,
    fault: Fault | undefined,
  ): Outcome {
    if (typeof fault === "object" && "code" in fault) return { code: fault.code }
    if (fault === "pretends") return {}
    const { api = "", method = "", version = "" } = fields
    if (api === "" || method === "" || version === "") return { code: 101 }
    if (request.method !== "POST" || url !== "/webapi/entry.cgi") return { code: 102 }
    if (api === "SYNO.API.Info") return { data: this.#directory() }
    if (api === "SYNO.API.Auth") return this.#auth(method, fields)
    const session = this.sessions.get(fields["_sid"] ?? "")
    if (session === undefined) return { code: 119 }
    if (session.state !== "open")
      return { code: { "timed out": 106, replaced: 107, elsewhere: 150 }[session.state] }
    const token = request.headers["x-syno-token"]
    if (token !== session.token) return { code: token === undefined ? 114 : 119 }
    if (this.accounts.get(session.account)?.administrator !== true) return { code: 105 }
    const known = this.lacks.has(api) ? undefined : this.nas.apis[api]
    if (known === undefined) return { code: 102 }
    const run = known.methods[method]
    if (run === undefined) return { code: 103 }
    const [least, most] = known.versions
    if (Number(version) < least || Number(version) > most) return { code: 104 }
    const values = this.#values(fields)
    if (values === undefined) return { code: 120 }
    return run(values)
  }

  #directory(): unknown {
    const entries = Object.entries(this.nas.apis)
      .filter(([name]) => !this.lacks.has(name))
      .map(([name, { versions }]) => [
        name,
        {
          path: "entry.cgi",
          minVersion: versions[0],
          maxVersion: versions[1],
          ...(this.requestFormat !== undefined && { requestFormat: this.requestFormat }),
        },
      ])
    return {
      ...Object.fromEntries(entries),
      "SYNO.API.Auth": { path: "entry.cgi", minVersion: 1, maxVersion: 7 },
    }
  }

  #auth(method: string, fields: Readonly<Record<string, string>>): Outcome {
    if (method === "logout") {
      this.sessions.delete(fields["_sid"] ?? "")
      return {}
    }
    if (method !== "login") return { code: 103 }
    if (fields["version"] !== "6" || fields["format"] !== "sid" || fields["enable_syno_token"] !== "yes") {
      return { code: 101 }
    }
    if (this.failedLogins >= this.autoBlockAfter) return { code: 407 }
    const { account = "", passwd } = fields
    const known = this.accounts.get(account)
    if (known?.password !== passwd) {
      this.failedLogins++
      return { code: 400 }
    }
    if (known?.says !== undefined) return { code: known.says }
    const [sid, token] = [randomBytes(16).toString("base64url"), randomBytes(8).toString("hex")]
    this.sessions.set(sid, { token, account, state: "open" })
    return { data: { sid, synotoken: token, did: "device", is_portal_port: false } }
  }

  /** What the parameters say; undefined where one is not written as the API wants it. */
  #values(fields: Readonly<Record<string, string>>): Record<string, unknown> | undefined {
    const own = Object.entries(fields).filter(
      ([name]) => !["api", "method", "version", "_sid"].includes(name),
    )
    try {
      return Object.fromEntries(own.map(([name, text]) => [name, this.#value(text)]))
    } catch {
      return undefined
    }
  }

  #value(text: string): unknown {
    if (this.requestFormat === "JSON" || /^[[{]|^(true|false|-?\d+)$/.test(text)) return JSON.parse(text)
    return text
  }
}
