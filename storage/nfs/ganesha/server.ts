import { existsSync } from "node:fs"
import { mountOf, readMounts } from "../../disk/index.js"
import { StorageError } from "../../errors.js"
import type { ToldClients } from "../clients/told.js"
import type { NfsExport } from "../export.js"
import { renderExportLines } from "../exports-file.js"
import { type ExportRefusal, refusalsBy } from "../refusal.js"
import type { ApplyOptions, ExportPlan, NfsServer, NfsServerState } from "../server.js"
import { textOf } from "../text-of.js"
import { withoutWithdrawn } from "../withdrawn.js"
import type { GaneshaBus } from "./bus.js"
import { ganeshaClients } from "./clients.js"
import { checkForGanesha } from "./config.js"
import { GaneshaExports } from "./exports.js"
import { GaneshaOwnFile } from "./own-file.js"
import { differencesOf, ganeshaSettings } from "./read-back.js"
import { emptyRecord, type GaneshaRecord, isAlwaysThere } from "./record.js"
import { type AfterRestart, isIncluded } from "./restart.js"
import { activeOf } from "./served.js"
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
  readonly #own: GaneshaOwnFile
  readonly #files: GaneshaFiles
  readonly #bus: GaneshaBus
  readonly #exports: GaneshaExports

  /** `owner`, 16 hex digits, tells this Cistern from another one on the same machine. */
  constructor(owner: string, bus: GaneshaBus, files: GaneshaFiles = ganeshaFiles) {
    this.#own = new GaneshaOwnFile(owner, files.own)
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
    const record = this.#own.record()
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

  async clients(): Promise<ToldClients | undefined> {
    if (!(await this.#isRunning())) return undefined
    return ganeshaClients(this.#bus, await this.#exports.shown())
  }

  async refusals(wanted: readonly NfsExport[]): Promise<readonly ExportRefusal[]> {
    return refusalsBy((one) => {
      checkForGanesha([one])
    }, wanted)
  }

  async plan(wanted: readonly NfsExport[], options: ApplyOptions): Promise<ExportPlan> {
    checkForGanesha(wanted)
    const after = linesOf(wanted)
    const own = options.replace ? this.#own.record() : this.#own.checked()
    const before = own === undefined ? linesIn(this.#own.text() ?? "") : linesOf(exportsOf(own))
    // A withdrawal that the server has not been seen to follow is one still.
    const leaving = (own?.former ?? []).filter(({ gone }) => !gone).map(({ export: one }) => one)
    const [had, has] = [new Set(before), new Set(after)]
    return {
      added: after.filter((line) => !had.has(line)),
      removed: [...before, ...leaving.flatMap((one) => linesOf([one]))].filter((line) => !has.has(line)),
    }
  }

  /**
   * Also throws `missing` while the server is stopped, and what state() throws: then what was to be withdrawn is taken out of our
   * file all the same, so that no start brings it back.
   */
  async apply(wanted: readonly NfsExport[], options: ApplyOptions): Promise<void> {
    await this.plan(wanted, options)
    const text = this.#own.text()
    const own = this.#own.record()
    const at = { record: own ?? this.#own.guessed() }
    const before = exportsOf(at.record)
    try {
      await this.#bring(at, wanted)
    } catch (error) {
      const left = withoutWithdrawn(before, wanted.filter(isMounted))
      this.#own.put(nextRecord(at.record, left, []))
      // What did not answer just now is not waited for once more.
      const silent = error instanceof StorageError && (error.code === "timeout" || error.code === "missing")
      if (!silent) await this.#bring(at, left).catch(() => undefined)
      if (own === undefined && text !== undefined) this.#own.putText(text)
      throw error
    }
  }

  /** Reads files only. Throws StorageError `unreadable`, `io`. */
  afterRestart(): AfterRestart {
    const { own, main } = this.#files
    const exports = exportsOf(this.#own.record() ?? emptyRecord)
    const included = isIncluded(own, main, textOf)
    const isKept = (one: NfsExport): boolean => included && isAlwaysThere(one)
    return {
      included,
      main,
      line: `%include "${own}"`,
      lost: included ? [] : exports.filter(isAlwaysThere).map(({ path }) => path),
      kept: exports.filter(isKept).map(({ path }) => path),
      waiting: exports.filter((one) => !isKept(one)).map(({ path }) => path),
    }
  }

  /** Makes the server so. `at.record` and our file say at every moment what of the server's may be ours. */
  async #bring(at: { record: GaneshaRecord }, wanted: readonly NfsExport[]): Promise<void> {
    if (!(await this.#isRunning())) throw stopped()
    const shown = await this.#exports.shown()
    at.record = nextRecord(at.record, wanted, shown)
    this.#own.put(at.record)
    const ids = new Set([...at.record.entries, ...at.record.former].map(({ id }) => id))
    const found = await this.#exports.served(shown.map(({ id }) => id).filter((id) => ids.has(id)))
    const steps = stepsTo(at.record, found).filter(
      ({ kind, one }) => kind === "remove" || isMounted(one.export),
    )
    const said = await this.#exports.carryOut(steps)
    const served = await this.#exports.servedAfter(steps, found)
    // A filesystem that went while its export was opened left the bare mount point behind.
    const bare = wanted.filter((one) => !isMounted(one))
    const wrong = [
      ...bare.map(({ path, mountPoint }) => `${path}: no filesystem is mounted at ${mountPoint ?? "/"}`),
      ...differencesOf(at.record, served),
      ...said,
    ]
    if (wrong.length > 0) throw notTaken(this.#files.own, wrong)
    at.record = settledRecord(at.record, served)
    this.#own.put(at.record)
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

function linesIn(text: string): string[] {
  return text.split("\n").filter((line) => line !== "")
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
