import type { HardwareJson } from "../../http/contract/hardware.js"
import type { Fact } from "../finding.js"
import type { FindingSource, ScopeReport } from "../finding-keeper.js"
import { HOUR_MS, severityOf } from "./severity.js"

/** Disks, pools and memory. Sleeping disks are not woken. */
export function hardwareSource(hardware: () => Promise<HardwareJson>): FindingSource {
  return { name: "hardware", everyMs: HOUR_MS, look: async () => [hardwareReport(await hardware())] }
}

export function hardwareReport({ findings, disks }: HardwareJson): ScopeReport {
  // One that told how it was, and tells nothing now, has not become well.
  const silent = (disks ?? []).filter(
    ({ kind, smart, system }) => kind !== "virtual" && smart.figures === null && system?.verdict == null,
  )
  const [first] = silent
  const why =
    first === undefined
      ? ""
      : `${first.name} does not tell how it is: ${first.smart.why ?? first.smart.state}`
  return {
    scope: "machine",
    facts: findings.map((one): Fact => {
      const { code, severity, disk, pool, stores, message, hint } = one
      return {
        code,
        severity: severityOf(severity),
        subject: subjectOf(one),
        title: stores.length === 0 ? message : `${message} (store ${stores.join(", ")})`,
        hint,
        evidence: { disk, pool, stores },
      }
    }),
    ...(first === undefined
      ? {}
      : { unsure: { subjects: silent.map(({ name }) => ({ kind: "disk", key: name })), why } }),
  }
}

function subjectOf({ disk, pool }: HardwareJson["findings"][number]): Fact["subject"] {
  if (pool !== null) return { kind: "pool", key: pool }
  return disk === null ? { kind: "machine", key: "memory" } : { kind: "disk", key: disk }
}
