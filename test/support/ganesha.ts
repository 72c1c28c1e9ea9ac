import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterEach } from "vitest"
import { ganeshaBus } from "../../storage/host/index.js"
import type { GaneshaBus, GaneshaFiles } from "../../storage/nfs/index.js"
import { scratch } from "./fixtures.js"
import { requireRoot } from "./mounts.js"
import { until } from "./until.js"

// The real server, because its configuration's lexer and its export manager are what has to be known.

const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`

const machines: GaneshaMachine[] = []

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.end()
})

/** A machine's D-Bus and NFS-Ganesha, with a port and files of their own: those of the machine that runs the test are not touched. */
export class GaneshaMachine {
  readonly files: GaneshaFiles
  readonly address: string
  readonly bus: GaneshaBus
  readonly log: string
  readonly #root: string
  #port = 0
  #daemon: ChildProcess | undefined
  #server: ChildProcess | undefined

  private constructor() {
    requireRoot()
    this.#root = scratch()
    this.address = `unix:path=${join(this.#root, "bus")}`
    this.log = join(this.#root, "log")
    this.files = {
      own: join(this.#root, "cistern.conf"),
      main: join(this.#root, "ganesha.conf"),
      pid: join(this.#root, "pid"),
      change: join(this.#root, "change.conf"),
    }
    this.bus = ganeshaBus({ address: this.address })
    machines.push(this)
  }

  /** A running one. `more` is what else is in the server's main configuration. */
  static async start(more = ""): Promise<GaneshaMachine> {
    const machine = new GaneshaMachine()
    machine.#port = await freePort()
    machine.configure(more)
    await machine.startBus()
    await machine.startServer()
    return machine
  }

  /** One whose server was not started yet; with `bus`, there is a bus all the same. */
  static async stopped({ bus }: { bus: boolean }): Promise<GaneshaMachine> {
    const machine = new GaneshaMachine()
    machine.#port = await freePort()
    if (bus) await machine.startBus()
    return machine
  }

  configure(more: string): void {
    mkdirSync(join(this.#root, "recovery"), { recursive: true })
    const text = `NFS_CORE_PARAM {
        Protocols = 4; NFS_Port = ${this.#port}; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false;
      }
      NFSV4 {
        RecoveryBackend = fs; RecoveryRoot = "${join(this.#root, "recovery")}"; Graceless = true;
        Only_Numeric_Owners = true;
      }
      ${more}\n`
    writeFileSync(this.files.main, text)
  }

  async startBus(): Promise<void> {
    const config = join(this.#root, "bus.conf")
    const policy =
      '<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>'
    writeFileSync(
      config,
      `<busconfig><type>system</type><listen>${this.address}</listen><auth>EXTERNAL</auth>${policy}</busconfig>`,
    )
    const daemon = spawn("dbus-daemon", [`--config-file=${config}`, "--nofork", "--print-address"], {
      env: { PATH },
      stdio: ["ignore", "pipe", "ignore"],
    })
    this.#daemon = daemon
    await once(daemon.stdout, "data")
  }

  async startServer(): Promise<void> {
    const { main, pid } = this.files
    this.#server = spawn("ganesha.nfsd", ["-F", "-f", main, "-L", this.log, "-p", pid], {
      env: { PATH, DBUS_SYSTEM_BUS_ADDRESS: this.address },
      stdio: "ignore",
    })
    // It is on the bus before it serves.
    await until(
      () => existsSync(this.log) && readFileSync(this.log, "utf8").includes("NFS SERVER INITIALIZED"),
      (ready) => ready,
      `NFS-Ganesha: ${this.log}`,
      30_000,
    )
  }

  signal(signal: NodeJS.Signals): void {
    this.#server?.kill(signal)
  }

  async stopServer(): Promise<void> {
    await endOf(this.#server)
    this.#server = undefined
    writeFileSync(this.log, "")
  }

  async stopBus(): Promise<void> {
    await endOf(this.#daemon)
    this.#daemon = undefined
  }

  async end(): Promise<void> {
    await this.stopServer()
    await this.stopBus()
  }

  /** What a client of libnfs finds in a directory, or what it says instead. */
  list(
    path: string,
    as?: { readonly uid: number },
  ): { readonly names?: readonly string[]; readonly said: string } {
    const { status, stdout, stderr } = this.#client("nfs-ls", [this.#url(path)], as)
    if (status !== 0) return { said: stderr }
    const names = stdout
      .split("\n")
      .filter((line) => line !== "")
      // Mode, links, user, group, size, name.
      .map((line) => /^\S+\s+\d+\s+\d+\s+\d+\s+\d+ (.*)$/s.exec(line)?.[1] ?? line)
    return { names: names.sort(), said: "" }
  }

  /** Has a client of libnfs write a file that is not there yet; "" or what it says. Longer texts are beyond libnfs 4.0. */
  write(path: string, text: string, as?: { readonly uid: number }): string {
    if (text.length > 3000) throw new Error("libnfs 4.0 cannot send this in one write")
    const source = join(scratch(), "source")
    writeFileSync(source, text)
    const { status, stderr } = this.#client("nfs-cp", [source, this.#url(path)], as)
    return status === 0 ? "" : stderr === "" ? `exit code ${status}` : stderr
  }

  read(path: string): string {
    const { status, stdout, stderr } = this.#client("nfs-cat", [this.#url(path)])
    if (status !== 0) throw new Error(stderr)
    return stdout
  }

  get port(): number {
    return this.#port
  }

  /** Exports something as another administrator of the server would. */
  addForeign(id: number, path: string, more = "Access_Type = RO;", pseudo = path): void {
    const file = join(this.#root, `foreign-${id}.conf`)
    const text = `EXPORT { Export_Id = ${id}; Path = "${path}"; Pseudo = "${pseudo}"; ${more} FSAL { Name = VFS; } }\n`
    writeFileSync(file, text)
    this.manager("AddExport", "ss", file, `EXPORT(Export_Id=${id})`)
  }

  /** Calls the server's export manager as another administrator would. */
  manager(...words: readonly string[]): string {
    const manager = ["org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr"]
    return execFileSync("busctl", [`--address=${this.address}`, "call", ...manager, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    })
  }

  #url(path: string): string {
    return `nfs://127.0.0.1${path}?version=4&nfsport=${this.#port}`
  }

  #client(program: string, words: readonly string[], as?: { readonly uid: number }) {
    const credentials = as === undefined ? {} : { uid: as.uid, gid: as.uid }
    return spawnSync(program, words, { encoding: "utf8", timeout: 30_000, env: { PATH }, ...credentials })
  }
}

async function endOf(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGKILL")
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const ended = once(server, "close")
  server.close()
  await ended
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}
