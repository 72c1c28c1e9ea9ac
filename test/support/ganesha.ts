import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterEach } from "vitest"
import { ganeshaBus } from "../../storage/host/index.js"
import type { GaneshaBus, GaneshaFiles } from "../../storage/nfs/index.js"
import { scratch } from "./fixtures.js"
import { MountNamespace } from "./mount-namespace.js"
import { requireRoot } from "./mounts.js"
import { until } from "./until.js"

// The real server, because its configuration's lexer and its export manager are what has to be known.

const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`

/** So many bytes libnfs 4.0 can write to a file. */
export const LIBNFS_WRITES = 3000

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
  #namespace: MountNamespace | undefined
  #port = 0
  #daemon: ChildProcess | undefined
  #server: ChildProcess | undefined

  private constructor() {
    requireRoot()
    this.#root = scratch()
    for (const folder of ["etc/ganesha", "run/dbus", "run/ganesha"])
      mkdirSync(join(this.#root, folder), { recursive: true })
    this.address = `unix:path=${join(this.#root, "run/dbus/system_bus_socket")}`
    this.log = join(this.#root, "log")
    this.files = {
      own: join(this.#root, "etc/ganesha/cistern.conf"),
      main: join(this.#root, "etc/ganesha/ganesha.conf"),
      pid: join(this.#root, "run/ganesha/ganesha.pid"),
      change: join(this.#root, "run/cistern-ganesha.conf"),
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

  /** One with mounts of its own, where everything is at the places that a NAS has it at. */
  static async whole(): Promise<{ machine: GaneshaMachine; namespace: MountNamespace }> {
    const machine = new GaneshaMachine()
    const places = ["/etc/ganesha", "/run"]
    const namespace = await MountNamespace.with(
      places.map((place) => ({ from: join(machine.#root, place), place })),
    )
    machine.#namespace = namespace
    machine.#port = await freePort()
    machine.configure("")
    await machine.startBus()
    await machine.startServer()
    return { machine, namespace }
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
    const words = ["ganesha.nfsd", "-F", "-f", main, "-L", this.log, "-p", pid]
    const [program, ...rest] = [...(this.#namespace?.within ?? []), ...words] as [string, ...string[]]
    this.#server = spawn(program, rest, {
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

  /** Has a client of libnfs write a file that is not there yet; "" or what it says. More is beyond libnfs 4.0. */
  write(path: string, content: string | Buffer, as?: { readonly uid: number }): string {
    if (content.length > LIBNFS_WRITES) throw new Error("libnfs 4.0 cannot send this in one write")
    const source = join(scratch(), "source")
    writeFileSync(source, content)
    const { status, stderr } = this.#client("nfs-cp", [source, this.#url(path)], as)
    return status === 0 ? "" : stderr === "" ? `exit code ${status}` : stderr
  }

  read(path: string): string {
    return this.readBytes(path).toString("utf8")
  }

  readBytes(path: string): Buffer {
    const options = { timeout: 30_000, env: { PATH }, maxBuffer: 1024 * 1024 * 1024 }
    const { status, stdout, stderr } = spawnSync("nfs-cat", [this.#url(path)], options)
    if (status !== 0) throw new Error(stderr.toString("utf8"))
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
