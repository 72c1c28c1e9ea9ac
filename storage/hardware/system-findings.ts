import { diskFindings, type HardwareFinding } from "./findings.js"
import type { SystemDisk, SystemKind, SystemPool } from "./system.js"

export const systemNames: Readonly<Record<SystemKind, string>> = { truenas: "TrueNAS", synology: "DSM" }

/** Where a person looks at the pool. */
const PLACES: Readonly<Record<SystemKind, string>> = {
  truenas: "Storage, the pool's Topology",
  synology: "Storage Manager",
}

/**
 * What is wrong with a disk by what its NAS system says; `isTold`: it has told this machine its figures, which need not be judged
 * twice. Pure.
 */
export function systemDiskFindings(disk: SystemDisk, isTold: boolean): HardwareFinding[] {
  const kind = disk.kind === "unknown" ? "hdd" : disk.kind
  const hint = "Look at it there, and see that what lies on it is elsewhere too."
  return [
    ...(isTold ? [] : diskFindings({ name: disk.name, kind }, disk.figures)),
    ...disk.complaints.map(({ verdict, message }) => ({
      code: "system_complains",
      severity: verdict,
      disk: disk.name,
      message: `${disk.name}: ${message}`,
      hint,
    })),
  ]
}

/** Whether a pool is as it should be. Pure. */
export function poolFindings(
  kind: SystemKind,
  { name, state, verdict, detail }: SystemPool,
): HardwareFinding[] {
  if (verdict !== "warn" && verdict !== "fail") return []
  const said = detail === undefined ? "" : ` (${detail})`
  return [
    {
      code: "unhealthy",
      severity: verdict,
      disk: undefined,
      message: `${systemNames[kind]} says that ${name} is ${state}${said}`,
      hint: `Look at it in ${systemNames[kind]}: ${PLACES[kind]}. While a disk is missing the next one that fails may cost everything on it.`,
    },
  ]
}
