import { type ChildProcess, execFile, spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { promisify } from "node:util"
import { afterEach } from "vitest"

const running: ChildProcess[] = []

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL")
})

/** A repository for the real restic, wherever it is. */
export class ResticRepository {
  readonly #words: readonly string[]
  readonly #env: NodeJS.ProcessEnv

  constructor(address: string, password: string) {
    this.#words = ["--no-cache", "--repo", address]
    this.#env = { PATH: process.env["PATH"], HOME: "/nonexistent", RESTIC_PASSWORD: password }
  }

  async run(...words: readonly string[]): Promise<Buffer> {
    const options = { env: this.#env, timeout: 60_000, maxBuffer: 1024 * 1024 * 1024 }
    const all = [...this.#words, ...words]
    return (await promisify(execFile)("restic", all, { ...options, encoding: "buffer" })).stdout
  }

  /** Begins a backup of a volume, as a mover names it. */
  backup(): ResticBackup {
    const words = ["backup", "--pack-size", "4", "--host", "volsync", "--stdin", "--stdin-filename", "/data"]
    return new ResticBackup([...this.#words, ...words], this.#env)
  }

  /** The hash of what a restore of the newest backup would bring. */
  async newest(): Promise<string> {
    return createHash("sha256")
      .update(await this.run("dump", "latest", "/data"))
      .digest("hex")
  }
}

/** One that lasts as long as its test wants. */
export class ResticBackup {
  readonly #child: ChildProcess
  readonly #closed: Promise<readonly unknown[]>
  readonly #content = createHash("sha256")
  #said = ""

  constructor(words: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn("restic", words, { env })
    running.push(this.#child)
    this.#closed = once(this.#child, "close")
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (chunk: Buffer) => (this.#said += chunk.toString("utf8")))
  }

  /** What it wrote to its terminal until now. */
  get said(): string {
    return this.#said
  }

  /** Gives it so much more of the volume, which nothing can make smaller. */
  async reads(megabytes: number): Promise<void> {
    const content = randomBytes(megabytes * 1024 * 1024)
    this.#content.update(content)
    const { stdin } = this.#child
    if (stdin?.write(content) === false) await once(stdin, "drain")
  }

  /** Says that this was all, and waits for its end. */
  async ends(): Promise<{ readonly exitCode: unknown; readonly hash: string }> {
    this.#child.stdin?.end()
    const [exitCode] = await this.#closed
    return { exitCode, hash: this.#content.digest("hex") }
  }
}
