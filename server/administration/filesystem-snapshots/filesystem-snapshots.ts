import { join } from "node:path"
import type { z } from "zod"
import { type FenceRecord, safeParts } from "../../../storage/disk/index.js"
import { volumesAt } from "../../../storage/identity/index.js"
import { StorageError } from "../../../storage/index.js"
import { type FleetRepository, isPerVolume, spotAt, spotOf } from "../../answers/index.js"
import { identityText, type RepositoryThen } from "../../catalog/index.js"
import { type StoreEntry, usualKeep } from "../../config/index.js"
import type { Fences, SnapshotRuns } from "../../db/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import type {
  createSnapshotRequest,
  CreateSnapshotRunJson,
  FilesystemSnapshotsJson,
  holdSnapshotRequest,
  LookedJson,
  lookRequest,
  LookRunJson,
  removeSnapshotRequest,
  RemoveSnapshotRunJson,
  RetentionJson,
  SnapshotHeldJson,
  SnapshotStoreJson,
} from "../../http/contract/filesystem-snapshots.js"
import { renderSnapshot } from "../../http/contract/render-snapshot.js"
import { HttpError } from "../../http/index.js"
import { relationsOf } from "../directories/targets.js"
import { volumeOf } from "../repositories/snapshot-rows.js"
import { soon } from "../soon.js"
import { verdictsOf } from "./retention.js"
import { RollBacks, type RollBacksParts } from "./roll-backs.js"
import { nextDue, scheduleText } from "./schedule.js"
import { snapshotChecks } from "./snapshot-checks.js"
import { SnapshotKeeper } from "./snapshot-keeper.js"
import { chosen, rowOf, rowsOf } from "./snapshot-rows.js"
import { SnapshotSources, type SnapshotSourcesParts } from "./snapshot-sources.js"

export interface FilesystemSnapshotsParts
  extends Omit<RollBacksParts, "sources" | "nfsServer">, SnapshotSourcesParts {
  readonly snapshotRuns: SnapshotRuns
  readonly fences: Pick<Fences, "get">
}

/** The stores' filesystem snapshots, as an administrator sees and uses them. */
export class FilesystemSnapshotsAdministration {
  readonly keeper: SnapshotKeeper
  readonly rollBacks: RollBacks
  readonly runs: FilesystemSnapshotsParts["runs"]
  readonly #parts: FilesystemSnapshotsParts
  readonly #sources: SnapshotSources

  constructor(parts: FilesystemSnapshotsParts) {
    this.#parts = parts
    this.runs = parts.runs
    this.#sources = new SnapshotSources(parts)
    this.rollBacks = new RollBacks({ ...parts, sources: this.#sources })
    this.keeper = new SnapshotKeeper({
      clock: parts.clock,
      stores: () => parts.keeper.fleet.document.stores,
      keyOf: (store) => sentinelOf(store, parts) ?? store.name,
      sourceOf: (store) => this.#sources.of(store),
      runs: parts.snapshotRuns,
      turns: parts.runs,
      log: parts.log,
    })
  }

  start(): void {
    this.keeper.start()
    this.rollBacks.start()
  }

  async stop(): Promise<void> {
    this.rollBacks.stop()
    await this.keeper.stop()
  }

  async list(name: string | undefined): Promise<FilesystemSnapshotsJson> {
    const stores =
      name === undefined ? this.#parts.keeper.fleet.document.stores : [this.#sources.storeNamed(name)]
    return { stores: await Promise.all(stores.map((store) => this.#storeRow(store))) }
  }

  create(
    { store: name, reason, hold }: z.output<typeof createSnapshotRequest>,
    by: string,
  ): Promise<CreateSnapshotRunJson> {
    const { runs, clock, log } = this.#parts
    const store = this.#sources.storeNamed(name)
    const source = this.#sources.of(store)
    return runs.start(
      name,
      true,
      async () => {
        const now = new Date(clock.now().wall)
        const results = await source.make({ reason, now, ...(hold === undefined ? {} : { hold }) })
        const made = results.flatMap((one) =>
          one.kind === "made" ? [rowOf(name, one.of, one.snapshot)] : [],
        )
        const failed = results.flatMap((one) =>
          one.kind === "failed"
            ? [{ of: one.of, problem: { ...picked(one.error), hint: one.error.hint ?? null } }]
            : [],
        )
        log.info({ store: name, made: made.map((one) => one.name), failed, by }, "filesystem snapshot made")
        return { made, failed }
      },
      nothingCounted,
    )
  }

  hold(request: z.output<typeof holdSnapshotRequest>, by: string): Promise<SnapshotHeldJson> {
    return this.#setHold(request, "hold", by)
  }

  release(request: z.output<typeof holdSnapshotRequest>, by: string): Promise<SnapshotHeldJson> {
    return this.#setHold(request, "release", by)
  }

  async remove(
    { dryRun, ...named }: z.output<typeof removeSnapshotRequest>,
    by: string,
  ): Promise<RemoveSnapshotRunJson> {
    const { runs, log } = this.#parts
    const store = this.#sources.storeNamed(named.store)
    const source = this.#sources.of(store)
    return runs.start(
      store.name,
      !dryRun,
      async () => {
        const { trees } = await source.look()
        const found = chosen(trees, named)
        refuseGuarded(found)
        const { tree, snapshot } = found
        const row = rowOf(store.name, tree.of, snapshot)
        if (dryRun) return { removed: false, snapshot: row }
        await source.remove({ of: tree.of, name: snapshot.name })
        log.info({ store: store.name, of: tree.of, name: snapshot.name, by }, "filesystem snapshot removed")
        return { removed: true, snapshot: row }
      },
      nothingCounted,
    )
  }

  async retention(name: string): Promise<RetentionJson> {
    const store = this.#sources.storeNamed(name)
    const { trees } = await this.#sources.of(store).look()
    const { keep } = store.filesystemSnapshots ?? { keep: undefined }
    const now = new Date(this.#parts.clock.now().wall)
    const verdicts = verdictsOf(trees, keep ?? usualKeep, now).flatMap(
      ({ tree, verdicts: { remove, keep } }) => [
        ...remove.map((one) => ({ ...one, of: tree.of, goes: true })),
        ...keep.map((one) => ({ ...one, of: tree.of, goes: false })),
      ],
    )
    return {
      store: name,
      verdicts: verdicts.map(({ snapshot, reasons, of, goes }) => ({
        snapshot: rowOf(name, of, snapshot),
        goes,
        reasons: [...reasons],
      })),
    }
  }

  async look({ path, ...named }: z.output<typeof lookRequest>): Promise<LookRunJson> {
    const { keeper, runs } = this.#parts
    const store = this.#sources.storeNamed(named.store)
    if (path !== "") safeParts(path)
    const source = this.#sources.of(store)
    const is = relationsOf({ store, path }, keeper.fleet).find(({ kind }) => kind === "is")?.repository
    return runs.start(
      store.name,
      false,
      async () => {
        const { trees } = await source.look()
        const { tree } = chosen(trees, named)
        const name = { of: tree.of, name: named.name }
        const shownAt = await source.shownAt(name)
        const scope = await this.#sources.scopeOf(store)
        const found = await this.#sources.callOf(store)("repositoryThen", {
          ...scope,
          ...name,
          ...(shownAt === undefined ? {} : { shownAt }),
          directory: join(scope.store, path),
          engine: is?.entry.engine,
          password: is && this.#passwordOf(is, path),
        })
        return lookedJson(found, is, path)
      },
      nothingCounted,
    )
  }

  /** For the doctor. */
  async checks(): Promise<CheckJson[]> {
    const { keeper, clock } = this.#parts
    const { stores } = keeper.fleet.document
    const [rows, interrupted] = await Promise.all([this.list(undefined), this.rollBacks.unfinished()])
    return snapshotChecks(rows.stores, stores, interrupted, clock.now().wall)
  }

  async #setHold(
    { holder, ...named }: z.output<typeof holdSnapshotRequest>,
    verb: "hold" | "release",
    by: string,
  ): Promise<SnapshotHeldJson> {
    const store = this.#sources.storeNamed(named.store)
    const source = this.#sources.of(store)
    const { tree, snapshot } = chosen((await source.look()).trees, named)
    const { name } = snapshot
    await source[verb]({ of: tree.of, name }, holder)
    this.#parts.log.info({ store: store.name, name, holder, by }, `filesystem snapshot: ${verb}`)
    const after = chosen((await source.look()).trees, { ...named, of: tree.of })
    return { snapshot: rowOf(store.name, tree.of, after.snapshot) }
  }

  async #storeRow(store: StoreEntry): Promise<SnapshotStoreJson> {
    const nothing = { store: store.name, by: null, trees: [], snapshots: [] }
    const schedule = this.#scheduleOf(store)
    try {
      const look = await soonOrThrow(this.#sources.of(store).look())
      if (look === undefined) {
        const message = `Store ${store.name} has not told of its filesystem snapshots yet.`
        return {
          ...nothing,
          schedule,
          problem: { code: "no_answer_yet", message, hint: "Ask again in a while." },
        }
      }
      return {
        store: store.name,
        by: look.by ?? null,
        trees: look.trees.map(({ of, possible, message, hint, notices }) => ({
          of,
          possible,
          message: message ?? null,
          hint: hint ?? null,
          notices: [...notices],
        })),
        schedule,
        problem: null,
        snapshots: rowsOf(store.name, look.trees),
      }
    } catch (error) {
      if (!(error instanceof StorageError) && !(error instanceof HttpError)) throw error
      const { code, message, hint } = error
      return { ...nothing, schedule, problem: { code, message, hint: hint ?? null } }
    }
  }

  #scheduleOf(store: StoreEntry): SnapshotStoreJson["schedule"] {
    const entry = store.filesystemSnapshots
    if (entry === undefined) return null
    const last = this.keeper.lastRun(store)
    return {
      schedule: scheduleText(entry.schedule),
      nextAt: iso(nextDue(entry.schedule, store.name, this.#parts.clock.now().wall)),
      last:
        last === undefined
          ? null
          : {
              at: iso(last.at),
              outcome: last.outcome,
              detail: last.detail ?? null,
              made: [...last.made],
              removed: [...last.removed],
            },
      madeAt: last?.madeAt === undefined ? null : iso(last.madeAt),
    }
  }

  #passwordOf(repository: FleetRepository, path: string): string | undefined {
    const spot = isPerVolume(repository)
      ? spotAt(repository, path)
      : spotOf(repository, { namespace: "any", pvc: "any" })
    return spot && this.#parts.keeper.specOf(repository, spot).password
  }
}

function lookedJson(
  { path: at, engine, id, formatVersion, snapshots }: RepositoryThen,
  repository: FleetRepository | undefined,
  path: string,
): LookedJson {
  const volumes = repository?.template?.perVolume === true ? volumesAt(repository.template, path) : []
  const own = volumes.length === 1 ? volumes[0] : undefined
  return {
    at,
    repository: { engine, id, formatVersion: formatVersion ?? null },
    snapshots: snapshots.map((snapshot) =>
      renderSnapshot(
        snapshot,
        engine === "kopia" ? identityText("kopia", snapshot.source) : at,
        own ?? (repository && volumeOf(repository, snapshot)),
      ),
    ),
  }
}

/** What the retention never removes, nobody removes by accident. */
function refuseGuarded({ tree, snapshot }: ReturnType<typeof chosen>): void {
  const { name, ours, holds } = snapshot
  if (!ours) {
    throw new HttpError(409, "not_ours", `${name} is no filesystem snapshot of Cistern's.`, {
      hint: "Whoever made it removes it.",
    })
  }
  if (holds.length > 0) {
    throw new HttpError(409, "held", `The filesystem snapshot ${name} is held by ${holds.join(", ")}.`, {
      hint: "Release it first, when nobody needs it any more.",
    })
  }
  const newest = tree.snapshots.find((one) => one.ours && one.state === "whole")
  if (newest?.name !== name) return
  throw new HttpError(409, "newest", `${name} is the newest filesystem snapshot of ${tree.of}.`, {
    hint: "Make another one first: without it, nothing is left against a mover that destroys.",
  })
}

function sentinelOf(store: StoreEntry, { fences }: FilesystemSnapshotsParts): string | undefined {
  const stored = fences.get("store", store.name)
  return stored === undefined ? undefined : (JSON.parse(stored.record) as FenceRecord).sentinel
}

function picked({ code, message }: { readonly code: string; readonly message: string }) {
  return { code, message }
}

/** Undefined where the answer is late; what fails in time is thrown. */
async function soonOrThrow<T>(promise: Promise<T>): Promise<T | undefined> {
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const first = await soon(settled)
  if (first === undefined) return undefined
  if ("error" in first) throw first.error
  return first.value
}

function nothingCounted(): Promise<undefined> {
  return Promise.resolve(undefined)
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
