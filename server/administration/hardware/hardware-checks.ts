import type { CheckJson } from "../../http/contract/admin.js"
import type { HardwareJson } from "../../http/contract/hardware.js"

/** One for each finding, and one that says of how many disks the health is known. */
export function hardwareChecks({ disks, findings }: HardwareJson): CheckJson[] {
  const wrong = findings.map(({ code, severity, disk, stores, message, hint }): CheckJson => ({
    name: `${disk === null ? "machine" : `disk ${disk}`}, ${code.replaceAll("_", " ")}`,
    status: severity,
    detail: stores.length === 0 ? message : `${message}; store ${stores.join(", ")} lies on it`,
    hint,
  }))
  return [...knownCheck(disks), ...wrong]
}

/** Of disks that have health of their own. Nothing is said where there are none. */
function knownCheck(disks: HardwareJson["disks"]): CheckJson[] {
  const real = (disks ?? []).filter(({ kind }) => kind !== "virtual")
  if (real.length === 0) return []
  const told = real.filter(({ smart }) => smart.figures !== null)
  const asleep = real.filter(({ smart }) => smart.state === "asleep").length
  const blind = real.find(({ smart }) => smart.figures === null && smart.state === "unknown")
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
