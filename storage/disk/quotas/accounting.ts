import { StorageError } from "../../errors.js"
import { btrfsQuotaEnable, btrfsQuotaRescan, btrfsSubvolumeId } from "../../host/index.js"
import { readQgroupFolder } from "./btrfs-sysfs.js"
import { type LookOptions, type QuotaPlace, type Target, withTarget } from "./target.js"

/** What beginning to count on a whole btrfs would do. */
export interface AccountingPlan {
  readonly mountPoint: string
  /** Nothing: it counts already. */
  readonly steps: readonly string[]
  /** What it costs, in sentences. */
  readonly costs: readonly string[]
}

/** Throws StorageError `unsupported` where the filesystem is no btrfs: others are enabled when they are made or mounted. */
export async function planAccounting(place: QuotaPlace, options: LookOptions = {}): Promise<AccountingPlan> {
  return withTarget(
    place,
    async (target) => {
      const { mountPoint, filesystem } = target.location
      if (filesystem.type !== "btrfs") {
        throw new StorageError(
          "unsupported",
          `quotas cannot be enabled on ${filesystem.type} while it is mounted`,
          {
            facts: { mountPoint, type: filesystem.type },
            hint: "XFS: mount it with `prjquota`. ext4: `tune2fs -O project,quota` while it is unmounted, then `prjquota`. ZFS always has them.",
          },
        )
      }
      const enabled = (await stateOf(target)).kind === "enabled"
      return {
        mountPoint,
        steps: enabled ? [] : [`btrfs quota enable ${mountPoint}`, "the kernel counts every subvolume once"],
        costs: [
          "It is for the whole filesystem, with all its subvolumes, not for one directory.",
          "Counting reads all of its metadata once; until that has ended, limits may not hold.",
          "With many filesystem snapshots, writing is slower and deleting one takes much processor time: keep few.",
        ],
      }
    },
    options,
  )
}

/**
 * Enables quotas on the btrfs under a directory: an act of its own, because it is for the whole filesystem. Comes back while the
 * kernel counts; `quotaOf` says so until it has ended. Throws StorageError as programs do, `io` where it did not take.
 */
export async function enableAccounting(place: QuotaPlace, options: LookOptions = {}): Promise<void> {
  const { steps, mountPoint } = await planAccounting(place, options)
  if (steps.length === 0) return
  const state = await withTarget(
    place,
    async (target) => {
      await btrfsQuotaEnable(target.directory)
      return stateOf(target)
    },
    options,
  )
  if (state.kind !== "disabled") return
  throw new StorageError("io", `quotas are not enabled at ${mountPoint} although btrfs said so`, {
    facts: { mountPoint },
    hint: "Look at the kernel log.",
  })
}

/** Has the kernel count anew, where its accounting is inconsistent. Comes back while it counts. */
export async function recount(place: QuotaPlace, options: LookOptions = {}): Promise<void> {
  await withTarget(place, ({ directory }) => btrfsQuotaRescan(directory), options)
}

async function stateOf({ directory, location, host }: Target) {
  const { uuid } = location.filesystem
  if (uuid === undefined) return { kind: "unseen" } as const
  return readQgroupFolder(uuid, await btrfsSubvolumeId(directory), host)
}
