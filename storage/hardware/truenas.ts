import { isJsonObject } from "../bytes/index.js"
import {
  type Alert,
  type Disk,
  diskTemperatures,
  listAlerts,
  listDisks,
  listPools,
  type Pool,
  type SystemInfo,
  systemInfo,
  type TrueNasApi,
  withPatience,
} from "../nas/truenas/index.js"
import {
  noFigures,
  type SystemComplaint,
  type SystemDisk,
  type SystemFigures,
  type SystemPool,
  type SystemReport,
  worstOf,
} from "./system.js"
import { ToldParts } from "./told-parts.js"

/** What people look at is not worth a longer wait. */
const PATIENCE_MS = 10_000
/** Its alerts about a disk, which `args` name by `name`, `serial` or `device`. */
const DISK_ALERTS = /^(SMART|DiskTemperature|Disk)/
/** Levels by which it means that something is broken; those below are warnings. */
const BROKEN = new Set(["CRITICAL", "ALERT", "EMERGENCY"])
const QUIET = new Set(["INFO", "NOTICE"])

/**
 * Asks a TrueNAS for its pools, disks, temperatures and alerts, one after another (reference nas-platforms.md §2.7). What it refuses
 * is left out, and told in `problems`; once it does not answer at all, it is not asked further. Never throws a StorageError.
 */
export async function readTrueNasHardware(trueNas: TrueNasApi): Promise<SystemReport> {
  const api = withPatience(trueNas, PATIENCE_MS)
  const parts = new ToldParts(({ code }) => code === "timeout" || code === "io")
  const pools = await parts.ask(() => listPools(api))
  const disks = await parts.ask(() => listDisks(api))
  const alerts = await parts.ask(() => listAlerts(api))
  const system = await parts.ask(() => systemInfo(api))
  // Last, because it may have to ask the disks.
  const degrees = await parts.ask(() => diskTemperatures(api))
  return {
    figures: system && figuresOf(system),
    pools: pools?.map(poolOf),
    disks: disks?.map((disk) => diskOf(disk, degrees?.get(disk.name), alerts)),
    problems: parts.problems,
  }
}

function poolOf({
  name,
  path,
  status,
  healthy,
  warning,
  status_detail: detail,
  size,
  free,
}: Pool): SystemPool {
  return {
    name,
    path,
    state: status,
    verdict: healthy ? (warning ? "warn" : "good") : "fail",
    detail: detail ?? undefined,
    totalBytes: size ?? undefined,
    freeBytes: free ?? undefined,
  }
}

function diskOf(
  disk: Disk,
  temperatureC: number | undefined,
  alerts: readonly Alert[] | undefined,
): SystemDisk {
  const { name, serial, model, size, type, pool } = disk
  const complaints = (alerts ?? []).filter((alert) => isAbout(alert, disk)).map(complaintOf)
  return {
    name,
    model: model ?? undefined,
    serial: serial === "" ? undefined : serial,
    sizeBytes: size ?? undefined,
    kind: name.startsWith("nvme") ? "nvme" : type === "HDD" ? "hdd" : type === "SSD" ? "ssd" : "unknown",
    pools: pool === null ? [] : [pool],
    state: undefined,
    // It looks at its disks by itself, and tells only what is wrong with them.
    verdict: alerts && (worstOf(complaints.map(({ verdict }) => verdict)) ?? "good"),
    figures: { ...noFigures, temperatureC },
    complaints,
  }
}

/** Also alerts that were dismissed: that silences an alert, and mends no disk. */
function isAbout({ klass, level, args }: Alert, { name, serial }: Disk): boolean {
  if (!DISK_ALERTS.test(klass) || QUIET.has(level) || !isJsonObject(args)) return false
  if (serial !== "" && typeof args["serial"] === "string") return args["serial"] === serial
  return [args["name"], args["device"]].some((one) => one === name || one === `/dev/${name}`)
}

function complaintOf({ klass, level, formatted }: Alert): SystemComplaint {
  const said = (formatted ?? klass).replace(/\s+/g, " ").trim().slice(0, 400)
  return { verdict: BROKEN.has(level) ? "fail" : "warn", message: `TrueNAS says: ${said}` }
}

function figuresOf({ version, hostname, physmem, uptime_seconds: uptime }: SystemInfo): SystemFigures {
  return {
    version,
    model: undefined,
    hostName: hostname,
    memoryBytes: physmem,
    uptimeSeconds: Math.floor(uptime),
    temperatureC: undefined,
  }
}
