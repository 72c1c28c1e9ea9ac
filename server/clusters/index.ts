export { type ClusterEvidence, type ClusterResolver, createResolver, type KnownCluster } from "./resolve.js"
export { type NetworkOverlap, overlappingNetworks } from "./networks.js"
