import { StorageError } from "../../storage/index.js"
import { parseNetwork } from "../../storage/network.js"
import { overlappingNetworks } from "../clusters/index.js"
import type { ClusterEntry } from "./document.js"
import type { Fault } from "./merge.js"

/** Networks that are none, and addresses that would belong to two clusters. */
export function networkFaults(clusters: readonly ClusterEntry[]): Fault[] {
  const wrong = clusters.flatMap(({ name, networks }) =>
    networks.flatMap((network, at) => notNetwork(["clusters", name, "networks", at], network)),
  )
  if (wrong.length > 0) return wrong
  return overlappingNetworks(clusters).map(({ first, second }) => ({
    path: ["clusters", second.cluster, "networks"],
    message: `${second.network} shares addresses with ${first.network} of cluster ${first.cluster}`,
  }))
}

function notNetwork(path: Fault["path"], network: string): Fault[] {
  try {
    parseNetwork(network)
    return []
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return [{ path, message: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` }]
  }
}
