import { readFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { replaceFile } from "../../../storage/disk/index.js"
import { canonicalClient } from "../../../storage/nfs/index.js"

const FILE = "export-hosts.json"
const form = z.record(z.string(), z.array(z.string()))

/** The addresses that host names had last, over restarts of the daemon: where no name server answers, clients keep what they have. */
export class HostMemory {
  readonly #file: string
  #kept: Readonly<Record<string, readonly string[]>> | undefined

  constructor(stateDirectory: string) {
    this.#file = join(stateDirectory, FILE)
  }

  of(name: string): readonly string[] {
    this.#kept ??= this.#read()
    return Object.hasOwn(this.#kept, name) ? (this.#kept[name] ?? []) : []
  }

  /** Writes only what changed. That it cannot be written keeps nothing from being exported. */
  keep(addresses: ReadonlyMap<string, readonly string[]>): void {
    this.#kept ??= this.#read()
    const next = Object.fromEntries([...addresses].sort(([one], [other]) => (one < other ? -1 : 1)))
    if (JSON.stringify(next) === JSON.stringify(this.#kept)) return
    this.#kept = next
    try {
      replaceFile(this.#file, `${JSON.stringify(next, undefined, 2)}\n`, { mode: 0o600 })
    } catch {
      // They are asked for again at the next start.
    }
  }

  /** What cannot be read is as if nothing was remembered. */
  #read(): Readonly<Record<string, readonly string[]>> {
    try {
      const kept = form.parse(JSON.parse(readFileSync(this.#file, "utf8")))
      const isOne = (address: string): boolean =>
        canonicalClient(address) === address && /\/(32|128)$/.test(address)
      return Object.values(kept).flat().every(isOne) ? kept : {}
    } catch {
      return {}
    }
  }
}
