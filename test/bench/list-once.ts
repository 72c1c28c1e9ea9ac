// Lists one repository in a fresh process and prints how long that took since the process began: the like of a program
// that is started for every question. argv: engine, directory, file of stretched keys ("-": none).
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { openKopia } from "../../storage/kopia/index.js"
import type { KeyMemory } from "../../storage/repository.js"
import { openRestic } from "../../storage/restic/index.js"
import { Secret } from "../../storage/secret.js"

const [engine, directory = "", keyFile = "-"] = process.argv.slice(2)

/** Stretched keys of synthetic repositories, in a file between two processes. */
class KeyFile implements KeyMemory {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async recall(label: string): Promise<Uint8Array | undefined> {
    const key = this.#keys()[label]
    return key === undefined ? undefined : Buffer.from(key, "hex")
  }

  async remember(label: string, _password: Secret, key: Uint8Array): Promise<void> {
    writeFileSync(this.#path, JSON.stringify({ ...this.#keys(), [label]: Buffer.from(key).toString("hex") }))
  }

  #keys(): Record<string, string> {
    return existsSync(this.#path)
      ? (JSON.parse(readFileSync(this.#path, "utf8")) as Record<string, string>)
      : {}
  }
}

const options = {
  files: new DirectoryTree(directory),
  password: new Secret(process.env.BENCH_PASSWORD ?? ""),
  ...(keyFile !== "-" && { keys: new KeyFile(keyFile) }),
}
const repository = engine === "kopia" ? openKopia(options) : openRestic(options)
const { snapshots } = await repository.list()
process.stdout.write(JSON.stringify({ milliseconds: performance.now(), snapshots: snapshots.length }))
