import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  contains,
  formatNetwork,
  isLoopback,
  overlap,
  parseAddress,
  parseNetwork,
} from "../../storage/network.js"

const v4 = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".")
const anyV4 = fc.nat(0xffff_ffff).map(v4)
const anyV6 = fc.ipV6()
const anyPrefix = fc.nat(32)

describe("an address", () => {
  it.each([
    ["10.0.0.1", 4, 0x0a00_0001n],
    ["255.255.255.255", 4, 0xffff_ffffn],
    ["::", 6, 0n],
    ["::1", 6, 1n],
    ["1::", 6, 1n << 112n],
    ["2001:db8::8:800:200c:417a", 6, 0x20010db8000000000008_0800200c417an],
    ["fe80::1%eth0", 6, (0xfe80n << 112n) + 1n],
    ["::ffff:10.0.0.1", 4, 0x0a00_0001n],
    ["::FFFF:a00:1", 4, 0x0a00_0001n],
    ["0:0:0:0:0:ffff:10.0.0.1", 4, 0x0a00_0001n],
    ["::10.0.0.1", 6, 0x0a00_0001n],
    ["64:ff9b::10.0.0.1", 6, (0x64_ff9bn << 96n) + 0x0a00_0001n],
  ] as const)("%s is a number", (text, family, value) => {
    expect(parseAddress(text)).toEqual({ family, value })
  })

  it.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.01",
    "10.0.0.1:80",
    "[::1]",
    "::1::",
    "nas",
    " 10.0.0.1",
    "1:2:3:4:5:6:7:8:9",
    "unknown",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it("is the same in IPv4 and inside IPv6", () => {
    fc.assert(
      fc.property(anyV4, (address) => {
        expect(parseAddress(`::ffff:${address}`)).toEqual(parseAddress(address))
      }),
    )
  })

  it("is read from every way of writing IPv6 as the platform reads it", () => {
    fc.assert(
      fc.property(anyV6, (text) => {
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1)
        expect(parseAddress(text)).toEqual(parseAddress(canonical))
        expect(parseAddress(text)).toBeDefined()
      }),
    )
  })

  it.each([
    ["127.0.0.1", true],
    ["127.255.0.9", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["128.0.0.1", false],
    ["::2", false],
    ["::7f00:1", false],
  ])("%s is loopback: %j", (text, loopback) => {
    const address = parseAddress(text)
    expect(address !== undefined && isLoopback(address)).toBe(loopback)
  })
})

describe("a network", () => {
  it.each([
    ["192.168.10.0/24", "192.168.10.0", "192.168.9.255"],
    ["192.168.10.0/24", "192.168.10.255", "192.168.11.0"],
    ["192.168.10.77/24", "192.168.10.1", "192.168.0.1"],
    ["10.0.0.7/32", "10.0.0.7", "10.0.0.6"],
    ["0.0.0.0/0", "255.255.255.255", "::2"],
    ["10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"],
    ["::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"],
    ["fd00:1::/32", "fd00:1:ffff::9", "fd00:2::"],
    ["::/0", "fd00::", "10.0.0.1"],
    ["::ffff:0:0/90", "::fffe:1:1", "10.0.0.1"],
  ])("%s holds %s and not %s", (network, inside, outside) => {
    const holds = (text: string): boolean => {
      const address = parseAddress(text)
      return address !== undefined && contains(parseNetwork(network), address)
    }
    expect(holds(inside)).toBe(true)
    expect(holds(outside)).toBe(false)
  })

  it.each([
    "",
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "::/129",
    "fe80::1%eth0/64",
    "10.0.0/8",
    "10.0.0.0/ 8",
    "home/24",
  ])("%j is none", (text) => {
    expect(() => parseNetwork(text)).toThrow(expect.objectContaining({ code: "invalid" }))
  })

  it("holds exactly the addresses with its prefix", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), anyPrefix, (base, other, prefix) => {
        const mask = prefix === 0 ? 0 : (0xffff_ffff << (32 - prefix)) >>> 0
        const address = parseAddress(`::ffff:${v4(other)}`)
        expect(address !== undefined && contains(parseNetwork(`${v4(base)}/${prefix}`), address)).toBe(
          (base & mask) === (other & mask),
        )
      }),
    )
  })

  it.each([
    ["192.168.10.77/24", "192.168.10.0/24"],
    ["10.0.0.7/32", "10.0.0.7/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["FD00:0001:0::1/32", "fd00:1::/32"],
    ["::1/128", "::1/128"],
    ["1::/0", "::/0"],
  ])("%s is written %s", (text, canonical) => {
    expect(formatNetwork(parseNetwork(text))).toBe(canonical)
  })

  it("is read from its canonical spelling as it was", () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(anyV4, anyPrefix), fc.tuple(anyV6, fc.nat(128))), ([base, prefix]) => {
        const network = parseNetwork(`${base}/${prefix}`)
        expect(parseNetwork(formatNetwork(network))).toEqual(network)
      }),
    )
  })

  it("overlaps another one when one of them holds the other's first address", () => {
    fc.assert(
      fc.property(anyV4, anyPrefix, anyV4, anyPrefix, (a, aPrefix, b, bPrefix) => {
        const [one, other] = [parseNetwork(`${a}/${aPrefix}`), parseNetwork(`${b}/${bPrefix}`)]
        const holds =
          contains(one, { family: 4, value: other.first }) || contains(other, { family: 4, value: one.first })
        expect(overlap(one, other)).toBe(holds)
        expect(overlap(other, one)).toBe(holds)
      }),
    )
  })
})
