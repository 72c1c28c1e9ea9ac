import { createHash } from "node:crypto"
import { join } from "node:path"
import type { z } from "zod"
import { type RollBackPlan, safeParts } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import type {
  RollBackJson,
  rollBackRequest,
  RollBackRunJson,
} from "../../http/contract/filesystem-snapshots.js"
import { HttpError } from "../../http/index.js"
import { placesAt, refuseWriters } from "../directories/places-at.js"
import type { Runs } from "../directories/runs.js"
import { relationsOf, type Target, targetOf } from "../directories/targets.js"
import type { ChosenNfsServer } from "../exports/chosen-nfs-server.js"
import type { ExportKeeper } from "../exports/export-keeper.js"
import { type KeptOut, ROLL_BACK } from "../exports/kept-out.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import type { StoreFences } from "../stores/store-fences.js"
import { chosen } from "./snapshot-rows.js"
import type { SourceLook } from "./snapshot-source.js"
import type { SnapshotSources } from "./snapshot-sources.js"
import { UnfinishedRollBacks } from "./unfinished-roll-backs.js"

export interface RollBacksParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly clock: Clock
  readonly storeFences: StoreFences
  readonly sources: SnapshotSources
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  readonly exportKeeper: Pick<ExportKeeper, "look" | "keeps">
  readonly keptOut: KeptOut
  readonly runs: Runs
  /** What was worked out of a place is worked out anew. */
  readonly forget: (place: string) => void
  /** Has everything that is declared looked at again. */
  readonly redeclare: () => void
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

interface Order {
  readonly target: Target
  /** With links followed. */
  readonly directory: string
  readonly of: string
  readonly name: string
  readonly shownAt: string | undefined
}

/** Makes a directory what it was in a filesystem snapshot, when a person says so, and ends what was interrupted at that. */
export class RollBacks {
  readonly #parts: RollBacksParts
  readonly #unfinished: UnfinishedRollBacks
  readonly #underWay = new Set<string>()

  constructor(parts: RollBacksParts) {
    this.#parts = parts
    this.#unfinished = new UnfinishedRollBacks({
      ...parts,
      underWay: this.#underWay,
      lookAgain: (target) => this.#lookAgain(target),
    })
  }

  start(): void {
    this.#unfinished.start()
  }

  stop(): void {
    this.#unfinished.stop()
  }

  unfinished(): ReturnType<UnfinishedRollBacks["list"]> {
    return this.#unfinished.list()
  }

  settle(store: string, id: string, by: string): ReturnType<UnfinishedRollBacks["settle"]> {
    return this.#unfinished.settle(store, id, by)
  }

  async rollBack(request: z.output<typeof rollBackRequest>, by: string): Promise<RollBackRunJson> {
    const { to, dryRun, force, basis, ...named } = request
    const { keeper, runs } = this.#parts
    const target = targetOf(named, keeper.fleet)
    const order = await this.#order(target, to)
    refuseWriters(await placesAt(target, this.#parts), force)
    return runs.start(
      target.store.name,
      !dryRun,
      (run) => (dryRun ? this.#planned(order) : this.#apply(order, { run, force, agreed: basis, by })),
      () => Promise.resolve(undefined),
    )
  }

  async #order(target: Target, to: string): Promise<Order> {
    const { sources, keeper } = this.#parts
    const { store, path } = target
    if (path === "") {
      throw new HttpError(
        409,
        "whole_store",
        "A whole store cannot be rolled back: what is set aside is kept in it.",
        {
          hint: "Roll its repositories back one by one.",
        },
      )
    }
    safeParts(path)
    const inside = relationsOf(target, keeper.fleet).find(({ kind }) => kind === "in")
    if (inside !== undefined) {
      const { name } = inside.repository.entry
      throw new HttpError(409, "in_repository", `${target.directory} is a part of a repository of ${name}.`, {
        hint: "Roll back the whole repository: parts of two states are damage.",
      })
    }
    const root = sources.rootOf(store)
    const directory = join(root, path)
    const source = sources.of(store)
    const { tree } = chosen(treesAround(await source.look(), root, directory), {
      store: store.name,
      name: to,
    })
    const shownAt = await source.shownAt({ of: tree.of, name: to })
    return { target, directory, of: tree.of, name: to, shownAt }
  }

  async #planned(order: Order): Promise<RollBackJson> {
    const plan = await this.#parts.sources.callOf(order.target.store)("planRollBack", {
      ...(await this.#request(order)),
      directory: order.directory,
    })
    return this.#shown(order, plan)
  }

  async #apply(
    order: Order,
    how: { run: string; force: boolean; agreed: string | undefined; by: string },
  ): Promise<RollBackJson> {
    const { catalog, clock, storeFences, sources, log } = this.#parts
    const { target, directory, name } = order
    const { store, path } = target
    const plan = await this.#planned(order)
    if (how.agreed !== undefined && how.agreed !== plan.basis) {
      throw new HttpError(409, "stale_plan", "Something changed since this was shown.", {
        hint: "Look at what would be done now, and do that.",
      })
    }
    const fences = storeFences.ofFilesystems(store)
    const now = new Date(clock.now().wall)
    const request = { ...(await this.#request(order)), directory, fences, run: how.run, now }
    this.#underWay.add(store.name)
    try {
      const { aside } = await catalog.stores.withExchange(
        how.run,
        () => this.#keepClientsOut(directory, how.force),
        () => sources.callOf(store)("rollBackDirectory", request),
      )
      log.info({ store: store.name, path, to: name, aside, by: how.by }, "directory rolled back")
      return { ...plan, rolledBack: true, aside }
    } finally {
      this.#underWay.delete(store.name)
      this.#parts.keptOut.remove(directory, ROLL_BACK)
      // Where it could not be ended, clients stay out.
      await this.#unfinished.lookAt(store)
      await this.#lookAgain(target)
      await this.#parts.exportKeeper.look()
    }
  }

  async #request({ target, of, name, shownAt }: Order) {
    const scope = await this.#parts.sources.scopeOf(target.store)
    return { ...scope, of, name, ...(shownAt === undefined ? {} : { shownAt }) }
  }

  async #shown({ target, directory, of, name }: Order, plan: RollBackPlan): Promise<RollBackJson> {
    const { store, path } = target
    const { from, method, now, then, steps } = plan
    const affected = await this.#exportsAt(directory)
    const { nfsServer, exportKeeper } = this.#parts
    const withdraws = affected.length > 0 && exportKeeper.keeps && nfsServer.current !== undefined
    const basis = createHash("sha256")
      .update(JSON.stringify([store.name, path, of, name, from, method, then]))
      .digest("hex")
    return {
      rolledBack: false,
      store: store.name,
      path,
      directory: target.directory,
      snapshot: name,
      from,
      method,
      now,
      then,
      steps: [...steps],
      notices: [...plan.notices, ...noticesOf(affected, withdraws)],
      withdrawn: withdraws ? affected : [],
      basis,
      aside: null,
    }
  }

  async #exportsAt(directory: string): Promise<string[]> {
    const exported = await this.#parts.sources.exported()
    return exported.filter((path) => isAround(path, directory) || isAround(directory, path))
  }

  /** Throws StorageError where clients could still reach the directory; nothing was exchanged then. */
  async #keepClientsOut(directory: string, force: boolean): Promise<void> {
    const { nfsServer, exportKeeper, keptOut } = this.#parts
    if (!exportKeeper.keeps || nfsServer.current === undefined) return
    keptOut.add(
      directory,
      {
        code: ROLL_BACK,
        message: `${directory} is being rolled back`,
        hint: "It is exported again when that is done.",
      },
      "around",
    )
    await exportKeeper.look()
    if (force) return
    const state = await nfsServer.current.state()
    const open = state?.active.find(({ path }) => isAround(path, directory) || isAround(directory, path))
    if (open === undefined) return
    throw new StorageError("unstable", `${open.path} is still exported to ${open.client}`, {
      facts: { path: open.path },
      hint: "Take that export away first, or stop its clients and say --force.",
    })
  }

  async #lookAgain(target: Target): Promise<void> {
    const { forget, redeclare, catalog } = this.#parts
    for (const { spec } of catalog.views())
      if (isAround(target.directory, spec.directory) || isAround(spec.directory, target.directory))
        forget(spec.place)
    redeclare()
    await placesAt(target, this.#parts)
  }
}

/** The trees that hold the directory, the innermost first. A NAS system's has a name of its own. */
function treesAround({ by, trees }: SourceLook, root: string, directory: string) {
  if (by !== "btrfs" && by !== "zfs") return trees
  const [innermost] = trees
    .filter(({ of }) => isAround(join(root, of), directory))
    .toSorted((one, other) => other.of.length - one.of.length)
  return innermost === undefined ? [] : [innermost]
}

function noticesOf(affected: readonly string[], withdraws: boolean): string[] {
  const later =
    "Backups that are newer than the filesystem snapshot are gone afterwards from here: a volume that had one is unknown until `cistern repositories accept` says that it is meant."
  if (affected.length === 0) return [later]
  const which = affected.join(", ")
  const said = withdraws
    ? `${which} is withdrawn while the directory is exchanged: clients see errors meanwhile, and those that had mounted the directory itself have to mount it again.`
    : `${which} is exported and stays so, because Cistern does not keep that server's exports: stop its clients first.`
  return [said, later]
}
