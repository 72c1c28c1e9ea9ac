import { Gauge, type Registry } from "prom-client"
import type { FindingsRoom } from "../findings/index.js"

/** Metrics of findings, from the state's index before each scrape. Returns what sets them. */
export function findingMetrics(registry: Registry, { views, looks }: FindingsRoom): () => void {
  const findings = new Gauge({
    name: "cistern_findings",
    help: "Findings that are open, acknowledged, or muted whichever of the two they are.",
    labelNames: ["severity", "state"] as const,
    registers: [registry],
  })
  const unknown = new Gauge({
    name: "cistern_findings_unknown_scopes",
    help: "What could not be looked at the last time: nothing of it is known to be well.",
    labelNames: ["source"] as const,
    registers: [registry],
  })
  return () => {
    for (const { severity, state, count } of views.counts()) findings.set({ severity, state }, count)
    const bySource = new Map<string, number>()
    for (const { source, unknown: why } of looks.all())
      bySource.set(source, (bySource.get(source) ?? 0) + (why === undefined ? 0 : 1))
    unknown.reset()
    for (const [source, count] of bySource) unknown.set({ source }, count)
  }
}
