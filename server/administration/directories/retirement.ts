import { createHash } from "node:crypto"
import { join } from "node:path"
import type { z } from "zod"
import { quarantineId, type RetiredRecord, safeParts, STORE_FOLDER } from "../../../storage/disk/index.js"
import { volumeKey } from "../../../storage/identity/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import { isPerVolume, spotOf } from "../../answers/index.js"
import type { Catalog, Clock, PlaceView } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type {
  DirectoryRestoredJson,
  PurgeRunJson,
  QuarantineJson,
  retireDirectoryRequest,
  RetiredJson,
} from "../../http/contract/directories.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import type { AdministratorViews } from "../repositories/views.js"
import type { ChosenNfsServer } from "../exports/chosen-nfs-server.js"
import type { Runs } from "./runs.js"
import type { StoreAccess } from "./store-access.js"
import { relationsOf, type Target, targetOf } from "./targets.js"
import { placesAt, refuseWriters } from "./places-at.js"

export interface RetirementParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly views: Pick<AdministratorViews, "volumes">
  readonly clock: Clock
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  readonly access: StoreAccess
  readonly runs: Runs
  /** Has the repositories there listed anew. */
  readonly looked: (target: Target) => Promise<void>
  readonly log: { info(fields: object, message: string): void }
}

type Acknowledgement = RetiredJson["acknowledgements"][number]

const DAY_MS = 86_400_000

/** Moves directories out of use, back, and, after their holding period, away for good; each when a person says so. */
export class Retirement {
  readonly #parts: RetirementParts

  constructor(parts: RetirementParts) {
    this.#parts = parts
  }

  async retire(request: z.output<typeof retireDirectoryRequest>, by: string): Promise<RetiredJson> {
    const { dryRun, holdDays, accept, force, basis: agreed, ...named } = request
    const { keeper, access, runs, clock, log, looked } = this.#parts
    const target = targetOf(named, keeper.fleet)
    safeParts(target.path)
    this.#refusePart(target)
    await this.#refuseExported(target)
    const way = access.accessTo(target)
    const places = await placesAt(target, this.#parts)
    refuseWriters(places, force)
    const { name } = target.store
    const found = await access.call(name, "lookBeforeRetiring", { store: way.store, path: target.path })
    const acknowledgements = this.#acknowledgements(target, places).map((one) => ({
      ...one,
      accepted: accept.includes(one.id),
    }))
    const basis = createHash("sha256")
      .update(JSON.stringify([name, target.path, found.inode, acknowledgements.map(({ id }) => id)]))
      .digest("hex")
    if (agreed !== undefined && agreed !== basis) {
      throw new HttpError(409, "stale_plan", "Something changed since this was shown.", {
        hint: "Look at what is retired now, and retire that.",
      })
    }
    const now = new Date(clock.now().wall)
    const holdUntil = new Date(now.getTime() + holdDays * DAY_MS).toISOString()
    const plan = {
      store: name,
      path: target.path,
      directory: target.directory,
      holdUntil,
      acknowledgements,
      basis,
    }
    if (dryRun || acknowledgements.some(({ accepted }) => !accepted))
      return { retired: false, ...plan, id: null }
    const record = { id: quarantineId(target.path, now), retiredAt: now.toISOString(), by, holdUntil }
    await runs.alone(name, () =>
      access.call(name, "retireDirectory", {
        ...way,
        after: way.fences.filter(({ path }) => path === target.store.path),
        path: target.path,
        inode: found.inode,
        record,
      }),
    )
    log.info({ store: name, path: target.path, id: record.id, holdUntil, accept, by }, "directory retired")
    await looked(target)
    return { retired: true, ...plan, id: record.id }
  }

  async list(): Promise<QuarantineJson> {
    const { keeper, access, clock } = this.#parts
    const unknown: string[] = []
    const lists = keeper.fleet.document.stores.map(async (store) => {
      const root = access.viewOf(store)
      if (root === undefined) return []
      try {
        const found = await access.call(store.name, "retired", root)
        return found.map(({ id, record }) => rowOf(store, id, record, clock.now().wall))
      } catch (error) {
        unknown.push(`store ${store.name}: ${error instanceof Error ? error.message : String(error)}`)
        return []
      }
    })
    return { directories: (await Promise.all(lists)).flat(), unknown }
  }

  async restore(store: string, id: string, by: string): Promise<DirectoryRestoredJson> {
    const { keeper, access, runs, log, looked } = this.#parts
    const target = targetOf({ store, path: "" }, keeper.fleet)
    const way = access.accessTo(target)
    const record = await runs.alone(store, () => access.call(store, "restoreDirectory", { ...way, id }))
    if (record === undefined) throw nothingRetired(store, id)
    log.info({ store, id, path: record.path, by }, "retired directory restored")
    await looked({ ...target, path: record.path, directory: join(target.directory, record.path) })
    return { store, id, path: record.path }
  }

  async purge(store: string, id: string, by: string): Promise<PurgeRunJson> {
    const { keeper, access, runs, clock, log } = this.#parts
    const way = access.accessTo(targetOf({ store, path: "" }, keeper.fleet))
    return runs.start(
      store,
      true,
      async (run) => {
        const now = new Date(clock.now().wall)
        const purged = await access.call(store, "purgeDirectory", { ...way, id, now, run })
        if (purged === undefined) throw nothingRetired(store, id)
        const { record, deleted } = purged
        log.info({ store, id, path: record.path, files: deleted, by }, "retired directory deleted")
        return { store, id, files: deleted }
      },
      (run) => access.call(store, "progressOf", run),
    )
  }

  /** A part of a repository that is moved away is damage. */
  #refusePart(target: Target): void {
    const inside = relationsOf(target, this.#parts.keeper.fleet).find(({ kind }) => kind === "in")
    if (inside === undefined) return
    const { name } = inside.repository.entry
    throw new HttpError(409, "in_repository", `${target.directory} is a part of a repository of ${name}.`, {
      hint: "Only whole repositories can be retired.",
    })
  }

  /** What clients may mount stays in its place, and what is retired must be out of their reach. */
  async #refuseExported({ store, directory }: Target): Promise<void> {
    const { keeper, nfsServer, access } = this.#parts
    const { stores, exports } = keeper.fleet.document
    const roots = new Map(stores.map(({ name, path }) => [name, path]))
    const declared = exports.map((one) => join(roots.get(one.store) ?? "", one.path))
    const root = access.viewOf(store)?.realPath ?? store.path
    const real = root + directory.slice(store.path.length)
    const active = (await nfsServer.current?.state())?.active.map(({ path }) => path) ?? []
    const exported =
      declared.find((path) => isAround(directory, path)) ?? active.find((path) => isAround(real, path))
    if (exported !== undefined) {
      throw new HttpError(409, "exported", `${exported} is exported.`, {
        hint: "Take the export out of the document, apply that, and try again.",
      })
    }
    const [own, realOwn] = [join(store.path, STORE_FOLDER), join(root, STORE_FOLDER)]
    const around =
      declared.find((path) => isAround(path, own)) ?? active.find((path) => isAround(path, realOwn))
    if (around !== undefined) {
      throw new HttpError(
        409,
        "quarantine_exported",
        `${around} is exported, and the quarantine would lie in it, where clients reach it.`,
        { hint: "Export the repositories' directories instead of what is around the whole store." },
      )
    }
  }

  #acknowledgements(target: Target, places: readonly PlaceView[]): Omit<Acknowledgement, "accepted">[] {
    const { keeper, views } = this.#parts
    const { fleet } = keeper
    const declared = relationsOf(target, fleet).filter(
      ({ repository, kind }) => kind === "leads" || (kind === "is" && !isPerVolume(repository)),
    )
    const inside = places.filter(({ spec }) => isAround(target.directory, spec.directory))
    const unread = inside.filter(
      ({ generation, trouble }) => generation === undefined && !(trouble?.kind === "failed" && trouble.empty),
    )
    const restoring = views
      .volumes({})
      .volumes.filter(({ decision }) => decision === "restore")
      .filter(({ cluster, namespace, pvc, repository }) => {
        const its = fleet.repositories.find(
          ({ entry }) => entry.name === repository && entry.cluster === cluster,
        )
        const spot = its && spotOf(its, { namespace, pvc })
        return (
          its?.store?.name === target.store.name &&
          spot !== undefined &&
          isAround(target.directory, spot.directory)
        )
      })
    return [
      ...declared.map(({ repository: { entry } }) => ({
        id: `repository/${entry.name}`,
        why: `repository ${entry.name} is declared there: it is unknown for all its volumes until it is back or taken out of the document`,
      })),
      ...restoring.map(({ cluster, namespace, pvc, snapshots }) => ({
        id: clusterOf(fleet.document.clusters.length, cluster) + volumeKey({ namespace, pvc }),
        why: `${namespace}/${pvc} would be restored from it (${snapshots ?? "some"} snapshots), and is unknown without it`,
      })),
      ...unread.map(({ spec }) => ({
        id: spec.directory,
        why: `what is in ${spec.directory} was not read: nobody knows whose backups these are`,
      })),
    ]
  }
}

function clusterOf(clusters: number, cluster: string): string {
  return clusters === 1 ? "" : `${cluster}/`
}

function rowOf(
  store: StoreEntry,
  id: string,
  record: RetiredRecord | undefined,
  now: number,
): QuarantineJson["directories"][number] {
  if (record === undefined) {
    return { store: store.name, id, path: null, retiredAt: null, by: null, holdUntil: null, state: "unknown" }
  }
  const { path, retiredAt, by, holdUntil, purging } = record
  const state = purging ? "purging" : now >= Date.parse(holdUntil) ? "due" : "held"
  return { store: store.name, id, path, retiredAt, by, holdUntil, state }
}

function nothingRetired(store: string, id: string): HttpError {
  return new HttpError(404, "not_found", `Nothing is retired under ${id} in store ${store}.`, {
    hint: "`cistern directories quarantine` lists what is.",
  })
}
