import { join } from "node:path"
import { Pinned } from "../../disk/directories/pinned.js"
import { nameOfBytes } from "../../disk/directories/names.js"
import { StorageError } from "../../errors.js"
import { type FileCalls, fileCallsIfThere } from "../../host/index.js"
import type { Snapshot } from "../../repository.js"
import type { RestoreResult } from "../outcome.js"
import { type Check, checkNumbers, checkOfMany, checkRestored, shown } from "./checks.js"
import type { DrillOptions } from "./drill.js"
import { differencesOf } from "./compare-trees.js"
import { RestoredTree } from "./read-back.js"
import type { Spool, SpooledFile } from "./spool.js"

/** Of the findings of one check, so many are kept. */
const MOST_KEPT = 100

export interface Restored {
  /** The drill's own. */
  readonly folder: string
  /** What was restored, in it. */
  readonly tree: string
  readonly spool: Spool
  readonly options: DrillOptions
}

/** What is looked at after a drill's restore. */
export class RestoredChecks {
  readonly #restored: Restored
  readonly #calls: FileCalls | undefined

  constructor(restored: Restored) {
    this.#restored = restored
    this.#calls = fileCallsIfThere()
  }

  /** In an order in which no check changes what a later one looks at. */
  async all(snapshot: Snapshot, result: RestoreResult): Promise<Check[]> {
    const { signal } = this.#restored.options
    const checks = [checkRestored(result), await this.#readBack(), ...checkNumbers(snapshot, result)]
    signal?.throwIfAborted()
    checks.push(this.#sentinels(), await this.#engine())
    signal?.throwIfAborted()
    checks.push(await this.#sqlite())
    signal?.throwIfAborted()
    return checks
  }

  async #readBack(): Promise<Check> {
    const { tree, spool, options } = this.#restored
    const files = new RestoredTree(tree, this.#calls)
    const bad: string[] = []
    let [checked, badCount, bytes] = [0, 0, 0]
    try {
      for (const file of spool.files()) {
        const problem = await files.check(file, options.signal)
        checked++
        bytes += file.bytes
        options.onProgress?.("read_back", bytes)
        if (problem === undefined) continue
        badCount++
        if (bad.length < MOST_KEPT) bad.push(`${shown(file.path)}: ${problem}`)
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof StorageError)) throw error
      return { name: "read_back", status: "failed", detail: error.message }
    } finally {
      files.close()
    }
    return checkOfMany("read_back", "files", checked, bad, badCount)
  }

  #sentinels(): Check {
    const { tree, options } = this.#restored
    const { sentinels = [] } = options
    const bad = sentinels
      .filter((path) => !isFile(tree, path))
      .map((path) => `${path} is not there as a file`)
    return checkOfMany("sentinels", "sentinel files", sentinels.length, bad)
  }

  async #engine(): Promise<Check> {
    const { folder, tree, options } = this.#restored
    const { withEngine, signal } = options
    if (withEngine === undefined) return { name: "engine", status: "skipped", detail: "not asked for" }
    const other = join(folder, "engine")
    try {
      await withEngine(other, signal)
      const { compared, differences, count } = await differencesOf(tree, other, signal)
      return checkOfMany("engine", "entries", compared, differences, count)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof StorageError)) throw error
      return { name: "engine", status: "unknown", detail: error.message }
    }
  }

  async #sqlite(): Promise<Check> {
    const { spool, options } = this.#restored
    const { checkSqlite, onProgress } = options
    if (checkSqlite === undefined) return { name: "sqlite", status: "skipped", detail: "not asked for" }
    onProgress?.("checks", 0)
    const bad: string[] = []
    const unknown: string[] = []
    let checked = 0
    for (const file of spool.files()) {
      if (!file.isSqlite) continue
      options.signal?.throwIfAborted()
      checked++
      const { status, detail } = await this.#verdict(file, checkSqlite)
      if (status !== "ok") (status === "failed" ? bad : unknown).push(`${shown(file.path)}: ${detail}`)
    }
    if (bad.length === 0 && unknown.length > 0)
      return { ...checkOfMany("sqlite", "databases", checked, unknown), status: "unknown" }
    return checkOfMany("sqlite", "databases", checked, bad)
  }

  async #verdict(file: SpooledFile, checkSqlite: NonNullable<DrillOptions["checkSqlite"]>) {
    const name = file.path.toString("utf8")
    if (!Buffer.from(name).equals(file.path))
      return { status: "unknown" as const, detail: "its name is no text" }
    return checkSqlite(join(this.#restored.tree, name))
  }
}

/** Without following a link on the way or at the end. */
function isFile(top: string, path: string): boolean {
  let at: Pinned | undefined = Pinned.directoryAt(top)
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    const above: Pinned = at
    try {
      at =
        name === ".." || above.look().kind !== "directory"
          ? undefined
          : above.child(nameOfBytes(Buffer.from(name)))
    } finally {
      above.close()
    }
    if (at === undefined) return false
  }
  const { kind } = at.look()
  at.close()
  return kind === "file"
}
