import { checkLimit, type Limit, type Quota, shownLimit, type WantedLimit } from "../../disk/quotas/quota.js"
import { type QuotaPlan, refuseBelowUse, type SetQuotaOptions } from "../../disk/quotas/set-quota.js"
import type { SystemQuotas, SystemTree } from "../../disk/quotas/system-quotas.js"
import { StorageError } from "../../errors.js"
import type { DsmClient } from "./client.js"
import { listShares, pathOf, setShareQuota, type Share } from "./shares.js"

type Options = Pick<SetQuotaOptions, "belowUse">

const MIB = 1024 * 1024
const SOURCE = "DSM SYNO.Core.Share"

const filesUnknown = { unknown: "DSM limits no files of a shared folder" }

/**
 * Limits of shared folders by DSM's own interface (reference nas-platforms.md §3.4): a package may not run `btrfs qgroup`. DSM limits whole
 * shared folders, in MiB, on btrfs volumes, and nothing smaller.
 */
export class SynologyQuotas implements SystemQuotas {
  readonly #dsm: DsmClient

  constructor(dsm: DsmClient) {
    this.#dsm = dsm
  }

  async quotaOf(tree: SystemTree): Promise<Quota> {
    const share = await this.#shareAround(tree)
    return share === undefined ? noQuota(tree) : quotaIn(tree, share)
  }

  async plan(tree: SystemTree, { bytes, files }: WantedLimit, options: Options = {}): Promise<QuotaPlan> {
    checkLimit({ bytes, files })
    const { realPath: directory } = tree
    const share = await this.#shareAround(tree)
    const facts = { directory }
    if (share === undefined) {
      throw new StorageError("unsupported", `${directory} is in no shared folder of DSM`, {
        facts,
        hint: "Put the store into a shared folder, under the path that it has on the NAS.",
      })
    }
    if (typeof files === "number")
      throw new StorageError("unsupported", filesUnknown.unknown, { hint: "Limit the bytes alone." })
    if (pathOf(share) !== directory) {
      throw new StorageError("unsupported", `${directory} is no shared folder, and DSM limits only those`, {
        facts: { ...facts, share: share.name },
        hint: `Limit the shared folder around it, ${pathOf(share)}, or make one of its own for it before anything is written to it.`,
      })
    }
    if (share.snapshots === false) {
      throw new StorageError(
        "unsupported",
        `shared folder ${share.name} cannot be limited: its volume is no btrfs`,
        {
          facts: { ...facts, share: share.name },
          hint: "DSM limits shared folders on btrfs volumes only. Elsewhere a declared limit is watched.",
        },
      )
    }
    const before = quotaIn(tree, share)
    refuseBelowUse(directory, before, { bytes, files }, options)
    const mib = mebibytesOf(bytes)
    const rounded = bytes !== "none" && mib * MIB !== bytes
    return {
      directory,
      limit: { bytes: bytes === "none" ? "none" : mib * MIB, files: "none" },
      before,
      steps: [
        bytes === "none"
          ? `have DSM lift the limit of shared folder ${share.name}`
          : `have DSM limit shared folder ${share.name} to ${mib} MiB`,
      ],
      notices: [...before.notices, ...(rounded ? ["DSM takes whole MiB: the limit is rounded down."] : [])],
    }
  }

  async set(tree: SystemTree, wanted: WantedLimit, options: Options = {}): Promise<Quota> {
    const { limit } = await this.plan(tree, wanted, options)
    const share = await this.#shareAround(tree)
    if (share === undefined || pathOf(share) !== tree.realPath)
      throw changed(tree, "its shared folder is gone")
    await setShareQuota(this.#dsm, share.name, mebibytesOf(limit.bytes))
    const after = await this.quotaOf(tree)
    if (after.limitBytes === limit.bytes) return after
    throw changed(tree, `it has ${shownLimit(after.limitBytes, "bytes")}`)
  }

  /** The shared folder that a directory is, or is in. */
  async #shareAround({ realPath }: SystemTree): Promise<Share | undefined> {
    const shares = await listShares(this.#dsm)
    return shares.find((share) => realPath === pathOf(share) || realPath.startsWith(`${pathOf(share)}/`))
  }
}

/** 0 is no limit to DSM. */
function mebibytesOf(bytes: number | "none"): number {
  return bytes === "none" ? 0 : Math.floor(bytes / MIB)
}

function quotaIn({ realPath }: SystemTree, share: Share): Quota {
  const { quotaMib, usedMib, recycleBin } = share
  const untold = { unknown: "DSM did not say" }
  const limitBytes: Limit = quotaMib === undefined ? untold : quotaMib === 0 ? "none" : quotaMib * MIB
  const notices = [
    pathOf(share) !== realPath &&
      `The figures are those of the whole shared folder that it lies in, ${pathOf(share)}.`,
    recycleBin === true && "Its recycle bin is on: what is pruned stays in it, and counts.",
  ]
  return {
    kind: "dsm-share",
    tree: pathOf(share),
    enforced: typeof limitBytes === "number",
    limitBytes,
    usedBytes: usedMib === undefined ? untold : Math.round(usedMib * MIB),
    limitFiles: "none",
    usedFiles: filesUnknown,
    source: SOURCE,
    notices: notices.filter((notice) => notice !== false),
  }
}

function noQuota({ realPath }: SystemTree): Quota {
  const unknown = { unknown: "it is in no shared folder of DSM" }
  return {
    kind: "none",
    tree: realPath,
    enforced: false,
    limitBytes: "none",
    usedBytes: unknown,
    limitFiles: "none",
    usedFiles: unknown,
    source: SOURCE,
    notices: [],
  }
}

function changed({ realPath: directory }: SystemTree, what: string): StorageError {
  return new StorageError("unstable", `the limit of ${directory} is not what was set: ${what}`, {
    facts: { directory },
    hint: "Look at `cistern quotas`, and at Control Panel > Shared Folder.",
  })
}
