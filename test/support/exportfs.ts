import { spawn, spawnSync } from "node:child_process"
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import type { KernelFiles } from "../../storage/nfs/index.js"
import { scratch } from "./fixtures.js"
import { requireRoot } from "./mounts.js"

const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`
/** What programs look for in /etc besides the exports. */
const ETC = ["nsswitch.conf", "protocols", "services", "hosts", "netconfig", "nfs.conf", "passwd", "group"]

/**
 * A machine's /etc and /var/lib/nfs for the real exportfs, in mounts of its own: the exports of the machine that runs the test are
 * neither read nor changed. It needs no running server.
 */
export class ExportfsMachine {
  readonly files: KernelFiles
  readonly #etc: string
  readonly #state: string

  constructor() {
    requireRoot()
    const root = scratch()
    this.#etc = join(root, "etc")
    this.#state = join(root, "nfs")
    mkdirSync(join(this.#etc, "exports.d"), { recursive: true })
    mkdirSync(this.#state)
    for (const name of ETC)
      if (existsSync(join("/etc", name))) copyFileSync(join("/etc", name), join(this.#etc, name))
    this.files = {
      etab: join(this.#state, "etab"),
      threads: join(root, "threads"),
      own: join(this.#etc, "exports.d/cistern.exports"),
      mounts: join(this.#etc, "mtab"),
    }
    symlinkSync("/proc/self/mounts", this.files.mounts)
    this.exports("")
    writeFileSync(this.files.etab, "")
    this.runs(8)
  }

  /** What is in the machine's /etc/exports. */
  exports(table: string): void {
    writeFileSync(join(this.#etc, "exports"), table)
  }

  /** One more line of the machine's /etc/hosts. */
  host(line: string): void {
    appendFileSync(join(this.#etc, "hosts"), `${line}\n`)
  }

  runs(threads: number): void {
    writeFileSync(this.files.threads, `${threads}\n`)
  }

  get etab(): string {
    return readFileSync(this.files.etab, "utf8")
  }

  /** The command that runs another one on this machine. */
  get within(): readonly [string, ...string[]] {
    const script = `set -e; mount --bind "$1" /etc; mount --bind "$2" /var/lib/nfs; shift 2; exec "$@"`
    return [
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-c",
      script,
      "sh",
      this.#etc,
      this.#state,
    ]
  }

  /** `exportfs -ra`. */
  load(): { readonly exitCode: number | null; readonly stderr: string } {
    const [program, ...words] = [...this.within, "exportfs", "-ra"]
    const { status, stderr } = spawnSync(program, words, { encoding: "utf8", timeout: 30_000, env: { PATH } })
    return { exitCode: status, stderr }
  }

  /** The same, for a KernelServer. */
  async reload(): Promise<readonly string[]> {
    const [program, ...words] = [...this.within, "exportfs", "-ra"]
    const child = spawn(program, words, { env: { PATH }, stdio: ["ignore", "ignore", "pipe"] })
    let said = ""
    child.stderr.setEncoding("utf8")
    for await (const chunk of child.stderr) said += String(chunk)
    return said.split("\n").filter((line) => line !== "")
  }
}

/** Has the real exportfs load a table as /etc/exports. */
export function exportfs(table: string): { exitCode: number | null; stderr: string; etab: string } {
  const machine = new ExportfsMachine()
  machine.exports(table)
  return { ...machine.load(), etab: machine.etab }
}
