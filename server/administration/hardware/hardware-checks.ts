import type { CheckJson } from "../../http/contract/admin.js"
import type { DiskJson, HardwareFindingJson, HardwareJson } from "../../http/contract/hardware.js"

/** One for each finding, one that says of how many disks the health is known, and one for what the NAS system does not tell. */
export function hardwareChecks({ disks, findings, problems }: HardwareJson): CheckJson[] {
  const wrong = findings.map(({ code, severity, disk, pool, stores, message, hint }): CheckJson => ({
    name: `${subjectOf({ disk, pool })}, ${code.replaceAll("_", " ")}`,
    status: severity,
    detail:
      stores.length === 0
        ? message
        : `${message}; store ${stores.join(", ")} ${stores.length === 1 ? "lies" : "lie"} on it`,
    hint,
  }))
  return [...knownCheck(disks), ...systemCheck(problems), ...wrong]
}

function subjectOf({ disk, pool }: Pick<HardwareFindingJson, "disk" | "pool">): string {
  if (pool !== null) return `pool ${pool}`
  return disk === null ? "machine" : `disk ${disk}`
}

/** Of disks that have health of their own. Nothing is said where there are none. */
function knownCheck(disks: HardwareJson["disks"]): CheckJson[] {
  const real = (disks ?? []).filter(({ kind }) => kind !== "virtual")
  if (real.length === 0) return []
  const told = real.filter(isKnown)
  const asleep = real.filter(({ smart }) => smart.state === "asleep").length
  const blind = real.find((disk) => !isKnown(disk) && disk.smart.state === "unknown")
  const detail = `${told.length} of ${real.length} tell how they are${asleep === 0 ? "" : `, ${asleep} asleep`}`
  if (blind === undefined) return [{ name: "disks", status: "ok", detail, hint: null }]
  return [
    {
      name: "disks",
      status: "warn",
      detail: `${detail}; ${blind.name} does not: ${blind.smart.why ?? "it is not known why"}`,
      hint: "`cistern hardware` shows each. Without it nobody is told before a disk fails.",
    },
  ]
}

function isKnown({ smart, system }: DiskJson): boolean {
  return smart.figures !== null || (system !== null && system.verdict !== null)
}

/** A NAS system that was asked and does not tell. Every reason may be another role that the account lacks. */
function systemCheck(problems: HardwareJson["problems"]): CheckJson[] {
  const told = problems.filter(({ source }) => source !== null)
  const [first] = told
  if (first === undefined) return []
  const detail = told.map(({ message }) => message).join("; ")
  return [{ name: "hardware by the NAS system", status: "warn", detail, hint: first.hint }]
}
