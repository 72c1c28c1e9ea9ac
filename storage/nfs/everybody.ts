import { type Network, overlap, parseNetwork } from "../network.js"
import { isNetgroup } from "./netgroup.js"

/** Addresses that no stranger has: private, shared, of one link, of the machine itself (RFC 6890). */
const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "127.0.0.0/8",
  "fc00::/7",
  "fe80::/10",
  "::1/128",
].map(parseNetwork)

/** More than that is no site: a /16, and what a provider has of IPv6, a /32. All networks of an export together count. */
const MOST = { 4: 1n << 16n, 6: 1n << 96n } as const

/** Whether so many strangers may write that it is as good as everybody: also in parts, such as by 0.0.0.0/1 and 128.0.0.0/1. */
export function everybodyWrites(
  clients: readonly { readonly network: string; readonly access: "readOnly" | "readWrite" }[],
): boolean {
  const ranges = clients
    .filter(({ network, access }) => access === "readWrite" && !isNetgroup(network))
    .map(({ network }) => parseNetwork(network))
    .filter((range) => !PRIVATE.some((known) => liesIn(range, known)))
  return ([4, 6] as const).some((family) => {
    const own = ranges.filter((range) => range.family === family)
    return own.reduce((sum, { first, last }) => sum + (last - first + 1n), 0n) > MOST[family]
  })
}

function liesIn(range: Network, known: Network): boolean {
  return overlap(range, known) && known.first <= range.first && range.last <= known.last
}
