import { Gauge, type Registry } from "prom-client"
import type { Quotas } from "./quotas.js"

/** Metrics of directories with a declared limit, set from memory before each scrape. Returns what sets them. */
export function quotaMetrics(registry: Registry, quotas: Pick<Quotas, "known">): () => void {
  const labelNames = ["repository", "store", "path"] as const
  const limit = new Gauge({
    name: "cistern_quota_limit_bytes",
    help: "What a directory may hold: what the filesystem holds writers to, else what is declared.",
    labelNames,
    registers: [registry],
  })
  const used = new Gauge({
    name: "cistern_repository_bytes",
    help: "What a directory with a declared limit held when it was measured last.",
    labelNames,
    registers: [registry],
  })
  const measured = new Gauge({
    name: "cistern_repository_bytes_timestamp_seconds",
    help: "When that was measured.",
    labelNames,
    registers: [registry],
  })
  return () => {
    // Values stay as they were while they cannot be read: an alert must not end by vanishing. What is not known is no sample.
    for (const { repository, store, path, limitBytes, usedBytes, measuredAt } of quotas.known) {
      const labels = { repository, store, path }
      if (limitBytes !== null) limit.set(labels, limitBytes)
      if (usedBytes === null || measuredAt === null) continue
      used.set(labels, usedBytes)
      measured.set(labels, Date.parse(measuredAt) / 1000)
    }
  }
}
