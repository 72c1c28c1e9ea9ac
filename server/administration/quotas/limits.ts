import { createHash } from "node:crypto"
import type { z } from "zod"
import type { Quota, QuotaPlan, SystemQuotas, WantedLimit } from "../../../storage/disk/index.js"
import { STORE_FOLDER } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { QuotaSetJson, QuotaSetRunJson, setQuotaRequest } from "../../http/contract/quotas.js"
import { HttpError } from "../../http/index.js"
import type { Runs } from "../directories/runs.js"
import type { Access, StoreAccess } from "../directories/store-access.js"
import { relationsOf, type Target, targetOf } from "../directories/targets.js"
import type { FleetKeeper } from "../fleet-keeper.js"

export interface LimitsParts {
  readonly keeper: FleetKeeper
  readonly access: StoreAccess
  readonly runs: Runs
  readonly system: () => SystemQuotas | undefined
  /** The limit of a directory was changed. */
  readonly changed: (target: Target) => Promise<void>
  readonly log: { info(fields: object, message: string): void }
}

interface Order {
  readonly target: Target
  readonly way: Access
  readonly wanted: WantedLimit
  readonly belowUse: boolean
  readonly takeIn: boolean
}

/** Limits directories, and lifts their limits, when a person says so. */
export class Limits {
  readonly #parts: LimitsParts

  constructor(parts: LimitsParts) {
    this.#parts = parts
  }

  async set(request: z.output<typeof setQuotaRequest>, by: string): Promise<QuotaSetRunJson> {
    const { limitBytes, belowUse, takeIn, acceptMount, dryRun, basis, ...named } = request
    const { keeper, access, runs } = this.#parts
    const target = targetOf(named, keeper.fleet)
    const bytes = limitBytes === "declared" ? this.#declaredOf(target) : limitBytes
    this.#refuseOthers(target)
    const way = access.accessTo(target, acceptMount)
    const order = { target, way, wanted: { bytes, files: "keep" }, belowUse, takeIn } as const
    return runs.start(
      target.store.name,
      !dryRun,
      async () => {
        const plan = await inOurTerms(() => this.#plan(order))
        if (dryRun) return planJson(order, plan)
        if (basis !== undefined && basis !== basisOf(order, plan)) throw stale()
        return inOurTerms(() => this.#apply(order, plan, by))
      },
      () => Promise.resolve(undefined),
    )
  }

  async #plan({ target, way, wanted, belowUse, takeIn }: Order): Promise<QuotaPlan> {
    const { access, system } = this.#parts
    const { name } = target.store
    const kept = system()
    if (kept === undefined) {
      const request = { ...way, path: target.path, wanted, belowUse, existing: takeIn }
      return access.call(name, "planQuota", request)
    }
    return this.#withSystem(target, way, (tree) => kept.plan(tree, wanted, { belowUse }))
  }

  async #apply(order: Order, plan: QuotaPlan, by: string): Promise<QuotaSetJson> {
    const { access, system, changed, log } = this.#parts
    const { target, way, wanted, belowUse, takeIn } = order
    const { name } = target.store
    const kept = system()
    const after =
      kept === undefined
        ? await access.call(name, "setQuota", {
            ...way,
            path: target.path,
            wanted,
            belowUse,
            existing: takeIn,
          })
        : await this.#withSystem(target, way, (tree) => kept.set(tree, wanted, { belowUse }))
    const { bytes } = plan.limit
    log.info({ store: name, path: target.path, limitBytes: bytes, kind: after.kind, by }, "limit set")
    await changed(target)
    return { ...planJson(order, plan), applied: true, after: figuresOf(after) }
  }

  /** Has a NAS system do something about a directory that is, before and after it, the one that it was. */
  async #withSystem<T>(
    target: Target,
    { store, fences }: Access,
    work: (tree: Parameters<SystemQuotas["quotaOf"]>[0]) => Promise<T>,
  ): Promise<T> {
    const { access } = this.#parts
    const { name } = target.store
    const look = () => access.call(name, "treeAt", { store, path: target.path, fences })
    const result = await work(await look())
    await look()
    return result
  }

  #declaredOf(target: Target): number {
    const relation = relationsOf(target, this.#parts.keeper.fleet).find(({ kind }) => kind === "is")
    const declared = relation?.repository.entry.quota?.limitBytes
    if (declared !== undefined) return declared
    throw new HttpError(409, "nothing_declared", `Nobody declared what ${target.directory} may hold.`, {
      hint: "Name the limit, such as 200GiB; or give the repository a `quota` and apply that.",
    })
  }

  /** A limit is for a repository's directory, or for one that leads to some; never for what lies in one. */
  #refuseOthers(target: Target): void {
    if (target.path === STORE_FOLDER || target.path.startsWith(`${STORE_FOLDER}/`))
      throw new HttpError(400, "invalid", "That folder is Cistern's own.")
    const relations = relationsOf(target, this.#parts.keeper.fleet)
    const inside = relations.find(({ kind }) => kind === "in")
    if (inside !== undefined && !relations.some(({ kind }) => kind === "is")) {
      const { name } = inside.repository.entry
      throw new HttpError(409, "inside_repository", `${target.directory} lies in repository ${name}.`, {
        hint: "Limit the repository's own directory: what lies in it belongs to its engine.",
      })
    }
    if (relations.length === 0) {
      throw new HttpError(
        409,
        "no_repository",
        `${target.directory} is no directory of a declared repository.`,
        { hint: "`cistern quotas` lists them. What is none of ours has to be limited by hand." },
      )
    }
  }
}

/** What a person has to change, or insist on, is a refusal and not a fault of the disk. */
async function inOurTerms<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    const { code, facts, message, hint } = error
    if (code === "unsupported") {
      const options = { ...(hint !== undefined && { hint }), cause: error }
      throw new HttpError(409, "cannot_be_limited", `${message}.`, options)
    }
    if (code === "invalid" && "usedBytes" in facts) {
      const insist = "If nothing more shall be written there, say so with --below-use."
      throw new HttpError(409, "below_use", `${message}.`, {
        hint: `${hint ?? ""} ${insist}`.trim(),
        cause: error,
      })
    }
    throw error
  }
}

function planJson(order: Order, plan: QuotaPlan): QuotaSetJson {
  const { target } = order
  return {
    applied: false,
    store: target.store.name,
    path: target.path,
    directory: target.directory,
    limitBytes: plan.limit.bytes === "none" ? null : plan.limit.bytes,
    before: figuresOf(plan.before),
    after: null,
    steps: [...plan.steps],
    notices: [...plan.notices],
    basis: basisOf(order, plan),
  }
}

function figuresOf({ limitBytes, usedBytes, enforced }: Quota): QuotaSetJson["before"] {
  return {
    limitBytes: typeof limitBytes === "number" ? limitBytes : null,
    usedBytes: typeof usedBytes === "number" ? usedBytes : null,
    enforced,
  }
}

/** What somebody agrees to: this limit in place of that one. What is used changes all the time. */
function basisOf(
  { target, belowUse, takeIn }: Order,
  { directory, limit, before, steps }: QuotaPlan,
): string {
  const { limitBytes, limitFiles, kind, tree } = before
  const basis = [target.store.name, target.path, directory, limit, belowUse, takeIn, steps]
  return createHash("sha256")
    .update(JSON.stringify([...basis, limitBytes, limitFiles, kind, tree]))
    .digest("hex")
}

export function stale(): HttpError {
  return new HttpError(409, "stale_plan", "Something changed since this was shown.", {
    hint: "Look at what would be done now, and agree to that.",
  })
}
