import type { Anomaly } from "../../anomalies/index.js"
import type { VolumeKey } from "../../db/index.js"
import type { Fact } from "../../findings/index.js"

/** An anomaly as a finding. Mutes go by code and subject alone, whatever the place: so that the place is in the subject. */
export function anomalyFact(
  place: string,
  source: string,
  { code, severity, subject, title, hint, evidence }: Anomaly,
  volumes: readonly VolumeKey[],
): Fact {
  // One source may have several strangers, and each is told.
  const writer = code === "unknown_writer" ? ` by ${String(evidence["writer"])}` : ""
  return {
    code,
    severity,
    subject: { kind: subject.kind, key: `${place} ${subject.key}${writer}` },
    title: `${source}: ${title}`,
    hint,
    evidence: { place, source, ...evidence },
    volumes,
  }
}
