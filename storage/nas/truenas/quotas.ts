import { checkLimit, isLimitedTo, type Quota, shownLimit, type WantedLimit } from "../../disk/quotas/quota.js"
import { type QuotaPlan, refuseBelowUse, type SetQuotaOptions } from "../../disk/quotas/set-quota.js"
import type { SystemQuotas, SystemTree } from "../../disk/quotas/system-quotas.js"
import { StorageError } from "../../errors.js"
import type { TrueNasApi } from "./client.js"
import { type Dataset, datasetNamed, setRefquota, smallestQuota } from "./datasets.js"
import { filesystemAt, type FoundFilesystem } from "./filesystems.js"

type Options = Pick<SetQuotaOptions, "belowUse">

/** What TrueNAS knows of a directory. */
interface Found {
  readonly filesystem: FoundFilesystem
  readonly dataset: Dataset
}

/** Sizes of one filesystem that were asked for one after the other differ by what was written meanwhile. */
const TOLERANCE = 0.01

const filesUnknown = { unknown: "TrueNAS limits no files of a dataset" }

/**
 * Limits of datasets by TrueNAS' own interface: an app there has no `zfs` (reference nas-platforms.md §2.7, §5.5). Like on any ZFS, it
 * is the `refquota` that is set; a `quota` is shown and left to the administrator.
 */
export class TrueNasQuotas implements SystemQuotas {
  readonly #api: TrueNasApi

  constructor(api: TrueNasApi) {
    this.#api = api
  }

  async quotaOf(tree: SystemTree): Promise<Quota> {
    const found = await this.#find(tree)
    return typeof found === "string" ? noQuota(tree, found) : quotaIn(tree, found)
  }

  async plan(tree: SystemTree, { bytes, files }: WantedLimit, options: Options = {}): Promise<QuotaPlan> {
    checkLimit({ bytes, files })
    const { realPath: directory } = tree
    const found = await this.#find(tree)
    if (typeof found === "string") {
      throw new StorageError("unsupported", `${directory} cannot be limited: ${found}`, {
        facts: { directory },
        hint: "Mount the dataset into the app under the path that it has on TrueNAS, with the propagation `rslave`.",
      })
    }
    const { filesystem, dataset } = found
    if (typeof files === "number")
      throw new StorageError("unsupported", filesUnknown.unknown, { hint: "Limit the bytes alone." })
    if (filesystem.mountPoint !== directory) {
      throw new StorageError("unsupported", `${directory} is no dataset, and TrueNAS limits only those`, {
        facts: { directory, dataset: dataset.id },
        hint: `Make a dataset of its own for it before anything is written to it, or limit the one around it, ${filesystem.mountPoint}.`,
      })
    }
    if (bytes !== "none" && bytes < smallestQuota) {
      throw new StorageError("invalid", `TrueNAS takes no limit of ${bytes} bytes`, {
        facts: { bytes, smallest: smallestQuota },
        hint: "Give at least 1 GiB.",
      })
    }
    const before = quotaIn(tree, found)
    refuseBelowUse(directory, before, { bytes, files }, options)
    const step = bytes === "none" ? "take the refquota of" : `set refquota=${bytes} on`
    return {
      directory,
      limit: { bytes, files: "none" },
      before,
      steps: [`have TrueNAS ${step} dataset ${dataset.id}${bytes === "none" ? " away" : ""}`],
      notices: [...before.notices, "Filesystem snapshots and datasets below it are not counted."],
    }
  }

  async set(tree: SystemTree, wanted: WantedLimit, options: Options = {}): Promise<Quota> {
    const { limit } = await this.plan(tree, wanted, options)
    const found = await this.#find(tree)
    if (typeof found === "string") throw changed(tree, found)
    await setRefquota(this.#api, found.dataset.id, limit.bytes === "none" ? undefined : limit.bytes)
    const after = await this.quotaOf(tree)
    // What is lifted leaves a `quota` in force, where there is one.
    if (isLimitedTo(after, limit) || (limit.bytes === "none" && after.source !== REFQUOTA)) return after
    throw changed(tree, `it has ${shownLimit(after.limitBytes, "bytes")}`)
  }

  /** The dataset that a directory is in, or why that is not known. */
  async #find(tree: SystemTree): Promise<Found | string> {
    if (!tree.realPath.startsWith("/mnt/")) return "TrueNAS' datasets are below /mnt"
    const filesystem = await filesystemAt(this.#api, tree.realPath)
    if (filesystem === undefined) return "TrueNAS has no such directory"
    if (filesystem.type !== "zfs") return `on TrueNAS it is on ${filesystem.type}`
    const other = whyOther(tree, filesystem)
    if (other !== undefined) return other
    const dataset = await datasetNamed(this.#api, filesystem.source)
    return dataset === undefined ? `TrueNAS knows no dataset ${filesystem.source}` : { filesystem, dataset }
  }
}

const REFQUOTA = "TrueNAS pool.dataset.query, refquota"
const QUOTA = "TrueNAS pool.dataset.query, quota"

/** The path that this machine knows may be another directory over there. Undefined: it is the same. */
function whyOther({ type, source, totalBytes }: SystemTree, there: FoundFilesystem): string | undefined {
  if (type === "zfs")
    return source === there.source
      ? undefined
      : `here it is dataset ${source}, on TrueNAS that path is dataset ${there.source}`
  const difference = Math.abs(totalBytes - there.totalBytes)
  return difference <= TOLERANCE * Math.max(totalBytes, there.totalBytes)
    ? undefined
    : `here the filesystem has ${totalBytes} bytes, on TrueNAS the one at that path has ${there.totalBytes}: they are not the same`
}

function quotaIn({ realPath }: SystemTree, { filesystem, dataset }: Found): Quota {
  const { quotaBytes, refquotaBytes, usedBytes, snapshotBytes } = dataset
  const byQuota = refquotaBytes === undefined && quotaBytes !== undefined
  // What ZFS answers statfs with is what is referenced and what is available, and nothing else (reference §5.5).
  const referenced = Math.max(0, filesystem.totalBytes - filesystem.availableBytes)
  const { availableBytes } = filesystem
  const left = refquotaBytes === undefined ? undefined : refquotaBytes - referenced
  const notices = [
    filesystem.mountPoint !== realPath &&
      `The figures are those of the whole dataset that it lies in, ${filesystem.mountPoint}.`,
    byQuota &&
      `The limit is a \`quota\`: filesystem snapshots (${snapshotBytes} bytes) and datasets below count too.`,
    !byQuota &&
      quotaBytes !== undefined &&
      `Its \`quota\` limits it besides: ${usedBytes} of ${quotaBytes} bytes, with filesystem snapshots and datasets below.`,
    left !== undefined &&
      availableBytes < left &&
      `The pool, or a quota of a dataset above, leaves only ${availableBytes} bytes of the ${left} that the limit leaves.`,
  ]
  return {
    kind: "truenas-dataset",
    tree: filesystem.mountPoint,
    enforced: refquotaBytes !== undefined || byQuota,
    limitBytes: (byQuota ? quotaBytes : refquotaBytes) ?? "none",
    usedBytes: byQuota ? usedBytes : referenced,
    limitFiles: "none",
    usedFiles: filesUnknown,
    source: byQuota ? QUOTA : REFQUOTA,
    notices: notices.filter((notice) => notice !== false),
  }
}

function noQuota({ realPath }: SystemTree, unknown: string): Quota {
  return {
    kind: "none",
    tree: realPath,
    enforced: false,
    limitBytes: "none",
    usedBytes: { unknown },
    limitFiles: "none",
    usedFiles: { unknown },
    source: "TrueNAS filesystem.statfs",
    notices: [],
  }
}

function changed({ realPath: directory }: SystemTree, what: string): StorageError {
  return new StorageError("unstable", `the limit of ${directory} is not what was set: ${what}`, {
    facts: { directory },
    hint: "Look at `cistern quotas`, and at who else sets it.",
  })
}
