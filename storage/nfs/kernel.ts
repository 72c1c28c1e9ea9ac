import { existsSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { removeFile, replaceFile } from "../disk/index.js"
import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { allSettings, compareExports } from "./compare.js"
import { parseEtab, unescapedPath } from "./etab.js"
import { canonicalClient, type NfsExport } from "./export.js"
import { exportsOfLines } from "./exports-file.js"
import { readOwnFile, renderOwnFile } from "./own-file.js"
import { sentenceOf } from "./sentence.js"
import { type ExportRefusal, refusalsBy } from "./refusal.js"
import type { ApplyOptions, ExportPlan, NfsServer, NfsServerState } from "./server.js"
import { textOf } from "./text-of.js"
import { withoutWithdrawn } from "./withdrawn.js"

/** Where the kernel's NFS server and nfs-utils keep what is exported. */
export interface KernelFiles {
  readonly etab: string
  /** The number of the server's threads; 0 while it is stopped. */
  readonly threads: string
  /** The one file of exports that is ours. */
  readonly own: string
  /** Where mountd looks for the filesystems that are mounted in an exported directory. */
  readonly mounts: string
}

export const kernelFiles: KernelFiles = {
  etab: "/var/lib/nfs/etab",
  threads: "/proc/fs/nfsd/threads",
  own: "/etc/exports.d/cistern.exports",
  mounts: "/etc/mtab",
}

/** The kernel's NFS server of this machine, by nfs-utils (reference nas-platforms.md §1). */
export class KernelServer implements NfsServer {
  readonly kind = "kernel"
  readonly #owner: string
  readonly #files: KernelFiles
  readonly #reload: () => Promise<readonly string[]>

  /**
   * `owner`, 16 hex digits, tells this Cistern from another one on the same machine. `reload` has the server load its files anew
   * and gives what it complained of.
   */
  constructor(owner: string, reload: () => Promise<readonly string[]>, files: KernelFiles = kernelFiles) {
    this.#owner = owner
    this.#reload = reload
    this.#files = files
  }

  async state(): Promise<NfsServerState | undefined> {
    const [threads, table] = [textOf(this.#files.threads), textOf(this.#files.etab)]
    if (threads === undefined && table === undefined) return undefined
    return {
      running: Number(threads ?? 0) > 0,
      active: parseEtab(table ?? ""),
      own: this.#own(),
      settings: allSettings,
    }
  }

  async refusals(wanted: readonly NfsExport[]): Promise<readonly ExportRefusal[]> {
    return refusalsBy((one) => {
      this.#refuseCrossing([one])
    }, wanted)
  }

  async plan(wanted: readonly NfsExport[], { replace }: ApplyOptions): Promise<ExportPlan> {
    const before = this.#lines({ replace })
    const after = readOwnFile(this.#owner, this.#files.own, renderOwnFile(this.#owner, wanted))
    const [had, has] = [new Set(before), new Set(after)]
    return {
      added: after.filter((line) => !had.has(line)),
      removed: before.filter((line) => !has.has(line)),
    }
  }

  /** Also throws what `reload` throws. */
  async apply(wanted: readonly NfsExport[], options: ApplyOptions): Promise<void> {
    const file = this.#files.own
    const before = textOf(file)
    const own = this.#own()
    const { removed } = await this.plan(wanted, options)
    this.#refuseCrossing(wanted)
    this.#put(renderOwnFile(this.#owner, wanted))
    try {
      const said = await this.#reload()
      const wrong = await this.#wrong(wanted, removed, said)
      if (wrong.length === 0) return
      throw new StorageError(
        "unsupported",
        `the NFS server did not take it: ${[...wrong, ...said].join("; ")}`,
        {
          facts: { file },
          hint: "The exports of before are back, without what was to be withdrawn. What is named here has to change first.",
        },
      )
    } catch (error) {
      this.#put(own === undefined ? before : this.#back(before, own, wanted))
      // What did not answer just now is not waited for once more.
      if (!(error instanceof StorageError && error.code === "timeout")) await this.#reload().catch(() => [])
      throw error
    }
  }

  /** nfs-utils 2.6's mountd ends with a segmentation fault where it has no table of mounts: then nobody can mount anything. */
  #refuseCrossing(wanted: readonly NfsExport[]): void {
    const { mounts } = this.#files
    const crossing = wanted.find(({ crossMounts }) => crossMounts)
    if (crossing === undefined || existsSync(mounts)) return
    throw new StorageError(
      "unsupported",
      `${crossing.path} cannot be exported: filesystems are mounted in it, and this machine has no ${mounts}`,
      { facts: { path: crossing.path }, hint: `Put it there: \`ln -s /proc/self/mounts ${mounts}\`.` },
    )
  }

  /** The text of our file after a change that failed; undefined: none, as before. */
  #back(before: string | undefined, own: readonly NfsExport[], wanted: readonly NfsExport[]) {
    const left = withoutWithdrawn(own, wanted)
    return before === undefined ? undefined : renderOwnFile(this.#owner, left)
  }

  /** Undefined where our file is not as we left it. */
  #own(): NfsExport[] | undefined {
    try {
      return exportsOfLines(readOwnFile(this.#owner, this.#files.own, textOf(this.#files.own)))
    } catch (error) {
      if (error instanceof StorageError && error.code === "invalid") return undefined
      throw error
    }
  }

  #lines({ replace }: ApplyOptions): string[] {
    const text = textOf(this.#files.own)
    try {
      return readOwnFile(this.#owner, this.#files.own, text)
    } catch (error) {
      if (!replace || text === undefined) throw error
      return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    }
  }

  #put(text: string | undefined): void {
    const { own } = this.#files
    try {
      if (text === undefined) {
        removeFile(own)
        return
      }
      mkdirSync(dirname(own), { recursive: true, mode: 0o755 })
      replaceFile(own, text, { mode: 0o644 })
    } catch (cause) {
      throw new StorageError("unreadable", `${own} cannot be written (${errnoOf(cause) ?? "unknown"})`, {
        facts: { file: own },
        hint: "Run the daemon as root, or put what `cistern exports show` prints there yourself.",
        cause,
      })
    }
  }

  /** What the server has not as it should, one sentence each. What others export is not ours to judge. */
  async #wrong(
    wanted: readonly NfsExport[],
    removed: readonly string[],
    said: readonly string[],
  ): Promise<string[]> {
    const active = (await this.state())?.active ?? []
    const own = compareExports(wanted, active).filter(({ kind }) => kind !== "foreign")
    const kept = new Set(
      wanted.flatMap((one) => one.clients.map(({ network }) => pairOf(one.path, canonicalClient(network)))),
    )
    const gone = new Set(removed.flatMap(pairsOfLine).filter((pair) => !kept.has(pair)))
    const left = active.filter(({ path, client }) => gone.has(pairOf(path, client)))
    return [
      ...own.map(sentenceOf),
      ...left.map(({ path, client }) => `${path} is still exported to ${client}`),
      ...wanted.filter(({ path }) => isRefused(path, said)).map(({ path }) => `${path} cannot be served`),
    ]
  }
}

/** What exportfs keeps in its table although no client can mount it. */
function isRefused(path: string, said: readonly string[]): boolean {
  return said.some(
    (line) =>
      line.endsWith(`${path} does not support NFS export`) ||
      line.endsWith(`${path} requires fsid= for NFS export`),
  )
}

function pairOf(path: string, client: string): string {
  return `${path}\t${client}`
}

/** Path and client of each field of a line that we rendered. */
function pairsOfLine(line: string): string[] {
  const [path = "", ...clients] = line.split(" ")
  return clients.map((client) => pairOf(unescapedPath(path), client.slice(0, client.indexOf("("))))
}
