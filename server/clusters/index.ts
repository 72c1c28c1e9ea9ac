export { type ClusterEvidence, type ClusterResolver, createResolver, type KnownCluster } from "./resolve.js"
export { NetworkIndex, type NetworkOverlap, overlappingNetworks } from "./networks.js"
