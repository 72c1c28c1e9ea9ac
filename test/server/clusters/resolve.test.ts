import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import {
  type ClusterEvidence,
  createResolver,
  type KnownCluster,
  overlappingNetworks,
} from "../../../server/clusters/index.js"

const hash = (token: string): string => createHash("sha256").update(token).digest("hex")

const home: KnownCluster = {
  name: "home",
  networks: ["192.168.10.0/24", "127.0.0.1/32", "fd00:10::/64"],
  tokens: [hash("home-token"), hash("home-token-2")],
  requireToken: false,
}
const lab: KnownCluster = {
  name: "lab",
  networks: ["10.1.0.0/16", "::1/128"],
  tokens: [hash("lab-token")],
  requireToken: false,
}
const bare: KnownCluster = { name: "bare", networks: [], tokens: [], requireToken: false }
const strict = (cluster: KnownCluster): KnownCluster => ({ ...cluster, requireToken: true })

const inHome = "192.168.10.5"
const inLab = "10.1.2.3"
const nowhere = "172.16.0.1"

type Case = [what: string, clusters: KnownCluster[], evidence: Partial<ClusterEvidence>, expected: string]

const evidenceOf = (some: Partial<ClusterEvidence>): ClusterEvidence => ({
  authorization: undefined,
  pathCluster: undefined,
  peer: nowhere,
  forwardedFor: undefined,
  ...some,
})

/** The cluster's name, or "unclear". */
function resolved(clusters: KnownCluster[], some: Partial<ClusterEvidence>, hops: string[] = []): string {
  const cluster = createResolver(clusters, hops).resolve(evidenceOf(some))
  return cluster.kind === "certain" ? cluster.name : "unclear"
}

const bearer = (token: string): string => `Bearer ${token}`

describe("which cluster is asking", () => {
  it.each<Case>([
    ["nobody, when no cluster is declared", [], {}, "unclear"],
    ["nobody, though the path says so, when no cluster is declared", [], { pathCluster: "home" }, "unclear"],

    ["the only one, from anywhere", [home], {}, "home"],
    ["the only one, from loopback", [home], { peer: "127.0.0.1" }, "home"],
    ["the only one, over a Unix socket", [home], { peer: undefined }, "home"],
    ["the only one, by its own path", [home], { pathCluster: "home" }, "home"],
    ["not the only one, when the path names another", [home], { pathCluster: "lab" }, "unclear"],
    ["the only one, with a stranger's bearer", [home], { authorization: bearer("kyverno") }, "home"],
    ["the only one, with its token", [strict(home)], { authorization: bearer("home-token") }, "home"],
    ["not the only one, when it wants a token and gets none", [strict(home)], { peer: inHome }, "unclear"],
    [
      "not the only one, when it wants a token and gets a stranger's",
      [strict(home)],
      { authorization: bearer("x") },
      "unclear",
    ],

    ["one of several by its token", [home, lab], { authorization: bearer("lab-token") }, "lab"],
    ["one of several by its second token", [home, lab], { authorization: bearer("home-token-2") }, "home"],
    ["one of several by its path", [home, lab], { pathCluster: "lab" }, "lab"],
    ["one of several by its network", [home, lab], { peer: inLab }, "lab"],
    ["one of several by an IPv4 address inside IPv6", [home, lab], { peer: `::ffff:${inHome}` }, "home"],
    ["one of several by its IPv6 network", [home, lab], { peer: "fd00:10::99" }, "home"],
    ["nobody of several without evidence", [home, lab], {}, "unclear"],
    [
      "nobody of several from loopback, though a network lists it",
      [home, lab],
      { peer: "127.0.0.1" },
      "unclear",
    ],
    ["nobody of several from mapped loopback", [home, lab], { peer: "::ffff:127.0.0.1" }, "unclear"],
    ["nobody of several from IPv6 loopback", [home, lab], { peer: "::1" }, "unclear"],
    ["nobody of several over a Unix socket", [home, lab], { peer: undefined }, "unclear"],
    [
      "one of several over a Unix socket by its path",
      [home, lab],
      { peer: undefined, pathCluster: "lab" },
      "lab",
    ],
    [
      "one of several from loopback by its path",
      [home, lab],
      { peer: "127.0.0.1", pathCluster: "bare" },
      "unclear",
    ],
    ["one without networks by its path", [home, bare], { pathCluster: "bare" }, "bare"],
    ["nobody by a path that names none of them", [home, lab], { pathCluster: "other" }, "unclear"],
    [
      "nobody by a path that names none of them, though the network says one",
      [home, lab],
      { pathCluster: "other", peer: inHome },
      "unclear",
    ],

    [
      "one, when token, path and network agree",
      [home, lab],
      { authorization: bearer("lab-token"), pathCluster: "lab", peer: inLab },
      "lab",
    ],
    [
      "one by its token, from an address of nobody",
      [home, lab],
      { authorization: bearer("lab-token"), peer: nowhere },
      "lab",
    ],
    [
      "nobody, when token and path disagree",
      [home, lab],
      { authorization: bearer("lab-token"), pathCluster: "home" },
      "unclear",
    ],
    [
      "nobody, when token and network disagree",
      [home, lab],
      { authorization: bearer("lab-token"), peer: inHome },
      "unclear",
    ],
    ["nobody, when path and network disagree", [home, lab], { pathCluster: "lab", peer: inHome }, "unclear"],
    [
      "one by its network, with a stranger's bearer",
      [home, lab],
      { authorization: bearer("kyverno"), peer: inLab },
      "lab",
    ],

    ["nobody, when the network's cluster wants a token", [strict(home), lab], { peer: inHome }, "unclear"],
    [
      "nobody, when the path's cluster wants a token",
      [strict(home), lab],
      { pathCluster: "home" },
      "unclear",
    ],
    [
      "nobody, when the cluster gets another's token",
      [strict(home), lab],
      { peer: inHome, authorization: bearer("lab-token") },
      "unclear",
    ],
    [
      "one that wants a token and gets it",
      [strict(home), lab],
      { peer: inHome, authorization: bearer("home-token") },
      "home",
    ],
    ["another one, though the first wants tokens", [strict(home), lab], { peer: inLab }, "lab"],

    ["one, whatever the case of the scheme", [home, lab], { authorization: "bEARER lab-token" }, "lab"],
    ["nobody by another scheme", [home, lab], { authorization: "Basic lab-token" }, "unclear"],
    ["nobody by a token's beginning", [home, lab], { authorization: bearer("lab-toke") }, "unclear"],
    ["nobody by a token's hash", [home, lab], { authorization: bearer(hash("lab-token")) }, "unclear"],
    [
      "nobody by two tokens at once",
      [home, lab],
      { authorization: "Bearer lab-token home-token" },
      "unclear",
    ],
    ["nobody by an empty bearer", [home, lab], { authorization: "Bearer " }, "unclear"],
    [
      "nobody by a token that two clusters have",
      [home, { ...lab, tokens: home.tokens }],
      { authorization: bearer("home-token") },
      "unclear",
    ],
    [
      "nobody in networks that overlap after all",
      [home, { ...lab, networks: ["192.168.0.0/16"] }],
      { peer: inHome },
      "unclear",
    ],
  ])("%s", (_, clusters, evidence, expected) => {
    expect(resolved(clusters, evidence)).toBe(expected)
  })

  it("says the same again when it is asked again", () => {
    const resolver = createResolver([home, lab])
    const ask = (peer: string): unknown => resolver.resolve(evidenceOf({ peer }))
    const first = [inHome, inLab, nowhere].map(ask)
    expect([inHome, inLab, nowhere].map(ask)).toEqual(first)
  })

  it("says what disagrees, and never the token", () => {
    const unclear = createResolver([home, lab]).resolve(
      evidenceOf({ authorization: bearer("lab-token"), peer: inHome }),
    )
    expect(unclear).toEqual({
      kind: "unclear",
      message: "It is not certain which cluster asks: the token says lab, the client's address says home.",
      hint: expect.stringContaining("correct the cluster's networks") as unknown,
    })
    expect(JSON.stringify(unclear)).not.toContain("lab-token")
  })

  it("refuses a network that is none", () => {
    expect(() => createResolver([{ ...home, networks: ["home"] }])).toThrow("not a network")
    expect(() => createResolver([home], ["proxy"])).toThrow("not a network")
  })
})

describe("the address behind a proxy", () => {
  const proxy = "172.16.0.1"
  const hops = ["172.16.0.0/24"]

  it.each<
    [
      what: string,
      peer: string | undefined,
      forwardedFor: string | undefined,
      hops: string[],
      client: string | undefined,
    ]
  >([
    ["is the peer when no hop is configured", proxy, inHome, [], proxy],
    ["is the peer when it is no configured hop", "172.16.9.1", inHome, hops, "172.16.9.1"],
    ["is what a configured hop says", proxy, inHome, hops, inHome],
    ["is what a configured hop says over mapped IPv6", `::ffff:${proxy}`, inHome, hops, inHome],
    ["is the last that was not written by the client itself", proxy, `${inLab}, ${inHome}`, hops, inHome],
    ["is found behind two configured hops", proxy, `${inHome}, 172.16.0.2`, hops, inHome],
    ["is a hop itself when nothing is before it", proxy, "172.16.0.2", hops, "172.16.0.2"],
    ["is the hop when it says nothing", proxy, undefined, hops, proxy],
    ["is not known when a hop says what is no address", proxy, "unknown", hops, undefined],
    ["is not known when a hop says an empty name", proxy, "", hops, undefined],
    ["is not known on a Unix socket", undefined, inHome, hops, undefined],
  ])("%s", (_, peer, forwardedFor, trusted, client) => {
    expect(createResolver([home, lab], trusted).clientOf({ peer, forwardedFor })).toBe(client)
  })

  it("identifies the cluster", () => {
    expect(resolved([home, lab], { peer: proxy, forwardedFor: inLab }, hops)).toBe("lab")
    expect(resolved([home, lab], { peer: proxy, forwardedFor: "garbage" }, hops)).toBe("unclear")
    expect(resolved([home, lab], { peer: inHome, forwardedFor: inLab }, hops)).toBe("home")
  })

  it("does not make a remote client loopback", () => {
    expect(resolved([home, lab], { peer: proxy, forwardedFor: "127.0.0.1" }, hops)).toBe("unclear")
  })
})

describe("networks of several clusters", () => {
  const named = (name: string, ...networks: string[]) => ({ name, networks })

  it("are told when they overlap", () => {
    expect(
      overlappingNetworks([named("a", "10.0.0.0/8"), named("b", "192.168.0.0/16", "10.9.0.0/16")]),
    ).toEqual([
      { first: { cluster: "a", network: "10.0.0.0/8" }, second: { cluster: "b", network: "10.9.0.0/16" } },
    ])
  })

  it.each([
    ["side by side", named("a", "10.0.0.0/9"), named("b", "10.128.0.0/9")],
    ["of different families", named("a", "0.0.0.0/0"), named("b", "::/0")],
    [
      "both on loopback, which identifies neither",
      named("a", "127.0.0.1/32", "::1/128"),
      named("b", "127.0.0.0/8", "::1/128"),
    ],
    ["without any", named("a"), named("b")],
  ])("may be %s", (_, a, b) => {
    expect(overlappingNetworks([a, b])).toEqual([])
  })

  it("may overlap within one cluster", () => {
    expect(overlappingNetworks([named("a", "10.0.0.0/8", "10.1.0.0/16"), named("b")])).toEqual([])
  })

  it("overlap when one is written inside IPv6", () => {
    expect(overlappingNetworks([named("a", "10.0.0.0/8"), named("b", "::ffff:10.1.0.0/112")])).toHaveLength(1)
  })
})
