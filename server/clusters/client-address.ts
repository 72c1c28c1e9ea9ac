import { contains, type Network, parseAddress } from "../../storage/network.js"

/**
 * The address that a request comes from: the peer of the connection or, where that is a configured hop, what the hop wrote
 * last into X-Forwarded-For, and so on backwards. Undefined when a trusted hop wrote what is no address: then nobody knows.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trustedHops: readonly Network[],
): string | undefined {
  if (forwardedFor === undefined) return peer
  const hops = forwardedFor.split(",").map((hop) => hop.trim())
  let client = peer
  while (hops.length > 0 && client !== undefined && isTrusted(client, trustedHops)) {
    const next = hops.pop() ?? ""
    client = parseAddress(next) === undefined ? undefined : next
  }
  return client
}

function isTrusted(text: string, trustedHops: readonly Network[]): boolean {
  const address = parseAddress(text)
  return address !== undefined && trustedHops.some((network) => contains(network, address))
}
