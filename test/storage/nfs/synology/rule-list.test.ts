import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type HeldRule, newRule, type NfsRule } from "../../../../storage/nas/synology/index.js"
import {
  claimedOf,
  disputedOf,
  mergedList,
  missingIn,
  sameList,
} from "../../../../storage/nfs/synology/rule-list.js"
import { networkOfRule } from "../../../../storage/nfs/synology/rules.js"

function rule(client: string, changes: Partial<NfsRule> = {}): NfsRule {
  return {
    client,
    privilege: "rw",
    squash: "all_admin",
    async: false,
    insecure: false,
    crossMounts: false,
    security: ["sys"],
    ...changes,
  }
}

const held = (...rules: NfsRule[]): HeldRule[] => rules.map(newRule)
const clients = (list: readonly HeldRule[]): string[] => list.map(({ rule: { client } }) => client)

describe("a client of a rule", () => {
  it.each([
    ["10.0.0.7", "10.0.0.7/32"],
    ["10.20.3.4/16", "10.20.0.0/16"],
    ["10.20.0.0/255.255.0.0", "10.20.0.0/16"],
    ["10.20.0.0/255.255.255.255", "10.20.0.0/32"],
    ["0.0.0.0/0.0.0.0", "0.0.0.0/0"],
    ["fd00:0::1", "fd00::1/128"],
    ["fd00::/64", "fd00::/64"],
    ["10.0.0.0/255.0.255.0", undefined],
    ["10.0.0.0/33", undefined],
    ["10.0.0.0/8/8", undefined],
    ["*", undefined],
    ["", undefined],
    ["*.example", undefined],
    ["nas.example", undefined],
    ["10.0.0.*", undefined],
  ])("%j is the network %s", (client, network) => {
    expect(networkOfRule({ client })).toBe(network)
  })
})

describe("the list of a shared folder", () => {
  const a = rule("10.1.0.0/16")
  const b = rule("10.2.0.0/16")
  const others = [rule("nas.example"), rule("*"), rule("10.9.0.1")]
  const [first, second, third] = others as [NfsRule, NfsRule, NfsRule]

  it("keeps everything that is not ours where it is", () => {
    const list = held(first, a, second, b, third)
    const next = mergedList(list, claimedOf(list, [a, b]), [{ ...a, privilege: "ro" }, rule("10.3.0.0/16")])
    expect(clients(next)).toEqual(["nas.example", "10.1.0.0/16", "*", "10.9.0.1", "10.3.0.0/16"])
    expect(next[1]?.rule.privilege).toBe("ro")
    expect([next[0], next[2], next[3]]).toEqual([list[0], list[2], list[4]])
  })

  it("gives each of ours one rule only: of two that are the same, one is somebody else's", () => {
    const list = held(a, a)
    expect(claimedOf(list, [a, a]).size).toBe(1)
    expect(mergedList(list, claimedOf(list, [a]), [])).toHaveLength(1)
  })

  it("knows ours however DSM spells the client", () => {
    expect(claimedOf(held(rule("10.1.0.0/255.255.0.0")), [a]).size).toBe(1)
  })

  it.each([
    ["privilege", { privilege: "ro" }],
    ["squash", { squash: "root" }],
    ["async", { async: true }],
    ["async that DSM does not say", { async: undefined }],
    ["insecure", { insecure: true }],
    ["crossMounts", { crossMounts: true }],
    ["security", { security: ["sys", "krb5"] }],
  ])("does not take another one for ours: by its %s", (_, change) => {
    const list = held(rule("10.1.0.0/16", change))
    expect(claimedOf(list, [a]).size).toBe(0)
    expect(disputedOf(list, { own: [a], mine: [a], wanted: [] })).toEqual(list)
  })

  it("disputes only what is for a client that is wanted or whose rule was changed", () => {
    const list = held(first, a, rule("10.1.0.0/16", { squash: "root" }), rule("10.5.0.0/16"))
    expect(disputedOf(list, { own: [a], mine: [a], wanted: [] })).toEqual([])
    expect(disputedOf(list, { own: [a], mine: [a], wanted: [a] })).toEqual([])
    const readOnly = { ...a, privilege: "ro" }
    expect(clients(disputedOf(list, { own: [a], mine: [a], wanted: [readOnly] }))).toEqual(["10.1.0.0/16"])
    expect(clients(disputedOf(list, { own: [], mine: [], wanted: [rule("10.5.0.0/16")] }))).toEqual([
      "10.5.0.0/16",
    ])
    // One that was withdrawn may be given by hand.
    expect(
      disputedOf(list, { own: [], mine: [rule("10.5.0.0/16", { privilege: "ro" })], wanted: [] }),
    ).toEqual([])
  })

  it("is the same in any order, and not with one more or less", () => {
    expect(sameList(held(a, b, a), held(b, a, a))).toBe(true)
    expect(sameList(held(a, a), held(a, b))).toBe(false)
    expect(sameList(held(a, a), held(a))).toBe(false)
    expect(clients(missingIn(held(a, a, b), held(a)))).toEqual(["10.1.0.0/16", "10.2.0.0/16"])
  })

  const client = fc.constantFrom("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "*", "nas.example")
  const anyRule = fc
    .record({ client, privilege: fc.constantFrom("rw", "ro") })
    .map((some) => rule(some.client, some))
  const network = fc.constantFrom("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16")
  const anyWanted = fc.uniqueArray(
    fc
      .record({ client: network, privilege: fc.constantFrom("rw", "ro") })
      .map((some) => rule(some.client, some)),
    { selector: (one) => one.client },
  )

  it("holds what is wanted, all of it, and everything of others as it was, in any case", () => {
    fc.assert(
      fc.property(fc.array(anyRule), fc.array(anyRule), anyWanted, (there, mine, wanted) => {
        const list = held(...there)
        const claimed = claimedOf(list, mine)
        const next = mergedList(list, claimed, wanted)
        const foreign = list.filter((one) => !claimed.has(one))
        expect(next.filter((one) => foreign.includes(one))).toEqual(foreign)
        expect(sameList(next, [...foreign, ...held(...wanted)])).toBe(true)
        const ours = new Set(next.filter((one) => !foreign.includes(one)))
        expect(mergedList(next, ours, wanted)).toEqual(next)
      }),
    )
  })
})
