import {
  contains,
  isLoopback,
  type Network,
  overlap,
  parseAddress,
  parseNetwork,
} from "../../storage/network.js"

/** What tells a cluster's requests from another's. */
export interface ClusterNetworks {
  readonly name: string
  /** CIDR. */
  readonly networks: readonly string[]
}

export interface NetworkOverlap {
  readonly first: { readonly cluster: string; readonly network: string }
  readonly second: { readonly cluster: string; readonly network: string }
}

/**
 * Pairs of networks of different clusters that share an address: an address in both would identify neither. Networks that
 * lie within 127.0.0.0/8 or are ::1 do not count, because loopback never tells several clusters apart.
 * Throws StorageError `invalid` for what is no network.
 */
export function overlappingNetworks(clusters: readonly ClusterNetworks[]): NetworkOverlap[] {
  const all = clusters.flatMap(({ name, networks }) =>
    networks
      .map((network) => ({ cluster: name, network, range: parseNetwork(network) }))
      .filter(({ range }) => !liesInLoopback(range)),
  )
  return all.flatMap((second, at) =>
    all
      .slice(0, at)
      .filter((first) => first.cluster !== second.cluster && overlap(first.range, second.range))
      .map((first) => ({
        first: { cluster: first.cluster, network: first.network },
        second: { cluster: second.cluster, network: second.network },
      })),
  )
}

/** Clients behind a mover's network are few; a scan of all of IPv6 must not fill the memory. */
const REMEMBERED_ADDRESSES = 4096

/** Which of several clusters an address belongs to. Mostly none or one; two where networks overlap. */
export class NetworkIndex {
  readonly #networks: readonly { readonly cluster: string; readonly range: Network }[]
  readonly #remembered = new Map<string, readonly string[]>()

  constructor(clusters: readonly ClusterNetworks[]) {
    this.#networks = clusters.flatMap(({ name, networks }) =>
      networks.map((network) => ({ cluster: name, range: parseNetwork(network) })),
    )
  }

  /** Names of the clusters, each once. Loopback belongs to none: anything may run on the machine itself. */
  clustersOf(address: string): readonly string[] {
    let clusters = this.#remembered.get(address)
    if (clusters === undefined) {
      clusters = this.#find(address)
      if (this.#remembered.size >= REMEMBERED_ADDRESSES) this.#remembered.clear()
      this.#remembered.set(address, clusters)
    }
    return clusters
  }

  #find(text: string): readonly string[] {
    const address = parseAddress(text)
    if (address === undefined || isLoopback(address)) return []
    const holding = this.#networks.filter(({ range }) => contains(range, address))
    return [...new Set(holding.map(({ cluster }) => cluster))]
  }
}

function liesInLoopback({ family, first, last }: Network): boolean {
  return isLoopback({ family, value: first }) && isLoopback({ family, value: last })
}
