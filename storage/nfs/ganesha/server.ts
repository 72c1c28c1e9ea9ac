import { existsSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { mountOf, readMounts, replaceFile } from "../../disk/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { NfsExport } from "../export.js"
import { renderExportLines } from "../exports-file.js"
import { readOwnFile } from "../own-file.js"
import type { ApplyOptions, ExportPlan, NfsServer, NfsServerState } from "../server.js"
import { textOf } from "../text-of.js"
import { withoutWithdrawn } from "../withdrawn.js"
import type { GaneshaBus } from "./bus.js"
import { checkForGanesha } from "./config.js"
import { GaneshaExports } from "./exports.js"
import { differencesOf, ganeshaSettings } from "./read-back.js"
import {
  emptyRecord,
  type GaneshaRecord,
  isAlwaysThere,
  recordOfForeignLines,
  recordOfLines,
  renderGaneshaFile,
} from "./record.js"
import { type AfterRestart, isIncluded } from "./restart.js"
import { activeOf, type ShownExport } from "./served.js"
import { nextRecord, settledRecord, stepsTo } from "./steps.js"

/** Where NFS-Ganesha and what we tell it are. */
export interface GaneshaFiles {
  /** The one file of its configuration that is ours; the main one has to load it. It is never removed: a start without it fails. */
  readonly own: string
  readonly main: string
  /** Where the running server writes its process id. */
  readonly pid: string
  /** One export at a time lies here for the server to read. In no folder that it loads. */
  readonly change: string
}

export const ganeshaFiles: GaneshaFiles = {
  own: "/etc/ganesha/cistern.conf",
  main: "/etc/ganesha/ganesha.conf",
  pid: "/var/run/ganesha/ganesha.pid",
  change: "/run/cistern-ganesha.conf",
}

/** NFS-Ganesha of this machine, over D-Bus (reference nas-platforms.md §1.9). It is never told to load its files anew. */
export class GaneshaServer implements NfsServer {
  readonly kind = "ganesha"
  readonly #owner: string
  readonly #files: GaneshaFiles
  readonly #bus: GaneshaBus
  readonly #exports: GaneshaExports

  /** `owner`, 16 hex digits, tells this Cistern from another one on the same machine. */
  constructor(owner: string, bus: GaneshaBus, files: GaneshaFiles = ganeshaFiles) {
    this.#owner = owner
    this.#bus = bus
    this.#files = files
    this.#exports = new GaneshaExports(bus, files.change)
  }

  /** Every export is asked for by itself: some ten milliseconds each. Also throws `missing` without the program that asks. */
  async state(): Promise<NfsServerState | undefined> {
    const { own, main } = this.#files
    const isInstalled = existsSync(main) || existsSync(own)
    const running = await this.#isRunning().catch((error: unknown) => {
      // Where nothing of it is installed, no bus is missed.
      if (isInstalled) throw error
      return false
    })
    if (!running && !isInstalled) return undefined
    const record = this.#own()
    const ours = new Set(record?.entries.map(({ id }) => id))
    const shown = running ? await this.#exports.shown() : []
    const served = await this.#exports.served(shown.map(({ id }) => id))
    const [first, last] = [true, false].map((isOurs) =>
      [...served.values()].filter(({ id }) => ours.has(id) === isOurs).flatMap(activeOf),
    )
    return {
      running,
      // Whoever compares takes the first of two for the same client.
      active: [...(first ?? []), ...(last ?? [])],
      own: record === undefined ? undefined : exportsOf(record),
      settings: ganeshaSettings,
    }
  }

  async plan(wanted: readonly NfsExport[], options: ApplyOptions): Promise<ExportPlan> {
    checkForGanesha(wanted)
    const after = linesOf(wanted)
    const text = textOf(this.#files.own)
    const own = this.#own()
    if (own === undefined && !options.replace) this.#refuse(text)
    const before = own === undefined ? linesIn(text) : linesOf(exportsOf(own))
    const [had, has] = [new Set(before), new Set(after)]
    return {
      added: after.filter((line) => !had.has(line)),
      removed: before.filter((line) => !has.has(line)),
    }
  }

  /**
   * Also throws `missing` while the server is stopped, and what state() throws: then what was to be withdrawn is taken out of our
   * file all the same, so that no start brings it back.
   */
  async apply(wanted: readonly NfsExport[], options: ApplyOptions): Promise<void> {
    await this.plan(wanted, options)
    const text = textOf(this.#files.own)
    const own = this.#own()
    const at = { record: own ?? recordOfForeignLines(linesIn(text)) }
    const before = exportsOf(at.record)
    try {
      await this.#bring(at, wanted)
    } catch (error) {
      const left = withoutWithdrawn(before, wanted.filter(isMounted))
      this.#put(renderGaneshaFile(this.#owner, nextRecord(at.record, left, [])))
      // What did not answer just now is not waited for once more.
      const silent = error instanceof StorageError && (error.code === "timeout" || error.code === "missing")
      if (!silent) await this.#bring(at, left).catch(() => undefined)
      if (own === undefined && text !== undefined) this.#put(text)
      throw error
    }
  }

  /** Reads files only. Throws StorageError `unreadable`, `io`. */
  afterRestart(): AfterRestart {
    const { own, main } = this.#files
    const exports = exportsOf(this.#own() ?? emptyRecord)
    const included = isIncluded(own, main, textOf)
    const isKept = (one: NfsExport): boolean => included && isAlwaysThere(one)
    return {
      included,
      line: `%include "${own}"`,
      kept: exports.filter(isKept).map(({ path }) => path),
      waiting: exports.filter((one) => !isKept(one)).map(({ path }) => path),
    }
  }

  /** Makes the server so. `at.record` and our file say at every moment what of the server's may be ours. */
  async #bring(at: { record: GaneshaRecord }, wanted: readonly NfsExport[]): Promise<void> {
    if (!(await this.#isRunning())) throw stopped()
    const shown = await this.#exports.shown()
    at.record = nextRecord(at.record, wanted, shown)
    this.#put(renderGaneshaFile(this.#owner, at.record))
    const steps = stepsTo(at.record, await this.#served(at.record, shown))
    const said = await this.#exports.carryOut(
      steps.filter(({ kind, one }) => kind === "remove" || isMounted(one.export)),
    )
    const served = await this.#served(at.record, await this.#exports.shown())
    // A filesystem that went while its export was opened left the bare mount point behind.
    const bare = wanted.filter((one) => !isMounted(one))
    const wrong = [
      ...bare.map(({ path, mountPoint }) => `${path}: no filesystem is mounted at ${mountPoint ?? "/"}`),
      ...differencesOf(at.record, served),
      ...said,
    ]
    if (wrong.length > 0) throw notTaken(this.#files.own, wrong)
    at.record = settledRecord(at.record, served)
    this.#put(renderGaneshaFile(this.#owner, at.record))
  }

  /** What the server has under the numbers of ours. */
  #served({ entries, former }: GaneshaRecord, shown: readonly ShownExport[]) {
    const ids = new Set(shown.map(({ id }) => id))
    return this.#exports.served([...entries, ...former].map(({ id }) => id).filter((id) => ids.has(id)))
  }

  async #isRunning(): Promise<boolean> {
    if (await this.#bus.isThere()) return true
    const pid = textOf(this.#files.pid)?.trim() ?? ""
    if (!/^\d+$/.test(pid) || textOf(`/proc/${pid}/comm`)?.trim() !== "ganesha.nfsd") return false
    throw new StorageError("unreadable", "NFS-Ganesha runs, but is not on the system's D-Bus", {
      facts: { pid: Number(pid) },
      hint: "Restart it: it looks for the bus only when it starts.",
    })
  }

  /** Undefined where our file is not as we left it. */
  #own(): GaneshaRecord | undefined {
    try {
      return recordOfLines(readOwnFile(this.#owner, this.#files.own, textOf(this.#files.own)))
    } catch (error) {
      if (error instanceof StorageError && error.code === "invalid") return undefined
      throw error
    }
  }

  /** Throws StorageError `invalid`, which says whose the file is. */
  #refuse(text: string | undefined): void {
    readOwnFile(this.#owner, this.#files.own, text)
  }

  #put(text: string): void {
    const { own } = this.#files
    try {
      mkdirSync(dirname(own), { recursive: true, mode: 0o755 })
      if (textOf(own) !== text) replaceFile(own, text, { mode: 0o644 })
    } catch (cause) {
      throw new StorageError("unreadable", `${own} cannot be written (${errnoOf(cause) ?? "unknown"})`, {
        facts: { file: own },
        hint: "Run the daemon as root.",
        cause,
      })
    }
  }
}

/** Whether the filesystem of the directory is mounted. Reads the table of mounts only, so it never hangs. */
function isMounted({ path, mountPoint }: NfsExport): boolean {
  return mountPoint === undefined || mountOf(path, readMounts()).mountPoint === mountPoint
}

function exportsOf({ entries }: GaneshaRecord): NfsExport[] {
  return entries.map(({ export: one }) => one)
}

function linesOf(exports: readonly NfsExport[]): string[] {
  return linesIn(renderExportLines(exports))
}

function linesIn(text: string | undefined): string[] {
  return (text ?? "").split("\n").filter((line) => line !== "")
}

function stopped(): StorageError {
  return new StorageError("missing", "NFS-Ganesha is not running", {
    hint: "Start it (Debian: `systemctl start nfs-ganesha`), and apply again.",
  })
}

function notTaken(file: string, wrong: readonly string[]): StorageError {
  return new StorageError("unsupported", `NFS-Ganesha did not take it: ${wrong.join("; ")}`, {
    facts: { file },
    hint: "The exports of before are back, without what was to be withdrawn. What is named here has to change first; NFS-Ganesha's own log may say more.",
  })
}
