import type { z } from "zod"
import type { NewOwner } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import type {
  createDirectoryRequest,
  DirectoriesJson,
  DirectoryCreatedJson,
  DirectoryJson,
} from "../../http/contract/directories.js"
import { HttpError } from "../../http/index.js"
import { soon } from "../soon.js"
import { DirectoryRows, type DirectoryRowsParts } from "./directory-rows.js"
import { type DirectoryFilter, refuseUnknown } from "./filter.js"
import { directoryChecks } from "./directory-checks.js"
import { expectationOf, newOwner } from "./expected-owner.js"
import { FirstFresh, type FirstFreshParts } from "./first-fresh.js"
import { octal } from "./judge-directory.js"
import { Repairs, type RepairsParts } from "./repairs.js"
import { Retirement, type RetirementParts } from "./retirement.js"
import { Runs } from "./runs.js"
import { StoreAccess, type StoreAccessParts } from "./store-access.js"
import { relationsOf, type Target, targetOf } from "./targets.js"
import { placesAt } from "./places-at.js"

export type DirectoriesParts = StoreAccessParts &
  Omit<DirectoryRowsParts & RepairsParts & RetirementParts & FirstFreshParts, "access" | "runs" | "looked">

/** Of each repository the doctor looks at so many. */
const MOST_EXAMINED = 50

/** The repositories' directories, as an administrator sees and changes them. */
export class Directories {
  readonly repairs: Repairs
  readonly retirement: Retirement
  readonly runs = new Runs()
  readonly firstFresh: FirstFresh
  readonly #parts: DirectoriesParts
  readonly #access: StoreAccess
  readonly #rows: DirectoryRows

  constructor(parts: DirectoriesParts) {
    this.#parts = parts
    this.#access = new StoreAccess(parts)
    const looked = (target: Target): Promise<void> => this.#lookAgain(target)
    const shared = { ...parts, access: this.#access, runs: this.runs, looked }
    this.#rows = new DirectoryRows(shared)
    this.firstFresh = new FirstFresh(shared)
    this.repairs = new Repairs(shared)
    this.retirement = new Retirement(shared)
  }

  async list(filter: DirectoryFilter): Promise<DirectoriesJson> {
    refuseUnknown(filter, this.#parts.keeper.fleet)
    return { directories: await this.#rows.rows(filter) }
  }

  async create(request: z.output<typeof createDirectoryRequest>, by: string): Promise<DirectoryCreatedJson> {
    const { acceptMount, ...named } = request
    const { keeper, log } = this.#parts
    const target = targetOf(named, keeper.fleet)
    const owner = this.#newOwner(target)
    const { name } = target.store
    const made = await this.runs.alone(name, () =>
      this.#access.call(name, "createDirectory", {
        ...this.#access.accessTo(target, acceptMount),
        path: target.path,
        owner,
      }),
    )
    log.info({ store: name, path: target.path, ...owner, by }, "directory created")
    await this.#lookAgain(target)
    return {
      directories: made.map(({ path, made, uid, gid, mode }) => ({
        directory: path,
        made,
        uid,
        gid,
        mode: octal(mode),
      })),
    }
  }

  /** For the doctor: one check for each wrong directory, as far as that can be told soon. */
  async checks(): Promise<CheckJson[]> {
    const looked = this.#rows.rows({}, MOST_EXAMINED).catch((error: unknown): DirectoryJson[] => {
      // That a store cannot be asked is said of the store.
      if (error instanceof StorageError || error instanceof HttpError) return []
      throw error
    })
    return [...directoryChecks(await soon(looked)), ...this.firstFresh.checks()]
  }

  #newOwner(target: Target): NewOwner {
    const { fleet } = this.#parts.keeper
    const relation = relationsOf(target, fleet).find(({ kind }) => kind === "is")
    if (relation === undefined) {
      throw new HttpError(
        409,
        "no_repository",
        `${target.directory} is no directory of a declared repository.`,
        {
          hint: "Declare the repository first: its directory is made where movers will look for it.",
        },
      )
    }
    const { entry } = relation.repository
    const { owner } = expectationOf(fleet.document, entry, target.path)
    if (owner === undefined) {
      throw new HttpError(409, "no_owner", `Nobody said whose ${target.directory} should be.`, {
        hint: `Give repository ${entry.name} an \`owner\`, or the export around it a \`squash\`, and apply that.`,
      })
    }
    return newOwner(owner)
  }

  /** What was made, moved or opened shows in the next answer, not in a minute. */
  async #lookAgain(target: Target): Promise<void> {
    await placesAt(target, this.#parts, Infinity)
  }
}
