import type { ClusterFact } from "../decision/index.js"
import { parseNetwork } from "../../storage/network.js"
import { clientAddress } from "./client-address.js"
import { type ClusterNetworks, NetworkIndex } from "./networks.js"
import { bearerOf, type ClusterTokens, TokenIndex } from "./tokens.js"

export interface KnownCluster extends ClusterNetworks, ClusterTokens {
  /** Whether a request without a token of this cluster is not taken for it. */
  readonly requireToken: boolean
}

/** What a request tells about who sent it. Nothing here is believed alone where two things could be compared. */
export interface ClusterEvidence {
  /** The `Authorization` header. It may be a stranger's: never logged, never echoed. */
  readonly authorization: string | undefined
  /** From `/clusters/{cluster}/exists/…`. */
  readonly pathCluster: string | undefined
  /** The other end of the connection; undefined for a Unix socket. */
  readonly peer: string | undefined
  readonly forwardedFor: string | undefined
}

export interface ClusterResolver {
  resolve(evidence: ClusterEvidence): ClusterFact
  /** For logs: the address behind the configured hops; undefined where nobody knows. */
  clientOf(evidence: Pick<ClusterEvidence, "peer" | "forwardedFor">): string | undefined
}

/**
 * Says which cluster is asking (design 5.1). The answer rests on the evidence and on `clusters` only. `trustedHops` are the
 * networks of reverse proxies whose X-Forwarded-For counts. Throws StorageError `invalid` for what is no network.
 */
export function createResolver(
  clusters: readonly KnownCluster[],
  trustedHops: readonly string[] = [],
): ClusterResolver {
  const hops = trustedHops.map(parseNetwork)
  const networks = new NetworkIndex(clusters)
  const tokens = new TokenIndex(clusters)
  const certain = new Map(clusters.map(({ name }) => [name, { kind: "certain", name } as const]))
  const requiring = new Set(clusters.filter(({ requireToken }) => requireToken).map(({ name }) => name))
  const [only] = clusters.length === 1 ? [...certain.values()] : []

  // Headers are read only where they count: taking a request's headers apart costs as much as the rest of this.
  const clientOf: ClusterResolver["clientOf"] = (evidence) =>
    hops.length === 0 ? evidence.peer : clientAddress(evidence.peer, evidence.forwardedFor, hops)

  function resolve(evidence: ClusterEvidence): ClusterFact {
    const byToken = tokens.isEmpty ? [] : ownersOf(bearerOf(evidence.authorization), tokens)
    const cluster = only ?? byEvidence(evidence, byToken)
    if (cluster.kind === "unclear") return cluster
    if (evidence.pathCluster !== undefined && evidence.pathCluster !== cluster.name) {
      return noSuchCluster(evidence.pathCluster)
    }
    return requiring.has(cluster.name) && !byToken.includes(cluster.name)
      ? tokenWanted(cluster.name)
      : cluster
  }

  function byEvidence(evidence: ClusterEvidence, byToken: readonly string[]): ClusterFact {
    const { pathCluster } = evidence
    if (pathCluster !== undefined && !certain.has(pathCluster)) return noSuchCluster(pathCluster)
    const client = clientOf(evidence)
    const byNetwork = client === undefined ? [] : networks.clustersOf(client)
    const said: Evidence[] = [
      ...byToken.map((cluster) => ({ what: "the token", cluster })),
      ...(pathCluster === undefined ? [] : [{ what: "the path", cluster: pathCluster }]),
      ...byNetwork.map((cluster) => ({ what: "the client's address", cluster })),
    ]
    const [first, ...others] = said
    if (first === undefined) return nothingSaid(clusters.length, client)
    const other = others.find(({ cluster }) => cluster !== first.cluster)
    return other === undefined
      ? (certain.get(first.cluster) ?? noSuchCluster(first.cluster))
      : disagreeing(first, other)
  }

  return { resolve, clientOf }
}

interface Evidence {
  readonly what: string
  readonly cluster: string
}

function ownersOf(bearer: string | undefined, tokens: TokenIndex): readonly string[] {
  return bearer === undefined ? [] : tokens.clustersOf(bearer)
}

function disagreeing(one: Evidence, other: Evidence): ClusterFact {
  return {
    kind: "unclear",
    message: `It is not certain which cluster asks: ${one.what} says ${one.cluster}, ${other.what} says ${other.cluster}.`,
    hint: "Send the token or the path of the cluster that the request comes from, or correct the cluster's networks.",
  }
}

function nothingSaid(clusters: number, client: string | undefined): ClusterFact {
  if (clusters === 0) {
    return {
      kind: "unclear",
      message: "No cluster is declared.",
      hint: "Declare the cluster and its repositories with cistern apply.",
    }
  }
  const where = client === undefined ? "" : ` ${client} identifies none of them.`
  return {
    kind: "unclear",
    message: `It is not certain which of ${clusters} clusters asks.${where}`,
    hint: "Ask by /clusters/{cluster}/exists/, send a token of the cluster, or add the address to its networks.",
  }
}

function noSuchCluster(name: string): ClusterFact {
  return {
    kind: "unclear",
    message: `No cluster named ${name} is declared.`,
    hint: "Correct the path of the request, or declare the cluster with cistern apply.",
  }
}

function tokenWanted(name: string): ClusterFact {
  return {
    kind: "unclear",
    message: `Cluster ${name} is only believed with one of its tokens, and the request has none.`,
    hint: "Send Authorization: Bearer with a token of this cluster.",
  }
}
