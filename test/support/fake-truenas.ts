import { execFileSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createHttps } from "node:https"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { afterEach } from "vitest"
import { WebSocket, WebSocketServer } from "ws"
import { FakeError, MODELS, objections } from "./fake-truenas-models.js"
import { FakeState } from "./fake-truenas-methods.js"
import { scratch } from "./fixtures.js"

const ERRNOS: Readonly<Record<string, number>> = {
  ...{ ENOENT: 2, EACCES: 13, EFAULT: 14, EBUSY: 16, EEXIST: 17, EINVAL: 22 },
  ...{ ENOTAUTHENTICATED: 207, ESERVICESTARTFAILURE: 205 },
}
const NO_LOGIN = new Set(["core.ping", "auth.login_ex"])

/** What the fake does instead of answering a call. */
export type Fault =
  /** The session is over: log in again. */
  | "signed-out"
  | "rate-limit"
  | "forbidden"
  | "silent"
  /** Before and after the method did its work. */
  | "hang-up"
  | "hang-up-after"
  /** The connection breaks in the middle of the reply. */
  | "cut"
  | "garbage"
  /** An answer of another shape. */
  | "nonsense"
  | "binary"

const running = new Set<FakeTrueNas>()
afterEach(async () => {
  for (const fake of running) await fake.stop()
})

export interface FakeOptions {
  /** By TLS, with a certificate that it signed itself. */
  readonly secure?: boolean
  readonly host?: string
}

/**
 * A TrueNAS as far as its JSON-RPC API goes, over real sockets: transport rules, login, limits, models and side effects as the vendor's
 * published source has them (25.10.2). Written by hand from it; no device has confirmed it.
 */
export class FakeTrueNas {
  readonly state = new FakeState()
  readonly user = "backupd"
  key = "7-vJ0aZb1kT2mQ3wX4yR5uE6iO7pA8sD9fG0hJ1kL2zX3cV4bN5mM6qW7eR8tY9uI0oP"
  versions: string[] | number = ["v25.04.0", "v25.04.1", "v25.04.2", "v25.10.0", "v25.10.1", "v25.10.2"]
  /** What logins are answered; undefined: whether they are right. */
  loginAnswer: { response_type: string; urls?: string[] } | undefined
  /** Connections without TLS count as coming from elsewhere, and revoke the key. */
  isRemote = false
  revoked = false
  /** Logins that are let through before the next ones are held back. */
  mostLogins = 20
  logins = 0
  /** Close code for those who connect. */
  closesAtOnce: number | undefined
  /** While it is set, methods wait for it. */
  hold: Promise<void> | undefined
  readonly calls: { readonly method: string; readonly params: readonly unknown[] }[] = []
  readonly urls: string[] = []
  connections = 0
  mostAtOnce = 0
  readonly #faults: { method: string; fault: Fault; skip: number; times: number }[] = []
  readonly #meanwhile: { method: string; change: () => void; skip: number }[] = []
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  readonly #web: WebSocketServer
  readonly #secure: boolean
  readonly #host: string

  static async start({ secure = true, host = "127.0.0.1" }: FakeOptions = {}): Promise<FakeTrueNas> {
    const fake = new FakeTrueNas(secure, host)
    running.add(fake)
    fake.#server.listen(0, host)
    await once(fake.#server, "listening")
    return fake
  }

  private constructor(secure: boolean, host: string) {
    this.#secure = secure
    this.#host = host
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#versions(request, response)
    }
    this.#server = secure ? createHttps(certificate(), answer) : createHttp(answer)
    this.#web = new WebSocketServer({ noServer: true })
    this.#server.on("connection", (socket: Duplex) => {
      this.#sockets.add(socket)
      socket.on("close", () => this.#sockets.delete(socket))
      this.connections++
    })
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.urls.push(request.url ?? "")
      const version = /^\/api\/(.+)$/.exec(request.url ?? "")?.[1]
      if (!(
        version === "current" ||
        (Array.isArray(this.versions) && this.versions.includes(version ?? ""))
      )) {
        socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
      }
      this.#web.handleUpgrade(request, socket, head, (ws) => {
        if (this.closesAtOnce === undefined) new Session(this, ws, socket)
        else ws.close(this.closesAtOnce, "You are not allowed to access this resource")
      })
    })
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `${this.#secure ? "wss" : "ws"}://${this.#host}:${port}`
  }

  get fingerprint(): string {
    return new X509Certificate(certificate().cert).fingerprint256
  }

  get certificateFile(): string {
    certificate()
    return join(made?.folder ?? "", "cert.pem")
  }

  /** Whether a login without TLS loses its key. */
  get revokes(): boolean {
    return !this.#secure && this.isRemote
  }

  /** Calls of a method other than those of the client's own keeping. */
  callsOf(method: string): readonly (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params)
  }

  /** Has calls of a method go wrong, after `skip` that do not. */
  break(method: string, fault: Fault, { skip = 0, times = 1 } = {}): void {
    this.#faults.push({ method, fault, skip, times })
  }

  mend(): void {
    this.#faults.splice(0)
  }

  /** Has something happen on the machine just before a call of a method is begun, after `skip` others. */
  meanwhile(method: string, change: () => void, skip = 0): void {
    this.#meanwhile.push({ method, change, skip })
  }

  /** Ends all connections, as a restart of the middleware does. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    running.delete(this)
    this.dropAll()
    this.#server.close()
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** What is to go wrong with this call. */
  faultOf(method: string): Fault | undefined {
    for (const one of this.#faults) {
      if (one.method !== method && one.method !== "*") continue
      if (one.skip > 0) one.skip--
      else if (one.times > 0) {
        one.times--
        return one.fault
      }
    }
    return undefined
  }

  happens(method: string): void {
    for (const one of this.#meanwhile) {
      if (one.method !== method || one.skip < 0) continue
      if (one.skip === 0) one.change()
      one.skip--
    }
  }

  #versions(request: IncomingMessage, response: ServerResponse): void {
    this.urls.push(request.url ?? "")
    if (request.url !== "/api/versions" || typeof this.versions === "number") {
      response.writeHead(typeof this.versions === "number" ? this.versions : 404).end("no")
      return
    }
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(this.versions))
  }
}

/** One connection's session. */
class Session {
  readonly #fake: FakeTrueNas
  readonly #ws: WebSocket
  readonly #socket: Duplex
  #isKnown = false
  #atOnce = 0
  #turns: (() => void)[] = []

  constructor(fake: FakeTrueNas, ws: WebSocket, socket: Duplex) {
    this.#fake = fake
    this.#ws = ws
    this.#socket = socket
    ws.on("error", () => undefined)
    ws.on("message", (data, isBinary) => {
      if (isBinary || !Buffer.isBuffer(data)) ws.close(1003, "Invalid websocket message type")
      else void this.#read(data.toString("utf8"))
    })
  }

  async #read(text: string): Promise<void> {
    if (!this.#isKnown && text.length > 8192) {
      this.#ws.close(1007, "Anonymous connection max message length is 8 kB")
      return
    }
    if (text.length > 65536) {
      this.#ws.close(1009, "Max message length is 64 kB")
      return
    }
    const message = JSON.parse(text) as {
      jsonrpc?: unknown
      id?: unknown
      method?: unknown
      params?: unknown
    }
    if (Array.isArray(message)) {
      this.#error(null, -32700, "Batch messages are not supported at this time")
      return
    }
    const { id, method, params = [] } = message
    const isSound = message.jsonrpc === "2.0" && typeof method === "string" && Array.isArray(params)
    const isId = id === undefined || id === null || typeof id === "string" || typeof id === "number"
    if (!isSound || !isId) {
      if (id !== undefined) this.#error(id, -32600, "'params' member must be of type array")
      return
    }
    this.#fake.calls.push({ method, params })
    if (!(method in MODELS)) {
      this.#error(id, -32601, "Method does not exist")
      return
    }
    if (this.#atOnce >= 20) {
      this.#error(id, -32000, "Maximum number of concurrent calls (20) has exceeded")
      return
    }
    this.#atOnce++
    this.#fake.mostAtOnce = Math.max(this.#fake.mostAtOnce, this.#atOnce)
    if (this.#atOnce > 10) await new Promise<void>((resolve) => this.#turns.push(resolve))
    await this.#run(id, method, params)
    this.#atOnce--
    this.#turns.shift()?.()
  }

  async #run(id: unknown, method: string, params: readonly unknown[]): Promise<void> {
    const fault = this.#fake.faultOf(method)
    if (fault === "silent") return
    if (fault === "hang-up") {
      this.#socket.destroy()
      return
    }
    try {
      if (fault === "signed-out") this.#isKnown = false
      if (fault === "rate-limit") throw new FakeError("EBUSY", "[EBUSY] Rate Limit Exceeded")
      if (fault === "forbidden") throw new FakeError("EACCES", "[EACCES] Not authorized")
      this.#admit(method)
      const found = objections(method, params)
      if (found.length > 0) {
        const reason = found.map(([field, what]) => `[EINVAL] ${field ?? "None"}: ${what}\n`).join("")
        throw new FakeError("EINVAL", reason, found)
      }
      if (method !== "core.ping") await this.#fake.hold
      this.#fake.happens(method)
      const result = this.#call(method, params)
      if (id === undefined) return
      if (fault === "hang-up-after") this.#socket.destroy()
      else if (fault === "cut") this.#cut()
      else if (fault === "garbage") this.#ws.send('{"jsonrpc":"2.0","id":')
      else if (fault === "binary") this.#ws.send(Buffer.from([1, 2, 3]))
      else this.#send({ jsonrpc: "2.0", id, result: fault === "nonsense" ? { what: 1 } : result })
    } catch (error) {
      if (!(error instanceof FakeError)) throw error
      this.#raise(id, error)
    }
  }

  #admit(method: string): void {
    if (this.#isKnown) return
    if (!NO_LOGIN.has(method))
      throw new FakeError("ENOTAUTHENTICATED", "[ENOTAUTHENTICATED] Not authenticated")
    if (method === "auth.login_ex" && ++this.#fake.logins > this.#fake.mostLogins) {
      throw new FakeError("EBUSY", "[EBUSY] Rate Limit Exceeded")
    }
  }

  #call(method: string, params: readonly unknown[]): unknown {
    if (method === "auth.login_ex") return this.#logIn(params)
    const result = this.#fake.state.call(method, params)
    if (method.startsWith("sharing.nfs.") && !method.endsWith(".query")) {
      this.#tell("sharing.nfs.query", { msg: "changed", id: 1 })
    }
    return result
  }

  #logIn(params: readonly unknown[]): unknown {
    const { username, api_key: key } = params[0] as { username: string; api_key: string }
    const fake = this.#fake
    if (fake.loginAnswer !== undefined) return fake.loginAnswer
    if (username !== fake.user || key !== fake.key) return { response_type: "AUTH_ERR" }
    if (fake.revokes) fake.revoked = true
    if (fake.revoked) return { response_type: "EXPIRED" }
    this.#isKnown = true
    return { response_type: "SUCCESS", user_info: null, authenticator: "LEVEL_1" }
  }

  #tell(collection: string, what: Record<string, unknown>): void {
    this.#send({ jsonrpc: "2.0", method: "collection_update", params: { ...what, collection } })
  }

  /** A frame that says it has 4096 bytes, and a few of them. */
  #cut(): void {
    this.#socket.write(
      Buffer.concat([Buffer.from([0x81, 126, 0x10, 0x00]), Buffer.from('{"jsonrpc":"2.0","id":1,"resu')]),
    )
    this.#socket.end()
  }

  #raise(id: unknown, { errname, message, extra }: FakeError): void {
    const trace = {
      class: "ValidationErrors",
      frames: [],
      formatted: `Traceback: ${this.#fake.key}`,
      repr: "",
    }
    const data = { error: ERRNOS[errname] ?? 14, errname, reason: message, trace, extra }
    if (id !== undefined) {
      this.#error(
        id,
        extra === null ? -32001 : -32602,
        extra === null ? "Method call error" : "Invalid params",
        data,
      )
    }
  }

  #error(id: unknown, code: number, message: string, data?: unknown): void {
    this.#send({
      jsonrpc: "2.0",
      error: { code, message, ...(data !== undefined && { data }) },
      id: id ?? null,
    })
  }

  #send(message: unknown): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message))
  }
}

let made: { folder: string; key: Buffer; cert: Buffer } | undefined

/** One for all fakes of a test file. */
function certificate(): { key: Buffer; cert: Buffer } {
  if (made !== undefined) return made
  const folder = scratch()
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const words =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=truenas ` +
    `-addext subjectAltName=IP:127.0.0.1,DNS:truenas.invalid -keyout ${key} -out ${cert}`
  execFileSync("openssl", words.split(" "), { stdio: "ignore" })
  made = { folder, key: readFileSync(key), cert: readFileSync(cert) }
  return made
}
