import { createHash, randomBytes } from "node:crypto"
import { join } from "node:path"
import type { z } from "zod"
import {
  type Counted,
  type DirectoryOwner,
  type PlannedRepair,
  REPAIR_ID,
  type RepairRequest,
  shownName,
  STORE_FOLDER,
} from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import type {
  RepairJson,
  repairDirectoryRequest,
  RepairRunJson,
  RepairsJson,
  UndoRunJson,
} from "../../http/contract/directories.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { type ExpectedOwner, expectationOf } from "./expected-owner.js"
import { octal } from "./judge-directory.js"
import type { Runs } from "./runs.js"
import type { Access, StoreAccess } from "./store-access.js"
import { relationsOf, type Target, targetOf } from "./targets.js"
import { placesAt, refuseWriters } from "./places-at.js"

export interface RepairsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly clock: Clock
  readonly access: StoreAccess
  readonly runs: Runs
  /** Has the repositories there listed anew. */
  readonly looked: (target: Target) => Promise<void>
  readonly log: { info(fields: object, message: string): void }
}

/** Gives directories to whom they shall belong, when a person says so, and takes that back. */
export class Repairs {
  readonly #parts: RepairsParts

  constructor(parts: RepairsParts) {
    this.#parts = parts
  }

  async repair(request: z.output<typeof repairDirectoryRequest>, by: string): Promise<RepairRunJson> {
    const { dryRun, recursive, hardLinks, force, basis: agreed, acceptMount, ...named } = request
    const { keeper, access, runs } = this.#parts
    const target = targetOf(named, keeper.fleet)
    const wanted = this.#ownerOf(target, recursive)
    const way = access.accessTo(target, acceptMount)
    refuseWriters(await placesAt(target, this.#parts), force)
    const scope = {
      store: way.store,
      path: target.path,
      wanted: { uid: wanted.uid, gid: wanted.gid, mode: wanted.mode },
      recursive,
      hardLinks,
    }
    return runs.start(
      target.store.name,
      !dryRun,
      (run) =>
        dryRun
          ? this.#preview(target, scope, way, run)
          : this.#apply(target, scope, way, { agreed, run, by }),
      (run) => access.call(target.store.name, "progressOf", run),
    )
  }

  async undo(store: string, id: string, by: string): Promise<UndoRunJson> {
    const { keeper, access, runs, log } = this.#parts
    const target = targetOf({ store, path: "" }, keeper.fleet)
    const way = access.accessTo(target)
    // Mounts below are where they were when it was repaired, or the directory is another one, which is noticed.
    const request = { store: { ...way.store, mounts: undefined }, fences: way.fences, id }
    return runs.start(
      store,
      true,
      async (run) => {
        const undone = REPAIR_ID.test(id)
          ? await access.call(store, "undoRepair", { ...request, run })
          : undefined
        if (undone === undefined) throw noRepair(store, id)
        const { record, changed, otherwise } = undone
        log.info({ store, id, path: record.path, changed, by }, "repair of a directory undone")
        return { store, id, path: record.path, changed, otherwise: countedJson(otherwise) }
      },
      (run) => access.call(store, "progressOf", run),
    )
  }

  async list(): Promise<RepairsJson> {
    const { keeper, access } = this.#parts
    const lists = keeper.fleet.document.stores.map(async (store) => {
      const root = access.viewOf(store)
      const records = root === undefined ? [] : await access.call(store.name, "repairs", root)
      return records.map(({ id, at, by, path, recursive }) => ({
        store: store.name,
        id,
        at,
        by,
        path,
        recursive,
      }))
    })
    const repairs = (await Promise.all(lists)).flat()
    return { repairs: repairs.sort((one, other) => (one.id < other.id ? 1 : -1)) }
  }

  /** Whose it shall be. Throws HttpError where nobody said that, or where it is no repository's. */
  #ownerOf(target: Target, recursive: boolean): ExpectedOwner {
    const { fleet } = this.#parts.keeper
    if (target.path === STORE_FOLDER) throw new HttpError(400, "invalid", "That folder is Cistern's own.")
    const relations = relationsOf(target, fleet)
    if (relations.length === 0) {
      throw new HttpError(
        409,
        "no_repository",
        `${target.directory} is no directory of a declared repository.`,
        {
          hint: "`cistern directories` lists them. What is none of ours has to be repaired by hand.",
        },
      )
    }
    const leads = relations.every(({ kind }) => kind === "leads")
    if (leads && recursive) {
      throw new HttpError(409, "above_repositories", `${target.directory} is above repositories.`, {
        hint: "Without --recursive it alone is changed. What is in it is repaired repository by repository.",
      })
    }
    const owners = relations.map(
      ({ repository }) => expectationOf(fleet.document, repository.entry, target.path).owner,
    )
    const [owner] = owners
    const name = relations[0]?.repository.entry.name ?? ""
    if (owner === undefined) {
      throw new HttpError(409, "no_owner", `Nobody said whose ${target.directory} should be.`, {
        hint: `Give repository ${name} an \`owner\`, or the export around it a \`squash\`, and apply that.`,
      })
    }
    if (owners.some((other) => other?.uid !== owner.uid || other.gid !== owner.gid)) {
      throw new HttpError(
        409,
        "several_owners",
        `The repositories at ${target.directory} have different owners.`,
        {
          hint: "Repair the directory of each, and let those above be entered by all (mode 755).",
        },
      )
    }
    // A mode is said of a repository's directory, and of nothing that leads to it.
    // Where a list is to be, the group's digit of a mode is its mask, or, without it, would let the group in: setfacl alone sets that.
    return leads || owners.some((one) => one?.acl !== undefined) ? { ...owner, mode: undefined } : owner
  }

  /** A repair that fails half-way says how what it changed is taken back. */
  async #told<T>(store: string, id: string, repair: () => Promise<T>): Promise<T> {
    try {
      return await repair()
    } catch (error) {
      const begun = await this.list().catch(() => undefined)
      if (!(error instanceof StorageError) || begun?.repairs.every((one) => one.id !== id) !== false)
        throw error
      const { code, message, facts, hint = "" } = error
      throw new StorageError(code, message, {
        facts: { ...facts, store },
        hint: `${hint} What was changed before that is given back by \`cistern directories undo ${id}\`.`.trim(),
        cause: error,
      })
    }
  }

  async #preview(target: Target, scope: RepairRequest, { fences }: Access, run: string): Promise<RepairJson> {
    const plan = await this.#parts.access.call(target.store.name, "previewRepair", { ...scope, fences, run })
    return planJson(target, scope, plan)
  }

  async #apply(
    target: Target,
    scope: RepairRequest,
    { fences }: Access,
    { agreed, run, by }: { agreed: string | undefined; run: string; by: string },
  ): Promise<RepairJson> {
    const { access, clock, log, looked } = this.#parts
    const { name } = target.store
    const plan = await access.call(name, "previewRepair", { ...scope, fences, run })
    if (agreed !== undefined && agreed !== basisOf(target, scope, plan)) throw stale()
    const at = new Date(clock.now().wall)
    const record = { id: repairId(at), at: at.toISOString(), by }
    const done = await this.#told(name, record.id, () =>
      access.call(name, "repairDirectory", { ...scope, fences, run, record, agreed: plan.digest }),
    )
    if (done.stale) throw stale()
    const { changed, otherwise } = done
    const { uid, gid } = scope.wanted
    log.info(
      { store: name, path: target.path, id: record.id, uid, gid, recursive: scope.recursive, changed, by },
      "directory repaired",
    )
    await looked(target)
    return {
      ...planJson(target, scope, done.plan),
      applied: plan.changes > 0,
      id: plan.changes > 0 ? record.id : null,
      changed,
      otherwise: countedJson(otherwise),
    }
  }
}

function planJson(target: Target, scope: RepairRequest, plan: PlannedRepair): RepairJson {
  return {
    applied: false,
    id: null,
    store: target.store.name,
    path: target.path,
    directory: target.directory,
    looked: plan.looked,
    changes: plan.changes,
    examples: plan.examples.map(({ path, from, to }) => ({
      path: path === "" ? target.directory : join(target.directory, shownName(path)),
      from: ownerJson(from),
      to: ownerJson(to),
    })),
    leftAlone: [
      ...sentence(plan.hardLinked, "have further names elsewhere (--hard-links changes them too)"),
      ...sentence(plan.elsewhere, "are on other filesystems"),
      ...sentence(plan.special, "are devices, sockets or fifos"),
    ],
    basis: basisOf(target, scope, plan),
    changed: 0,
    otherwise: { count: 0, example: null },
  }
}

/** What somebody agrees to: these changes of this directory. */
function basisOf({ store, path }: Target, { wanted }: RepairRequest, { digest }: PlannedRepair): string {
  return createHash("sha256")
    .update(JSON.stringify([store.name, path, wanted, digest]))
    .digest("hex")
}

function stale(): HttpError {
  return new HttpError(409, "stale_plan", "Something changed since these changes were shown.", {
    hint: "Look at what changes now, and apply that.",
  })
}

function noRepair(store: string, id: string): HttpError {
  return new HttpError(404, "not_found", `There is no repair ${id} of store ${store} to undo.`, {
    hint: "`cistern directories repairs` lists them.",
  })
}

function repairId(at: Date): string {
  return `${at.toISOString().replace(/[-:]|\.\d+/g, "")}-${randomBytes(3).toString("hex")}`
}

function sentence({ count, example }: Counted, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}, such as ${example ?? ""}`]
}

function countedJson({ count, example }: Counted): RepairJson["otherwise"] {
  return { count, example: example ?? null }
}

function ownerJson({ uid, gid, mode }: DirectoryOwner): RepairJson["examples"][number]["from"] {
  return { uid, gid, mode: octal(mode) }
}
