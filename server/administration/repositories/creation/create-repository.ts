import { createHash, randomBytes } from "node:crypto"
import type { z } from "zod"
import { type CradlePlan, type NewOwner, shownMode } from "../../../../storage/disk/index.js"
import { engineVersion } from "../../../../storage/host/index.js"
import { type Engine, StorageError } from "../../../../storage/index.js"
import { familyOf, type FleetRepository, spotAt, storeOf } from "../../../answers/index.js"
import type { Catalog, Clock, NewRepository, PlaceView } from "../../../catalog/index.js"
import { HttpError } from "../../../http/index.js"
import type {
  createRepositoryRequest,
  NewRepositoryJson,
  NewRepositoryRunJson,
} from "../../../http/contract/new-repository.js"
import type { Ledger } from "../../../ledger/index.js"
import { expectationOf, newOwner } from "../../directories/expected-owner.js"
import { octal } from "../../directories/judge-directory.js"
import type { Runs } from "../../directories/runs.js"
import { StoreAccess, type StoreAccessParts } from "../../directories/store-access.js"
import { relationsOf, type Target, targetOf } from "../../directories/targets.js"
import type { FleetKeeper } from "../../fleet-keeper.js"
import { soon } from "../../soon.js"
import { type ExportsAround, PlaceExports, type PlaceExportsParts } from "./place-exports.js"
import { creationObstacle } from "./guards.js"

export interface CreateRepositoryParts extends StoreAccessParts, PlaceExportsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly ledger: Pick<Ledger, "pins" | "everSaw">
  readonly clock: Clock
  readonly runs: Runs
  /** The engines' programs where they are given; otherwise they are looked for in PATH. */
  readonly engines: Readonly<Record<Engine, string | undefined>>
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

type Request = z.output<typeof createRepositoryRequest>

/** What will be done, and all that it needs. */
interface Plan {
  readonly repository: FleetRepository
  readonly target: Target
  readonly cradle: CradlePlan
  readonly owner: NewOwner
  readonly password: string
  /** The place as it really is, and what is exported of it. */
  readonly real: string
  readonly exports: ExportsAround
  readonly shown: NewRepositoryJson
}

/** Has the real engine make a repository before any mover can, when a person says so. */
export class CreateRepository {
  readonly #parts: CreateRepositoryParts
  readonly #access: StoreAccess
  readonly #exports: PlaceExports

  constructor(parts: CreateRepositoryParts) {
    this.#parts = parts
    this.#access = new StoreAccess(parts)
    this.#exports = new PlaceExports(parts)
  }

  /** Throws HttpError and StorageError for whatever stands in the way. */
  async create(name: string, request: Request, by: string): Promise<NewRepositoryRunJson> {
    const plan = await this.#plan(name, request)
    if (request.basis !== undefined && request.basis !== plan.shown.basis) {
      throw new HttpError(409, "stale_plan", "Something changed since this was shown.", {
        hint: "Look at what is made now, and agree to that.",
      })
    }
    if (request.dryRun) return { run: null, result: plan.shown }
    const store = plan.target.store.name
    return this.#parts.runs.start(
      store,
      true,
      // Whoever had the turn before may have changed anything.
      async () => this.#make(await this.#plan(name, request), request, by),
      async () => {
        const hang = this.#parts.catalog.stores.hang(store)
        if (hang !== undefined) throw new HttpError(503, "store_hangs", hang.message, { hint: hang.hint })
        return undefined
      },
    )
  }

  async #plan(name: string, request: Request): Promise<Plan> {
    const { keeper, ledger } = this.#parts
    const repository = keeper.fleet.repositories.find(({ entry }) => entry.name === name)
    if (repository === undefined) throw new HttpError(404, "not_found", `No repository is called ${name}.`)
    const { entry } = repository
    const target = this.#targetOf(repository, request)
    const spot = spotAt(repository, target.path)
    const problem = await answered(this.#access.fenceProblem(target.store), target)
    if (problem !== undefined) throw new HttpError(503, problem.code, problem.message, { hint: problem.hint })
    const access = this.#access.accessTo(target, request.acceptMount)
    const { store: root } = access
    const look = { store: root, path: target.path }
    const cradle = await answered(this.#access.call(target.store.name, "planRepository", look), target)
    // Somebody may have put the right one in place meanwhile.
    const { password } = keeper.renew(keeper.specOf(repository, spot))
    const expectation = expectationOf(keeper.fleet.document, entry, target.path)
    const obstacle = creationObstacle({
      entry,
      directory: target.directory,
      store: target.store.name,
      path: target.path,
      view: await this.#listed(repository, spot),
      everSeen: ledger.everSaw(spot.place),
      hasPassword: password !== undefined,
      expectation,
      found: cradle.found,
      user: { uid: process.geteuid?.(), gid: process.getegid?.() },
    })
    if (obstacle !== undefined) throw obstacle
    if (expectation.owner === undefined || password === undefined)
      throw new RangeError("a guard let it through")
    const { uid, gid } = expectation.owner
    // One that is there stays as it is, whatever list it has.
    const owner =
      cradle.found === undefined ? newOwner(expectation.owner) : { uid, gid, mode: cradle.found.mode }
    const real = root.realPath + target.directory.slice(target.store.path.length)
    const exports = await this.#exports.around(real)
    if (cradle.kind === "in_place") this.#exports.refuseAround(exports, target.directory, cradle.why ?? "")
    const { program, version } = await this.#programOf(entry.engine)
    const shown = {
      created: false,
      repository: entry.name,
      engine: entry.engine,
      store: target.store.name,
      path: target.path,
      directory: target.directory,
      owner: { uid, gid, mode: octal(shownMode(owner.mode, owner.acl ?? [])) },
      program,
      programVersion: version,
      made: cradle.kind,
      why: cradle.why ?? null,
      withdrawn: [...exports.ofThePlace],
      id: null,
    }
    const basis = createHash("sha256").update(JSON.stringify(shown)).digest("hex")
    return { repository, target, cradle, owner, password, real, exports, shown: { ...shown, basis } }
  }

  async #make(plan: Plan, request: Request, by: string): Promise<NewRepositoryJson> {
    const { repository, target, cradle, owner, password, real, shown } = plan
    const { store, path } = target
    const { engine, program } = shown
    const fields = { repository: shown.repository, store: store.name, path, by }
    const release = await this.#exports.hold(real)
    try {
      const { store: root, fences } = this.#access.accessTo(target, request.acceptMount)
      const id = randomBytes(8).toString("hex")
      const { kind } = cradle
      this.#parts.log.info({ ...fields, program, made: kind }, "a repository is being made")
      const made = await this.#access
        .call(store.name, "createRepository", {
          store: root,
          fences,
          path,
          owner,
          engine,
          program,
          password,
          kind,
          id,
        })
        .catch(async (error: unknown) => {
          throw await this.#explained(error, repository, target)
        })
      await this.#pin(made, repository, target)
      this.#parts.log.info({ ...fields, id: made.repositoryId }, "repository made and pinned")
      return { ...shown, created: true, id: made.repositoryId }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#parts.log.warn({ ...fields, why }, "a repository could not be made")
      throw error
    } finally {
      await release()
    }
  }

  /** Before anything of the place is exported: from now on another repository there is a change that a person has to accept. */
  async #pin(made: NewRepository, repository: FleetRepository, { path, directory }: Target): Promise<void> {
    const { ledger, clock } = this.#parts
    const spot = spotAt(repository, path)
    const { engine, repositoryId, fingerprint } = made
    const pin = { engine, repositoryId, fingerprint }
    const at = clock.now().wall
    if (ledger.pins.check(spot.place, pin, at).kind === "new") ledger.pins.pin(spot.place, pin, at)
    const view = await this.#listed(repository, spot)
    const seen = view?.generation?.header
    if (seen === undefined || seen.repositoryId === repositoryId) return
    throw new HttpError(
      409,
      "repository_changed",
      `${directory} holds the ${seen.engine} repository ${seen.repositoryId}, not ${repositoryId}, which was made there.`,
      { hint: "Somebody replaced it at once: find out who writes there besides the movers." },
    )
  }

  /** Of two that make a repository in the same place, one loses; it is said which, and what is there now. */
  async #explained(error: unknown, repository: FleetRepository, target: Target): Promise<unknown> {
    if (!(error instanceof StorageError) || error.code !== "unstable") return error
    const view = await this.#listed(repository, spotAt(repository, target.path))
    const seen = view?.generation?.header
    if (seen === undefined) {
      return new HttpError(409, "lost_race", `${error.message}. What was made for it is thrown away.`, {
        hint: error.hint ?? "Look at what is there.",
        cause: error,
      })
    }
    const id = seen.repositoryId === "" ? seen.fingerprint : seen.repositoryId
    return new HttpError(
      409,
      "lost_race",
      `Somebody else made the ${seen.engine} repository ${id} in ${target.directory} meanwhile: that one stays, and ours is thrown away.`,
      { hint: "Movers can use it; it is pinned.", cause: error },
    )
  }

  async #listed(
    repository: FleetRepository,
    spot: { readonly place: string; readonly directory: string },
  ): Promise<PlaceView | undefined> {
    const { catalog, keeper } = this.#parts
    const spec = keeper.specOf(repository, spot)
    return soon(catalog.listNow(spec, storeOf(repository), familyOf(repository)))
  }

  async #programOf(engine: Engine): Promise<{ readonly program: string; readonly version: string }> {
    try {
      return await engineVersion(engine, this.#parts.engines[engine])
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      throw new HttpError(503, "no_engine", `The real ${engine} cannot be used: ${error.message}.`, {
        hint: `Install it, or name it in CISTERN_${engine.toUpperCase()} in the daemon's environment.`,
        cause: error,
      })
    }
  }

  #targetOf(repository: FleetRepository, { namespace, pvc, path }: Request): Target {
    const { fleet } = this.#parts.keeper
    const { entry, store } = repository
    if (store === undefined || entry.place.kind !== "store") {
      throw new HttpError(409, "not_in_a_store", `Repository ${entry.name} is in no store.`, {
        hint: "Declare the store that it lies in; Cistern writes nowhere else.",
      })
    }
    if (namespace !== undefined || pvc !== undefined) {
      const volume = { namespace: namespace ?? "", pvc: pvc ?? "" }
      return targetOf({ repository: entry.name, ...volume, ...(path !== undefined && { path }) }, fleet)
    }
    if (path === undefined && repository.template?.perVolume === true) {
      throw new HttpError(400, "which_directory", `${entry.name} is a tree of repositories.`, {
        hint: "Name the volume with --volume NS/PVC, or one of its directories with --path.",
      })
    }
    const target = targetOf({ store: store.name, path: path ?? entry.place.path }, fleet)
    const is = relationsOf(target, fleet).some(
      (relation) => relation.kind === "is" && relation.repository === repository,
    )
    if (is) return target
    throw new HttpError(
      409,
      "no_repository",
      `${target.directory} is no directory of repository ${entry.name}.`,
      {
        hint: "Movers would not look for it there. `cistern directories` lists those that they know.",
      },
    )
  }
}

/** What a look at a store says. Throws HttpError 503 where it says nothing before a person would stop waiting. */
async function answered<T>(look: Promise<T>, { store }: Target): Promise<T> {
  const settled = look.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const outcome = await soon(settled)
  if (outcome === undefined) {
    throw new HttpError(503, "store_silent", `Store ${store.name} does not tell what is there.`, {
      hint: "Its disk is busy, or its filesystem hangs: `cistern stores` says more. Ask again.",
    })
  }
  if ("error" in outcome) throw outcome.error
  return outcome.value
}
