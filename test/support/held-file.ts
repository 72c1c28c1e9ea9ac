import { readFileSync } from "node:fs"
import type { GaneshaMachine } from "./ganesha.js"
import { Nfs4Client } from "./nfs4-client.js"

/** A file of an NFS server that a client opened once and holds from then on, as a kernel's client does. */
export class HeldFile {
  readonly #machine: GaneshaMachine
  readonly #handle: Buffer
  #client: Nfs4Client | undefined
  #good = 0

  private constructor(machine: GaneshaMachine, client: Nfs4Client, handle: Buffer) {
    this.#machine = machine
    this.#client = client
    this.#handle = handle
  }

  /** One that is not there yet. */
  static async at(machine: GaneshaMachine, path: string): Promise<HeldFile> {
    const said = machine.write(path, "")
    if (said !== "") throw new Error(said)
    const client = await Nfs4Client.connect(machine.port)
    return new HeldFile(machine, client, await client.handle(path))
  }

  /** Writes one more byte, and gives the server's status: "ok", "stale" or another; "down" while there is no server. */
  async writes(): Promise<string> {
    try {
      this.#client ??= await Nfs4Client.connect(this.#machine.port)
      const said = await this.#client.write(this.#handle, "x", this.#good)
      if (said === "ok") this.#good++
      return said
    } catch {
      this.close()
      return "down"
    }
  }

  /** Whether a file has what the server took, all of it and nothing else. */
  isWholeIn(file: string): boolean {
    return readFileSync(file, "utf8") === "x".repeat(this.#good)
  }

  close(): void {
    this.#client?.close()
    this.#client = undefined
  }
}
