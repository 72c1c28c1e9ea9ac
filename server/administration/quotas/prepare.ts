import { createHash } from "node:crypto"
import type { z } from "zod"
import type { AccountingPlan, SystemQuotas } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { prepareQuotasRequest, QuotasPreparedJson } from "../../http/contract/quotas.js"
import { HttpError } from "../../http/index.js"
import type { Runs } from "../directories/runs.js"
import type { StoreAccess } from "../directories/store-access.js"
import { targetOf } from "../directories/targets.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { stale } from "./limits.js"

export interface PrepareParts {
  readonly keeper: FleetKeeper
  readonly access: StoreAccess
  readonly runs: Runs
  readonly system: () => SystemQuotas | undefined
  readonly log: { info(fields: object, message: string): void }
}

/** Has the filesystem under a store begin to count: an act of its own, because it is for the whole filesystem. */
export async function prepareQuotas(
  { store, path, dryRun, basis: agreed }: z.output<typeof prepareQuotasRequest>,
  by: string,
  { keeper, access, runs, system, log }: PrepareParts,
): Promise<QuotasPreparedJson> {
  const target = targetOf({ store, path }, keeper.fleet)
  if (system() !== undefined) {
    throw new HttpError(409, "nothing_to_prepare", "The NAS system counts by itself.", {
      hint: "`cistern quotas set` limits a directory there.",
    })
  }
  const request = { ...access.accessTo(target), path }
  const work = async (): Promise<QuotasPreparedJson> => {
    const plan = await access.call(store, "planAccounting", request)
    const basis = basisOf(store, plan)
    const { mountPoint, steps, costs } = plan
    const json = { applied: false, store, mountPoint, steps: [...steps], costs: [...costs], basis }
    if (dryRun) return json
    if (agreed !== undefined && agreed !== basis) throw stale()
    if (steps.length === 0) return json
    await access.call(store, "enableAccounting", request)
    log.info({ store, mountPoint, by }, "quotas enabled on a filesystem")
    return { ...json, applied: true }
  }
  try {
    return await (dryRun ? work() : runs.alone(store, work))
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "unsupported") throw error
    const options = { ...(error.hint !== undefined && { hint: error.hint }), cause: error }
    throw new HttpError(409, "cannot_be_prepared", `${error.message}.`, options)
  }
}

function basisOf(store: string, { mountPoint, steps }: AccountingPlan): string {
  return createHash("sha256")
    .update(JSON.stringify([store, mountPoint, steps]))
    .digest("hex")
}
