import { posix } from "node:path"
import { type GaneshaMachine, LIBNFS_WRITES } from "./ganesha.js"
import { Nfs4Client } from "./nfs4-client.js"

/** The server takes so much in one call. */
const CHUNK = 256 * 1024

/**
 * A directory of an NFS server as a program has it that mounted it, without a kernel that can: libnfs opens, creates, reads and
 * lists; what its programs cannot do (directories, long files, other names) is done beside it, by handles that are kept from the
 * mount on.
 */
export class NfsMount {
  readonly #machine: GaneshaMachine
  readonly #path: string
  readonly #root: Buffer
  #client: Nfs4Client | undefined
  /** One call after the other. */
  #last: Promise<unknown> = Promise.resolve()
  #temporary = 0

  private constructor(machine: GaneshaMachine, path: string, client: Nfs4Client, root: Buffer) {
    this.#machine = machine
    this.#path = path
    this.#client = client
    this.#root = root
  }

  static async at(machine: GaneshaMachine, path: string): Promise<NfsMount> {
    const client = await Nfs4Client.connect(machine.port)
    return new NfsMount(machine, path, client, await client.handle(path))
  }

  /** Undefined where there is no such file. Throws what the server says, also while it does not have the directory. */
  read(path: string): Buffer | undefined {
    try {
      return this.#machine.readBytes(this.#full(path))
    } catch (error) {
      if (String(error).includes("NOENT") && this.isThere()) return undefined
      throw error
    }
  }

  isThere(): boolean {
    return this.#machine.list(this.#path).names !== undefined
  }

  /** Names of what is in a directory; none where there is no such directory. */
  names(path: string): readonly string[] {
    const { names, said } = this.#machine.list(this.#full(path))
    if (names !== undefined) return names
    if (said.includes("NOENT") && this.isThere()) return []
    throw new Error(said)
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call(async (client) => {
      const { dir, base } = posix.parse(path)
      const said = await client.makeDirectory(await client.handle(dir, this.#root), base)
      if (said !== "ok" && said !== "exist") throw new Error(`${path} cannot be made: ${said}`)
    })
  }

  /** Under another name first, as an engine writes to a filesystem. */
  write(path: string, content: Buffer): Promise<void> {
    return this.#call(async (client) => {
      const { dir, base } = posix.parse(path)
      const name = `${base}-tmp-${this.#temporary++}`
      const directory = await client.handle(dir, this.#root)
      const said = this.#machine.write(this.#full(posix.join(dir, name)), content.subarray(0, LIBNFS_WRITES))
      if (said !== "") throw new Error(said)
      const file = await client.handle(name, directory)
      for (let at = LIBNFS_WRITES; at < content.length; at += CHUNK) {
        taken(path, await client.write(file, content.subarray(at, at + CHUNK), at))
      }
      taken(path, await client.rename(directory, name, base))
    })
  }

  remove(path: string): Promise<void> {
    return this.#call(async (client) => {
      const { dir, base } = posix.parse(path)
      taken(path, await client.remove(await client.handle(dir, this.#root), base))
    })
  }

  end(): void {
    this.#client?.close()
    this.#client = undefined
  }

  #full(path: string): string {
    return posix.join(this.#path, path)
  }

  #call(work: (client: Nfs4Client) => Promise<void>): Promise<void> {
    const done = this.#last.then(async () => {
      this.#client ??= await Nfs4Client.connect(this.#machine.port)
      await work(this.#client)
    })
    this.#last = done.catch(() => {
      // The connection may be what failed; handles outlive it.
      this.end()
    })
    return done
  }
}

function taken(path: string, said: string): void {
  if (said !== "ok") throw new Error(`${path}: ${said}`)
}
