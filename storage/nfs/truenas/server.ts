import { setTimeout as delay } from "node:timers/promises"
import { StorageError } from "../../errors.js"
import {
  type Accounts,
  listAlerts,
  listNfsShares,
  mostNetworks,
  nfsConfig,
  nfsService,
  type TrueNasApi,
} from "../../nas/truenas/index.js"
import type { ToldClients } from "../clients/told.js"
import { compareExports } from "../compare.js"
import type { ActiveExport } from "../etab.js"
import { canonicalClient, checkExports, type NfsExport } from "../export.js"
import { escapedPath, renderExportLines } from "../exports-file.js"
import { sentenceOf } from "../sentence.js"
import type { ExportRefusal } from "../refusal.js"
import type { ApplyOptions, ExportPlan, NfsServer, NfsServerState } from "../server.js"
import { activeOf, omittedBy, shutBy, trueNasSettings } from "./active.js"
import { complaintsAbout } from "./alerts.js"
import { trueNasClients } from "./clients.js"
import { refusalOf } from "./refusals.js"
import { afterUndo, notTaken } from "./failure.js"
import { accountsFor, filesystemsAt, lookAtShares } from "./look.js"
import { type NamesOf, type OwnShare, planSteps } from "./steps.js"
import { exportsOf, refuseTouched, replaced, type ShareTable, sortShares } from "./table.js"
import { writeAgain, writeSteps } from "./writer.js"
import { withoutWithdrawn } from "../withdrawn.js"

/** TrueNAS raises alerts in a job of its own after a share is written. */
const SETTLE_MS = 3_000
/** To put back what was there, while TrueNAS cannot be reached for a moment. */
const MOST_TRIES = 4

/** The NFS server of a TrueNAS, by its API (reference nas-platforms.md §2). Its service is never started or stopped by this. */
export class TrueNasServer implements NfsServer {
  readonly kind = "truenas"
  readonly #owner: string
  readonly #api: TrueNasApi
  readonly #settleMs: number

  /** `owner`, 16 hex digits, tells this Cistern's shares from those of another one on the same TrueNAS. */
  constructor(owner: string, api: TrueNasApi, settleMs = SETTLE_MS) {
    this.#owner = owner
    this.#api = api
    this.#settleMs = settleMs
  }

  /** Also throws StorageError `unsupported` for a TrueNAS before 25.04. */
  async state(): Promise<NfsServerState> {
    const [{ running }, { table, facts }] = await Promise.all([
      nfsService(this.#api),
      lookAtShares(this.#api, this.#owner),
    ])
    const own = [...table.sound.map(({ share }) => share), ...table.touched]
    return {
      running,
      active: [
        ...own.filter((share) => omittedBy(share, facts) === undefined),
        // For another's share a name that is not found may be one that is not told: it is better taken for exported.
        ...table.foreign.filter((share) => shutBy(share, facts) === undefined),
      ].flatMap((share) => activeOf(share, facts)),
      own: table.touched.length > 0 ? undefined : exportsOf(table.sound.map(({ content }) => content)),
      settings: trueNasSettings,
    }
  }

  clients(): Promise<ToldClients> {
    return trueNasClients(this.#api)
  }

  /** What TrueNAS cannot export as it is wanted is no error of a plan: see `refusals`. */
  async plan(wanted: readonly NfsExport[], { replace }: ApplyOptions): Promise<ExportPlan> {
    const { table, facts } = await lookAtShares(this.#api, this.#owner)
    if (!replace) refuseTouched(table)
    const before = [
      ...linesOf(exportsOf(table.sound.map(({ content }) => content))),
      ...table.touched.flatMap((share) => activeOf(share, facts).map(lineOf)),
    ]
    const after = linesOf(wanted)
    const [had, has] = [new Set(before), new Set(after)]
    return {
      added: after.filter((line) => !had.has(line)),
      removed: before.filter((line) => !has.has(line)),
    }
  }

  /** Which of these TrueNAS cannot export as they are wanted, and why. Changes nothing. */
  async refusals(wanted: readonly NfsExport[]): Promise<ExportRefusal[]> {
    const [shares, filesystems, accounts] = await Promise.all([
      listNfsShares(this.#api),
      filesystemsAt(
        this.#api,
        wanted.map(({ path }) => path),
      ),
      accountsFor(this.#api, wanted, []),
    ])
    const facts = { filesystems, accounts, foreign: sortShares(this.#owner, shares).foreign }
    return wanted.flatMap((one) => refusalOf(one, facts) ?? [])
  }

  /**
   * Also throws `unstable` for shares that somebody else changes meanwhile, and what keeps TrueNAS from answering. Then, too, what was
   * there before is back, unless the message says that it is not.
   */
  async apply(wanted: readonly NfsExport[], { replace }: ApplyOptions): Promise<void> {
    checkExports(wanted)
    const table = sortShares(this.#owner, await listNfsShares(this.#api))
    if (!replace) refuseTouched(table)
    const accounts = await accountsFor(this.#api, wanted, [
      ...table.touched,
      ...table.sound.map(({ share }) => share),
    ])
    const own = [...table.sound, ...table.touched.map((share) => replaced(share, accounts))]
    const names = namesIn(accounts, own)
    const before = exportsOf(own.map(({ content }) => content))
    const left = withoutWithdrawn(before, wanted)
    try {
      const unable = await this.#unable(wanted)
      if (unable !== undefined) throw unable
      const steps = await this.#write(own, wanted, names)
      const [first] = own
      if (steps === 0 && wanted.length > 0 && first !== undefined) await writeAgain(this.#api, first)
      const wrong = await this.#wrong(before, wanted)
      if (wrong.length > 0) throw notTaken(wrong.join("; "), "What is named here has to change first.")
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      throw afterUndo(error, await this.#undo(left, accounts, names, table))
    }
  }

  /** Plans from what is there and writes. Gives the number of steps. */
  async #write(own: readonly OwnShare[], wanted: readonly NfsExport[], names: NamesOf): Promise<number> {
    const steps = planSteps(own, wanted, names, mostNetworks(await this.#api.version()))
    await writeSteps(this.#api, this.#owner, own, steps)
    return steps.length
  }

  /**
   * Makes the shares export only what is left, however far a change came. What somebody else changed meanwhile is not touched. Gives why
   * it did not work.
   */
  async #undo(
    left: readonly NfsExport[],
    accounts: Accounts,
    names: NamesOf,
    before: ShareTable,
  ): Promise<StorageError | undefined> {
    const ours = new Set(before.touched.map(({ id }) => id))
    for (let tries = 1; ; tries++) {
      try {
        const { sound, touched } = sortShares(this.#owner, await listNfsShares(this.#api))
        const others = touched.filter(({ id }) => !ours.has(id))
        const own = [
          ...sound,
          ...touched.filter((share) => !others.includes(share)).map((share) => replaced(share, accounts)),
        ]
        const mine = left.filter(({ path }) => others.every((share) => share.path !== path))
        await this.#write(own, mine, names)
        return undefined
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        const mayPass = error.code === "io" || error.code === "timeout" || error.code === "unstable"
        if (!mayPass || tries === MOST_TRIES) return error
      }
    }
  }

  /** Why nothing can be exported now as it is wanted, or not all of it. */
  async #unable(wanted: readonly NfsExport[]): Promise<StorageError | undefined> {
    if (wanted.length === 0) return undefined
    const [refused, { running }, config] = await Promise.all([
      this.refusals(wanted),
      nfsService(this.#api),
      nfsConfig(this.#api),
    ])
    const [first] = refused
    if (first !== undefined) return notTaken(refused.map(({ message }) => message).join("; "), first.hint)
    if (!running) {
      return notTaken(
        "TrueNAS' NFS service is stopped",
        "Start it in System, Services, and have it start automatically: Cistern does not start it. Then apply again.",
      )
    }
    if (config.allow_nonroot) {
      return notTaken(
        "TrueNAS lets every user of a client mount, from any port",
        "Clear Allow Non-root Mount in the settings of its NFS service.",
      )
    }
    return undefined
  }

  /** What TrueNAS has not as it should, one sentence each. What others export is not ours to judge. */
  async #wrong(before: readonly NfsExport[], wanted: readonly NfsExport[]): Promise<string[]> {
    // What is there is known from the shares themselves; what TrueNAS left out of its exports is told by alerts, and later.
    if (wanted.length > 0) await delay(this.#settleMs)
    const [{ active }, alerts] = await Promise.all([this.state(), listAlerts(this.#api)])
    const own = compareExports(wanted, active, trueNasSettings).filter(({ kind }) => kind !== "foreign")
    const kept = new Set(pairsOf(wanted))
    const gone = new Set(pairsOf(before).filter((pair) => !kept.has(pair)))
    const open = active.filter(({ path, client }) => gone.has(pairOf(path, client)))
    return [
      ...own.map(sentenceOf),
      ...open.map(({ path, client }) => `${path} is still exported to ${client}`),
      ...complaintsAbout(
        wanted.map(({ path }) => path),
        alerts,
      ),
    ]
  }
}

/** Names that there are now; and, so that what was there before can be put back, those of our shares. */
function namesIn({ users, groups }: Accounts, own: readonly OwnShare[]): NamesOf {
  return ({ uid, gid }) => {
    const [user, group] = [
      users.find(({ id }) => id === uid)?.name,
      groups.find(({ id }) => id === gid)?.name,
    ]
    if (user !== undefined && group !== undefined) return { uid, gid, user, group }
    const old = own.find(({ content }) => content.squash?.uid === uid && content.squash.gid === gid)
    if (old?.content.squash !== undefined) return old.content.squash
    throw notTaken(
      `nobody has the numbers ${uid} and ${gid}`,
      "Make a user and a group with them in TrueNAS.",
    )
  }
}

/** Lines of exports(5) of what TrueNAS can say. */
function linesOf(exports: readonly NfsExport[]): string[] {
  const said = exports.map((one) => ({ ...one, mountPoint: undefined, crossMounts: false, fsid: undefined }))
  return renderExportLines(said)
    .split("\n")
    .filter((line) => line !== "")
}

function lineOf({ path, client, options }: ActiveExport): string {
  return `${escapedPath(path)} ${client}(${options.join(",")})`
}

function pairsOf(exports: readonly NfsExport[]): string[] {
  return exports.flatMap(({ path, clients }) =>
    clients.map(({ network }) => pairOf(path, canonicalClient(network))),
  )
}

function pairOf(path: string, client: string): string {
  return `${path}\t${client}`
}
