import type { z } from "zod"
import type { FenceRecord } from "../../../storage/disk/index.js"
import { type StoreEntry, usualKeep } from "../../config/index.js"
import type { Fences, SnapshotRuns } from "../../db/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import type {
  createSnapshotRequest,
  CreateSnapshotRunJson,
  FilesystemSnapshotsJson,
  holdSnapshotRequest,
  lookRequest,
  LookRunJson,
  removeSnapshotRequest,
  RemoveSnapshotRunJson,
  RetentionJson,
  SnapshotHeldJson,
} from "../../http/contract/filesystem-snapshots.js"
import { HttpError } from "../../http/index.js"
import { LookInto } from "./look-into.js"
import { verdictsOf } from "./retention.js"
import { RollBacks, type RollBacksParts } from "./roll-backs.js"
import { snapshotChecks } from "./snapshot-checks.js"
import { SnapshotKeeper } from "./snapshot-keeper.js"
import { chosen, rowOf } from "./snapshot-rows.js"
import { SnapshotSources, type SnapshotSourcesParts } from "./snapshot-sources.js"
import { SnapshotStoreRows } from "./store-rows.js"

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
  readonly #rows: SnapshotStoreRows
  readonly #looks: LookInto

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
    this.#rows = new SnapshotStoreRows({ ...parts, sources: this.#sources, snapshotKeeper: this.keeper })
    this.#looks = new LookInto({ ...parts, sources: this.#sources })
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
    return { stores: await Promise.all(stores.map((store) => this.#rows.row(store))) }
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

  look(request: z.output<typeof lookRequest>): Promise<LookRunJson> {
    return this.#looks.look(request)
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

function nothingCounted(): Promise<undefined> {
  return Promise.resolve(undefined)
}
