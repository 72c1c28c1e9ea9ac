import { isIPv4, isIPv6 } from "node:net"
import { StorageError } from "./errors.js"

/** An IP address as a number. An IPv4 address that came inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address. */
export interface Address {
  readonly family: 4 | 6
  readonly value: bigint
}

/** A network as the range of its addresses, both ends included. */
export interface Network {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

const BITS = { 4: 32, 6: 128 } as const
/** RFC 4291 §2.5.5.2: the 96 bits before an IPv4 address inside IPv6. */
const MAPPED_BITS = 96
const MAPPED_PREFIX = 0xffffn

/** Undefined for what is no address. A zone (`fe80::1%eth0`) is left out. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4Value(text) }
  const zone = text.indexOf("%")
  const bare = zone < 0 ? text : text.slice(0, zone)
  if (!isIPv6(bare)) return undefined
  const value = ipv6Value(bare)
  return value >> 32n === MAPPED_PREFIX ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value }
}

/** Parses CIDR such as `192.168.10.0/24` or `fd00::/8`; bits after the prefix are ignored. Throws StorageError `invalid`. */
export function parseNetwork(text: string): Network {
  const match = /^([^/%]+)\/(\d{1,3})$/.exec(text)
  const [, addressText = "", prefixText = ""] = match ?? []
  const address = parseAddress(addressText)
  const written = isIPv4(addressText) ? 4 : 6
  const prefix = Number(prefixText)
  if (match === null || address === undefined || prefix > BITS[written]) throw notANetwork(text)
  if (address.family === written) return range(address, prefix)
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter prefix takes in more of IPv6 than mapped addresses.
  if (prefix >= MAPPED_BITS) return range(address, prefix - MAPPED_BITS)
  return range({ family: 6, value: (MAPPED_PREFIX << 32n) | address.value }, prefix)
}

/** The network in its one canonical spelling (RFC 5952 for IPv6), bits after the prefix cleared: `10.0.0.0/8`. */
export function formatNetwork({ family, first, last }: Network): string {
  const prefix = BITS[family] - (last - first).toString(2).replace(/^0$/, "").length
  return `${family === 4 ? formatIpv4(first) : formatIpv6(first)}/${prefix}`
}

export function contains(network: Network, address: Address): boolean {
  return network.family === address.family && network.first <= address.value && address.value <= network.last
}

export function overlap(one: Network, other: Network): boolean {
  return one.family === other.family && one.first <= other.last && other.first <= one.last
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.value >> 24n === 127n : address.value === 1n
}

function range(address: Address, prefix: number): Network {
  const free = BigInt(BITS[address.family] - prefix)
  const first = (address.value >> free) << free
  return { family: address.family, first, last: first + (1n << free) - 1n }
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".")
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16),
  )
  // A URL writes an address as RFC 5952 wants it.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1)
}

function ipv4Value(text: string): bigint {
  return text.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n)
}

function ipv6Value(text: string): bigint {
  const [head = "", tail] = text.split("::")
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const zeros = new Array<bigint>(8 - left.length - right.length).fill(0n)
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | group, 0n)
}

function groups(text: string): bigint[] {
  if (text === "") return []
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)]
    const value = ipv4Value(group)
    return [value >> 16n, value & 0xffffn]
  })
}

function notANetwork(text: string): StorageError {
  return new StorageError("invalid", `not a network: ${JSON.stringify(text.slice(0, 80))}`, {
    hint: "Write CIDR, such as 192.168.10.0/24, 10.0.0.7/32 or fd00:1::/64.",
  })
}
