import { randomBytes } from "node:crypto"
import type { z } from "zod"
import type { SystemQuotas } from "../../../storage/disk/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import type { StoredTreeUse } from "../../db/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import type {
  measureTreeRequest,
  prepareQuotasRequest,
  QuotaJson,
  QuotaSetRunJson,
  QuotasJson,
  QuotasPreparedJson,
  setQuotaRequest,
  TreeMeasuredJson,
  TreeMeasuredRunJson,
} from "../../http/contract/quotas.js"
import { HttpError } from "../../http/index.js"
import type { Runs } from "../directories/runs.js"
import { StoreAccess, type StoreAccessParts } from "../directories/store-access.js"
import { relationsOf, type Target, targetAt, targetOf } from "../directories/targets.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { soon } from "../soon.js"
import { spotAt } from "../../answers/index.js"
import { Limits } from "./limits.js"
import { prepareQuotas } from "./prepare.js"
import { quotaChecks } from "./quota-checks.js"
import { QuotaLooks } from "./quota-looks.js"
import { type DirectoryFilter, refuseUnknown } from "../directories/filter.js"
import { type QuotaSpot, quotaSpots } from "./quota-places.js"
import { quotaRow, type QuotaRowsParts, wantsWalk } from "./quota-rows.js"
import { QuotaWalks, type QuotaWalksParts } from "./quota-walks.js"

export interface QuotasParts extends StoreAccessParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly clock: Clock
  readonly runs: Runs
  /** What keeps the limits instead of the filesystems. */
  readonly system: () => SystemQuotas | undefined
  readonly treeUses: QuotaWalksParts["uses"]
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** Who asks twice within it gets the same figures. */
const FRESH_MS = 5_000
/** Declared limits are looked at so often without being asked for. */
const LOOK_AGAIN_MS = 3_600_000
const DAY_MS = 24 * 3_600_000
const TICK_MS = 60_000
/** A walk stands back for a mover, and at the end it does not: locks of killed movers stay for ever. */
const MOST_PATIENCE_MS = DAY_MS

/** What the repositories' directories may hold, as an administrator sees and changes it. */
export class Quotas {
  readonly #parts: QuotasParts
  readonly #access: StoreAccess
  readonly #looks: QuotaLooks
  readonly #walks: QuotaWalks
  readonly #limits: Limits
  readonly #rowsParts: QuotaRowsParts
  /** Since when a walk is due that stands back. */
  readonly #dueSince = new Map<string, number>()
  /** Directories with a declared limit, by store, as they were found last. */
  readonly #declared = new Map<string, readonly QuotaSpot[]>()
  /** What is being done in each store: one that hangs holds up no other. */
  readonly #ticking = new Map<string, Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: QuotasParts) {
    this.#parts = parts
    this.#access = new StoreAccess(parts)
    const shared = { ...parts, access: this.#access }
    this.#looks = new QuotaLooks(shared)
    this.#walks = new QuotaWalks({ ...shared, uses: parts.treeUses })
    this.#rowsParts = { clock: parts.clock, looks: this.#looks, walks: this.#walks }
    this.#limits = new Limits({ ...shared, changed: ({ store }) => this.#lookAgain(store.name) })
  }

  /** From now on declared limits are looked at, and what nobody else counts is measured once a day. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.tick()
    }, TICK_MS).unref()
    this.tick()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const spots of this.#declared.values())
      for (const { key } of spots) void this.#walks.stop(key).catch(() => false)
    // What waits for a store that hangs is left behind.
    await soon(Promise.all(this.#ticking.values()))
  }

  /** Does what is due in each store where it is not being done already. */
  tick(): void {
    const { keeper, log } = this.#parts
    const declared = keeper.fleet.repositories.filter(({ entry }) => entry.quota !== undefined)
    const stores = new Set(declared.flatMap(({ store }) => store?.name ?? []))
    for (const store of this.#declared.keys()) if (!stores.has(store)) this.#declared.delete(store)
    for (const store of stores) {
      if (this.#ticking.has(store)) continue
      const doing = this.#doDue(store)
        .catch((error: unknown) => {
          log.warn({ store, err: error }, "the limits could not be looked at")
        })
        .finally(() => this.#ticking.delete(store))
      this.#ticking.set(store, doing)
    }
  }

  /** Rows of those with a declared limit from what was found last, for who may not wait. */
  get known(): QuotaJson[] {
    return [...this.#declared.values()].flat().map((spot) => quotaRow(spot, this.#rowsParts))
  }

  async list(filter: DirectoryFilter): Promise<QuotasJson> {
    refuseUnknown(filter, this.#parts.keeper.fleet)
    const spots = await quotaSpots(filter, this.#parts)
    // Who asks is told what is known by then, and what is not is said to be so.
    await soon(this.#looks.refresh(spots, FRESH_MS))
    return { quotas: spots.map((spot) => quotaRow(spot, this.#rowsParts)) }
  }

  set(request: z.output<typeof setQuotaRequest>, by: string): Promise<QuotaSetRunJson> {
    return this.#limits.set(request, by)
  }

  async prepare(request: z.output<typeof prepareQuotasRequest>, by: string): Promise<QuotasPreparedJson> {
    const prepared = await prepareQuotas(request, by, { ...this.#parts, access: this.#access })
    if (prepared.applied) await this.#lookAgain(request.store)
    return prepared
  }

  async measure(request: z.output<typeof measureTreeRequest>): Promise<TreeMeasuredRunJson> {
    const { stop, ...named } = request
    const target = targetOf(named, this.#parts.keeper.fleet)
    const place = this.#keyOf(target)
    if (stop) {
      if (!(await this.#walks.stop(place)))
        throw new HttpError(404, "not_found", `${target.directory} is not being measured.`)
      return { run: null, result: measuredJson(target, undefined, this.#walks.last(place)) }
    }
    const { runs } = this.#parts
    return runs.start(
      target.store.name,
      false,
      async (run) => {
        const use = await this.#walks.walk(target, place, run)
        return measuredJson(target, use, use ?? this.#walks.last(place))
      },
      (run) => this.#walks.ask(run),
    )
  }

  /** For the doctor. */
  async checks(): Promise<CheckJson[]> {
    return quotaChecks((await this.list({})).quotas)
  }

  async #doDue(store: string): Promise<void> {
    const all = await quotaSpots({ store }, this.#parts)
    const spots = all.filter(({ repository }) => repository.entry.quota !== undefined)
    this.#declared.set(store, spots)
    await this.#looks.refresh(spots, LOOK_AGAIN_MS)
    await this.#walkDue(spots)
  }

  /** Walks through those of one store that were not walked through for a day, one after the other. */
  async #walkDue(spots: readonly QuotaSpot[]): Promise<void> {
    for (const spot of spots) {
      if (this.#timer === undefined) return
      if (!wantsWalk(spot, this.#rowsParts) || !this.#isDue(spot)) continue
      if (this.#walks.isBusy(spot.store.name) || this.#standsBack(spot)) continue
      const target = targetAt(spot.store, spot.path)
      try {
        await this.#walks.walk(target, spot.key, randomBytes(8).toString("hex"))
        this.#dueSince.delete(spot.key)
      } catch (error) {
        const { log } = this.#parts
        log.warn({ store: spot.store.name, path: spot.path, err: error }, "a directory could not be measured")
      }
    }
  }

  #isDue({ key }: QuotaSpot): boolean {
    const last = this.#walks.last(key)
    const now = this.#parts.clock.now().wall
    return last === undefined || now - last.begunAt >= DAY_MS || now < last.begunAt
  }

  /** While an engine says that it writes there. */
  #standsBack({ key }: QuotaSpot): boolean {
    const { catalog, clock } = this.#parts
    const writes = (catalog.view(key)?.generation?.header.writers.length ?? 0) > 0
    if (!writes) return false
    const now = clock.now().wall
    const since = this.#dueSince.get(key) ?? now
    this.#dueSince.set(key, since)
    return now - since < MOST_PATIENCE_MS
  }

  async #lookAgain(store: string): Promise<void> {
    const spots = await quotaSpots({ store }, this.#parts)
    // The limit of a tree is that of all in it.
    for (const spot of spots) this.#looks.forget(spot)
    await soon(this.#looks.refresh(spots, FRESH_MS))
  }

  /** Also of a directory that only leads to repositories. */
  #keyOf(target: Target): string {
    const [relation] = relationsOf(target, this.#parts.keeper.fleet)
    if (relation === undefined) {
      throw new HttpError(
        409,
        "no_repository",
        `${target.directory} is no directory of a declared repository.`,
        { hint: "`cistern quotas` lists them." },
      )
    }
    return spotAt(relation.repository, target.path).place
  }
}

function measuredJson(
  { store, path, directory }: Target,
  use: StoredTreeUse | undefined,
  last: StoredTreeUse | undefined,
): TreeMeasuredJson {
  return {
    measured: use !== undefined,
    store: store.name,
    path,
    directory,
    bytes: last?.bytes ?? null,
    files: last?.files ?? null,
    unread: last?.unread ?? null,
    elsewhere: last?.elsewhere ?? null,
    begunAt: last === undefined ? null : new Date(last.begunAt).toISOString(),
    endedAt: last === undefined ? null : new Date(last.endedAt).toISOString(),
  }
}
