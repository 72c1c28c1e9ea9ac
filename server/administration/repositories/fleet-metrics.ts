import { Gauge, type Registry } from "prom-client"
import type { RepositoryJson } from "../../http/contract/admin.js"
import type { AdministratorViews } from "./views.js"

/** Metrics of the declared repositories, set from memory before each scrape. Returns what sets them. */
export function fleetMetrics(registry: Registry, views: AdministratorViews): () => void {
  const stores = new Gauge({
    name: "cistern_store_up",
    help: "1 while the store's filesystem answers and is the accepted one; 0 while it hangs or is fenced.",
    labelNames: ["store"],
    registers: [registry],
  })
  const labelNames = ["repository", "cluster"] as const
  const up = new Gauge({
    name: "cistern_repository_up",
    help: "1 while the repository's listing is certain; 0 while it is fenced, failed or not known.",
    labelNames,
    registers: [registry],
  })
  const listed = new Gauge({
    name: "cistern_repository_last_listing_timestamp_seconds",
    help: "When the oldest listing began that the repository's answers rest on.",
    labelNames,
    registers: [registry],
  })
  const snapshots = new Gauge({
    name: "cistern_repository_snapshots",
    help: "Snapshots in the newest good listing, incomplete ones included.",
    labelNames,
    registers: [registry],
  })
  const newest = new Gauge({
    name: "cistern_repository_newest_complete_timestamp_seconds",
    help: "Start of the newest complete snapshot of anything in the repository.",
    labelNames,
    registers: [registry],
  })
  return () => {
    // Values stay as they were while a repository cannot be read: an alert on age must not end by vanishing.
    const { repositories } = views.repositories()
    for (const { store } of repositories) {
      if (store !== null)
        stores.set({ store }, repositories.some((row) => row.store === store && isCut(row)) ? 0 : 1)
    }
    for (const row of repositories) {
      const labels = { repository: row.name, cluster: row.cluster }
      up.set(labels, row.state === "ok" ? 1 : 0)
      if (row.listedAt !== null) listed.set(labels, Date.parse(row.listedAt) / 1000)
      if (row.snapshots !== null) snapshots.set(labels, row.snapshots)
      if (row.newest !== null) newest.set(labels, Date.parse(row.newest) / 1000)
    }
  }
}

/** Whether the repository cannot be read because of the filesystem under it. */
function isCut({ state, problem }: RepositoryJson): boolean {
  return state === "fenced" || problem?.code === "store_hangs"
}
