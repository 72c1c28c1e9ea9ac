import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { afterEach } from "vitest"
import { requireRoot } from "./mounts.js"

const namespaces: MountNamespace[] = []

afterEach(async () => {
  for (const namespace of namespaces.splice(0)) await namespace.end()
})

/** A table of mounts of its own for several programs. What is mounted in it nobody else sees, and it goes with it. */
export class MountNamespace {
  readonly #holder: ChildProcess

  private constructor(holder: ChildProcess) {
    this.#holder = holder
    namespaces.push(this)
  }

  /** One in which other directories are at some places. */
  static async with(binds: readonly { readonly from: string; readonly place: string }[]) {
    requireRoot()
    const script = `set -e
      while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done
      echo ready; exec sleep 3600`
    const places = binds.flatMap(({ from, place }) => [from, place])
    const words = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", ...places]
    const namespace = new MountNamespace(
      spawn("unshare", words, { stdio: ["ignore", "pipe", "inherit"], env: process.env }),
    )
    const { stdout } = namespace.#holder
    if (stdout === null) throw new Error("no output")
    const [said] = (await Promise.race([once(stdout, "data"), once(stdout, "close")])) as [Buffer?]
    if (said === undefined) throw new Error("the mounts could not be made")
    return namespace
  }

  /** The command that runs another one there. */
  get within(): readonly [string, ...string[]] {
    return ["nsenter", `--mount=/proc/${this.#pid}/ns/mnt`, "--"]
  }

  /** Runs a program there, and gives what it wrote to standard output. */
  run(...words: readonly [string, ...string[]]): string {
    const [program, ...rest] = [...this.within, ...words]
    return execFileSync(program, rest, { encoding: "utf8", timeout: 30_000 })
  }

  /** Where this process finds what is at a path there. */
  path(path: string): string {
    return `/proc/${this.#pid}/root${path}`
  }

  async end(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return
    const ended = once(this.#holder, "exit")
    this.#holder.kill("SIGKILL")
    await ended
  }

  get #pid(): number {
    if (this.#holder.pid === undefined) throw new Error("unshare could not be started")
    return this.#holder.pid
  }
}
