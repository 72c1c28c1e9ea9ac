import { StorageError } from "../../errors.js"
import { type ZfsProgram, zfsProgram } from "../../host/index.js"
import type { Location } from "../filesystem.js"
import type { Measured, Quota, WantedLimit } from "./quota.js"
import type { LimitPlan, QuotaFilesystem } from "./quota-filesystem.js"
import { type DatasetFigures, datasetProperties, parseZfsGet } from "./zfs-table.js"

// Datasets of ZFS (reference nas-platforms.md §5.5). `refquota` limits what is there now; `quota` also counts filesystem
// snapshots and datasets below, and is left to the administrator.

const filesUnknown: Measured = { unknown: "ZFS limits no files of a dataset" }

export function zfsDatasets(zfs: ZfsProgram = zfsProgram()): QuotaFilesystem {
  return {
    quotaOf: ({ location }) => zfsQuotaOf(location, zfs),
    plan: ({ location }, limit) => zfsPlan(location, limit, zfs),
    apply: ({ location }, { bytes }) => zfs.set(location.filesystem.source, "refquota", valueOf(bytes)),
    undo: async ({ location }, _, { before }) => {
      const { limitBytes } = before
      if (before.source === shownSource("refquota") && typeof limitBytes !== "object")
        await zfs.set(location.filesystem.source, "refquota", valueOf(limitBytes))
      else await zfs.set(location.filesystem.source, "refquota", "none")
    },
  }
}

function valueOf(bytes: number | "none"): string {
  return String(bytes)
}

/** The dataset's limit: its refquota, or its quota where it has only that. Throws what `zfs` throws, and `corrupt`. */
export async function zfsQuotaOf(location: Location, zfs: ZfsProgram): Promise<Quota> {
  const figures = parseZfsGet(await zfs.get(location.filesystem.source, datasetProperties))
  const byQuota = figures.refquota === "none" && figures.quota !== "none"
  return {
    kind: "zfs-dataset",
    tree: location.mountPoint,
    enforced: figures.refquota !== "none" || byQuota,
    limitBytes: byQuota ? figures.quota : figures.refquota,
    usedBytes: byQuota ? figures.used : figures.referenced,
    limitFiles: "none",
    usedFiles: filesUnknown,
    source: shownSource(byQuota ? "quota" : "refquota"),
    notices: noticesOn(location, figures, byQuota),
  }
}

function shownSource(property: "quota" | "refquota"): string {
  return `zfs get ${property}`
}

function noticesOn(location: Location, figures: DatasetFigures, byQuota: boolean): string[] {
  const { quota, refquota, available, referenced, used, usedBySnapshots } = figures
  const left = refquota === "none" ? undefined : refquota - referenced
  return [
    location.realPath !== location.mountPoint &&
      `The figures are those of the whole dataset that it lies in, ${location.mountPoint}.`,
    byQuota &&
      `The limit is a \`quota\`: filesystem snapshots (${usedBySnapshots} bytes) and datasets below count too.`,
    !byQuota &&
      quota !== "none" &&
      `Its \`quota\` limits it besides: ${used} of ${quota} bytes, with filesystem snapshots and datasets below.`,
    left !== undefined &&
      available < left &&
      `The pool, or a quota of a dataset above, leaves only ${available} bytes of the ${left} that the limit leaves.`,
  ].filter((sentence) => sentence !== false)
}

async function zfsPlan(
  location: Location,
  { bytes, files }: WantedLimit,
  zfs: ZfsProgram,
): Promise<LimitPlan> {
  const { realPath, mountPoint, filesystem } = location
  const facts = { directory: realPath, dataset: filesystem.source }
  if (typeof files === "number")
    throw new StorageError("unsupported", "ZFS limits no files of a dataset", {
      facts,
      hint: "Limit the bytes alone.",
    })
  if (realPath !== mountPoint) {
    throw new StorageError("unsupported", `${realPath} is no dataset, and ZFS limits only those`, {
      facts,
      hint: `Make a dataset of its own for it before anything is written to it, or limit the one around it, ${mountPoint}.`,
    })
  }
  const before = await zfsQuotaOf(location, zfs)
  return {
    before,
    limit: { bytes, files: "none" },
    steps: [`zfs set refquota=${valueOf(bytes)} ${filesystem.source}`],
    notices: [...before.notices, "Filesystem snapshots and datasets below it are not counted."],
    project: undefined,
  }
}
