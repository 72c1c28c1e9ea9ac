import { type Document, exportName } from "./document.js"
import type { Fault } from "./merge.js"
import { drillFaults } from "./validate-drills.js"
import { exposureFaults } from "./validate-exports.js"
import { identityFaults } from "./validate-identity.js"
import { networkFaults } from "./validate-networks.js"
import { jobFaults, type KnownJob, scheduleFaults } from "./validate-schedules.js"

/** Everything in a whole document that contradicts itself. Pure: whether a directory is there is not asked. */
export function validateDocument(document: Document): Fault[] {
  return [
    ...storeFaults(document),
    ...networkFaults(document.clusters),
    ...referenceFaults(document),
    ...identityFaults(document.repositories),
    ...scheduleFaults(document),
    ...drillFaults(document),
  ]
}

/**
 * What is refused when it is declared, and not when a kept document is read: an earlier version took it, and what it means is
 * refused where it is done. Only for a document without faults.
 */
export function declarationFaults(document: Document, jobs: readonly KnownJob[]): Fault[] {
  return [...exposureFaults(document), ...jobFaults(document, jobs)]
}

function storeFaults({ stores }: Document): Fault[] {
  return stores.flatMap((store, at) => {
    const twin = stores.slice(0, at).find((other) => other.path === store.path)
    return twin === undefined
      ? []
      : [{ path: ["stores", store.name, "path"], message: `store ${twin.name} is this directory already` }]
  })
}

function referenceFaults(document: Document): Fault[] {
  const stores = new Set(document.stores.map(({ name }) => name))
  const clusters = new Set(document.clusters.map(({ name }) => name))
  const faults: Fault[] = []
  for (const { name, cluster, place } of document.repositories) {
    if (!clusters.has(cluster)) faults.push(missing(["repositories", name, "cluster"], "cluster", cluster))
    if (place.kind === "store" && !stores.has(place.store)) {
      faults.push(missing(["repositories", name, "store"], "store", place.store))
    }
    if (place.kind === "s3") {
      faults.push({
        path: ["repositories", name, "s3"],
        message: "reading repositories in S3 has not landed yet in this version; leave this one out",
      })
    }
  }
  for (const entry of document.exports) {
    const { store, cluster } = entry
    const path = ["exports", exportName(entry)]
    if (!clusters.has(cluster)) faults.push(missing([...path, "cluster"], "cluster", cluster))
    if (!stores.has(store)) faults.push(missing([...path, "store"], "store", store))
  }
  return faults
}

function missing(path: Fault["path"], kind: string, name: string): Fault {
  return { path, message: `there is no ${kind} named ${name}` }
}
