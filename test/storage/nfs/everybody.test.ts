import { describe, expect, it } from "vitest"
import { everybodyWrites } from "../../../storage/nfs/index.js"

const writing = (...networks: string[]) =>
  networks.map((network) => ({ network, access: "readWrite" as const }))

describe("everybody writes", () => {
  it.each([
    ["all of IPv4", ["0.0.0.0/0"]],
    ["all of IPv6", ["::/0"]],
    ["all of IPv4 inside IPv6", ["::ffff:0:0/96"]],
    ["halves", ["0.0.0.0/1", "128.0.0.0/1"]],
    ["one half", ["0.0.0.0/1"]],
    ["the whole internet of IPv6", ["2000::/3"]],
    ["a provider", ["8.0.0.0/8"]],
    ["what a private network is only a part of", ["10.0.0.0/7"]],
    ["many parts that are little by themselves", ["11.0.0.0/16", "11.1.0.0/16"]],
    ["one beside the own network", ["192.168.0.0/16", "64.0.0.0/2"]],
  ])("by %s", (_, networks) => {
    expect(everybodyWrites(writing(...networks))).toBe(true)
  })

  it.each([
    ["all private networks", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]],
    ["a site's own addresses", ["198.51.0.0/16", "2001:db8::/32"]],
    ["a netgroup", ["@movers"]],
    ["nobody", []],
  ])("not by %s", (_, networks) => {
    expect(everybodyWrites(writing(...networks))).toBe(false)
  })

  it("only where it is writing", () => {
    expect(everybodyWrites([{ network: "0.0.0.0/0", access: "readOnly" }])).toBe(false)
  })
})
