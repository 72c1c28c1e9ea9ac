import {
  type DsmClient,
  type DsmDisk,
  type DsmPool,
  type DsmStorage,
  type DsmSystem,
  type DsmVolume,
  storageInfo,
  systemInfo,
} from "../nas/synology/index.js"
import {
  noFigures,
  type SystemComplaint,
  type SystemDisk,
  type SystemFigures,
  type SystemPool,
  type SystemReport,
  type SystemVerdict,
  worstOf,
} from "./system.js"
import { ToldParts } from "./told-parts.js"

const MIB = 2 ** 20
/** DSM's words are not documented. These are certain; every other one but "normal" is a warning. */
const BROKEN = /crash|fail|critical|degrade/i
/** Disks that nothing lies on, and volumes that DSM looks after. */
const HARMLESS = /^(normal|initialized|not_?use|background|scrubbing|data_scrubbing)$/i

/**
 * Asks DSM for its volumes, pools and disks, while nothing else is to do (reference nas-platforms.md §3.4). What it refuses is left out, and
 * told in `problems`. Never throws a StorageError.
 */
export async function readSynologyHardware(dsm: DsmClient): Promise<SystemReport> {
  // Whatever keeps DSM from answering once keeps it from answering twice.
  const parts = new ToldParts(() => true)
  const storage = await parts.ask(() => storageInfo(dsm))
  const system = await parts.ask(() => systemInfo(dsm))
  return {
    figures: system && figuresOf(system),
    pools: storage?.volumes.map((volume) => poolOf(volume, storage.pools ?? [])),
    disks: storage?.disks?.map((disk) => diskOf(disk, storage)),
    problems: parts.problems,
  }
}

/** A volume is as good as the storage pool that it lies on: a disk that is missing shows there. */
function poolOf(volume: DsmVolume, pools: readonly DsmPool[]): SystemPool {
  const under = pools.find(({ id }) => id === volume.pool)
  return {
    name: volume.path,
    path: volume.path,
    state: volume.status,
    verdict: worstOf([verdictOf(volume.status), under && verdictOf(under.status)]),
    detail: under === undefined || under.status === volume.status ? undefined : `its pool is ${under.status}`,
    totalBytes: volume.totalBytes,
    freeBytes: volume.freeBytes,
  }
}

function diskOf(disk: DsmDisk, { volumes }: DsmStorage): SystemDisk {
  const { id, device, model, serial, sizeBytes, isSsd, pool, status, smartStatus } = disk
  const smart = smartStatus === undefined ? undefined : verdictOf(smartStatus)
  return {
    name: device,
    model: model === "" ? undefined : model,
    serial,
    sizeBytes,
    kind: /^nvme/.test(device) ? "nvme" : isSsd === undefined ? "unknown" : isSsd ? "ssd" : "hdd",
    pools: pool === undefined ? [] : volumes.filter((one) => one.pool === pool).map(({ path }) => path),
    state: status,
    verdict: worstOf([verdictOf(status), smart]),
    figures: {
      ...noFigures,
      passed: smart === "good" ? true : smart === "fail" ? false : undefined,
      temperatureC: disk.celsius,
      uncorrectable: disk.uncorrected,
      wearPercent: disk.lifeLeftPercent === undefined ? undefined : Math.max(0, 100 - disk.lifeLeftPercent),
    },
    complaints: [
      ...complaint(`${id} is ${status}`, verdictOf(status)),
      // One that failed is said by its figures.
      ...(smart === "warn" ? complaint(`the SMART status of ${id} is ${smartStatus ?? ""}`, smart) : []),
    ],
  }
}

function complaint(what: string, verdict: SystemVerdict): SystemComplaint[] {
  return verdict === "warn" || verdict === "fail" ? [{ verdict, message: `DSM says: ${what}` }] : []
}

function verdictOf(word: string): Exclude<SystemVerdict, undefined> {
  if (BROKEN.test(word)) return "fail"
  return HARMLESS.test(word) ? "good" : "warn"
}

function figuresOf({ version, model, memoryMib, celsius }: DsmSystem): SystemFigures {
  return {
    version,
    model,
    hostName: undefined,
    memoryBytes: memoryMib === undefined ? undefined : memoryMib * MIB,
    uptimeSeconds: undefined,
    temperatureC: celsius,
  }
}
