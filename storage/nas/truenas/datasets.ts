import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { TrueNasApi } from "./client.js"

/** TrueNAS takes no smaller quota (reference nas-platforms.md §2.7). */
export const smallestQuota = 1024 ** 3

const property = z.object({ parsed: z.unknown() }).transform(({ parsed }) => parsed)
const bytes = property.pipe(z.number())
/** Null and 0 are none. */
const limit = property
  .pipe(z.number().nullable())
  .transform((value) => (value === 0 || value === null ? undefined : value))

const dataset = z.object({
  id: z.string(),
  mountpoint: z.string().nullable(),
  used: bytes,
  available: bytes,
  usedbysnapshots: bytes,
  quota: limit,
  refquota: limit,
})

/** A dataset and what it may hold, in bytes. */
export interface Dataset {
  /** Such as "tank/repos". */
  readonly id: string
  readonly mountPoint: string | undefined
  readonly usedBytes: number
  readonly availableBytes: number
  readonly snapshotBytes: number
  /** With filesystem snapshots and datasets in it; undefined: none. */
  readonly quotaBytes: number | undefined
  /** Of its own live data only. */
  readonly refquotaBytes: number | undefined
}

/** Undefined where there is none of that id. */
export async function datasetNamed(api: TrueNasApi, id: string): Promise<Dataset | undefined> {
  // Without these options the answer is slow and holds every property of every dataset below.
  const properties = ["used", "available", "quota", "refquota", "usedbysnapshots", "mountpoint"]
  const options = { extra: { retrieve_children: false, properties } }
  const [found] = await api.call("pool.dataset.query", [[["id", "=", id]], options], z.array(dataset))
  if (found === undefined) return undefined
  return {
    id: found.id,
    mountPoint: found.mountpoint ?? undefined,
    usedBytes: found.used,
    availableBytes: found.available,
    snapshotBytes: found.usedbysnapshots,
    quotaBytes: found.quota,
    refquotaBytes: found.refquota,
  }
}

/** `bytes` is at least `smallestQuota`; undefined takes the limit away. Throws StorageError `invalid` for less. */
export async function setRefquota(api: TrueNasApi, id: string, bytes: number | undefined): Promise<void> {
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= smallestQuota)) {
    throw new StorageError("invalid", `TrueNAS takes no quota of ${bytes} bytes`, {
      facts: { bytes, smallest: smallestQuota },
      hint: "Give at least 1 GiB, or none.",
    })
  }
  const arm = "PoolDatasetCreateFilesystem"
  await api.call("pool.dataset.update", [id, { refquota: bytes ?? null }], z.object({ id: z.literal(id) }), {
    arm,
  })
  const now = await datasetNamed(api, id)
  if (now?.refquotaBytes === bytes) return
  throw new StorageError("unstable", `the quota of ${id} is not what was set`, {
    facts: { wanted: bytes ?? 0, now: now?.refquotaBytes ?? 0 },
    hint: "Look at who else sets it.",
  })
}
