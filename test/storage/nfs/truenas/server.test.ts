import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { inspect } from "node:util"
import { StorageError } from "../../../../storage/errors.js"
import { TrueNasClient } from "../../../../storage/nas/truenas/index.js"
import {
  compareExports,
  type NfsClient,
  type NfsExport,
  TrueNasServer,
} from "../../../../storage/nfs/index.js"
import { Secret } from "../../../../storage/secret.js"
import { type Fault, FakeTrueNas } from "../../../support/fake-truenas.js"

const OWNER = "00112233aabbccdd"
const NETWORK = "192.168.10.0/24"

let fake: FakeTrueNas
const clients: TrueNasClient[] = []

beforeEach(async () => {
  fake = await FakeTrueNas.start()
  for (const name of ["a", "b", "c", "b c", "kept", "gone", "other"]) fake.state.dataset(`/mnt/tank/${name}`)
  fake.state.directories.set("/mnt/tank", "/mnt/tank")
  fake.state.directories.set("/mnt/tank/a/inner", "/mnt/tank/a")
})

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

function server(owner = OWNER, patience = 10_000, settleMs = 10): TrueNasServer {
  const client = new TrueNasClient({
    url: fake.url,
    fingerprint: fake.fingerprint,
    user: fake.user,
    key: new Secret(fake.key),
    times: { patience, firstBackoff: 5, longestWait: 1_000 },
  })
  clients.push(client)
  return new TrueNasServer(owner, client, settleMs)
}

const rw: NfsClient = { network: NETWORK, access: "readWrite", squash: { uid: 568, gid: 568 } }

function exported(name: string, ...networks: string[]): NfsExport {
  const clients = (networks.length === 0 ? [NETWORK] : networks).map((network) => ({ ...rw, network }))
  const path = `/mnt/tank/${name}`
  return { path, mountPoint: path, crossMounts: false, fsid: undefined, clients }
}

function withClients(name: string, ...clients: Partial<NfsClient>[]): NfsExport {
  return { ...exported(name), clients: clients.map((client) => ({ ...rw, ...client })) }
}

function apply(wanted: readonly NfsExport[], by = server(), replace = false): Promise<void> {
  return by.apply(wanted, { replace })
}

/** How what TrueNAS gave to nfsd differs from what is wanted. */
async function differences(wanted: readonly NfsExport[], by = server()): Promise<unknown[]> {
  const state = await by.state()
  return compareExports(wanted, state.active, state.settings)
}

/** Who may mount what, as nfsd was told. */
const served = (): string[] => [...fake.state.exported.keys()].sort()

/** The table of shares, without the numbers that TrueNAS gives them. */
const table = (): unknown[] =>
  [...fake.state.shares.values()].map((share) => JSON.stringify({ ...share, id: 0 })).sort()

async function failure(work: Promise<unknown>): Promise<StorageError> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (error instanceof StorageError) return error
  throw new Error(`it did not fail as it should: ${inspect(error)}`)
}

const only = <T>(values: Iterable<T>): T => {
  const [first, ...others] = [...values]
  if (first === undefined || others.length > 0) throw new Error(`not one: ${inspect([...values])}`)
  return first
}

describe("applying exports to TrueNAS", () => {
  it("exports exactly what is wanted, and then exactly what is wanted next", async () => {
    const [a, b, c] = [exported("a"), exported("b c"), exported("c")]
    await apply([a, b])
    expect(await differences([a, b])).toEqual([])
    expect([...fake.state.exported]).toEqual([
      [`/mnt/tank/a ${NETWORK}`, "sec=sys,rw,anonuid=568,anongid=568,all_squash,no_subtree_check"],
      [`/mnt/tank/b c ${NETWORK}`, "sec=sys,rw,anonuid=568,anongid=568,all_squash,no_subtree_check"],
    ])
    await apply([b, c, exported("a", "10.0.0.0/8")])
    expect(await differences([b, c, exported("a", "10.0.0.0/8")])).toEqual([])
    expect(served()).toHaveLength(3)
    await apply([])
    expect(served()).toEqual([])
    expect(fake.state.shares.size).toBe(0)
  })

  it("gives what it applied back as it was, networks in their one spelling", async () => {
    const wanted = [
      withClients("a", { network: "10.0.0.7/8" }, { network: "fd00:0:0:1::9/64", access: "readOnly" }),
      withClients("b", { squash: undefined }),
    ]
    await apply(wanted)
    expect((await server().state()).own).toEqual([
      withClients("a", { network: "10.0.0.0/8" }, { network: "fd00:0:0:1::/64", access: "readOnly" }),
      withClients("b", { squash: undefined }),
    ])
    expect(await server().plan(wanted, { replace: false })).toEqual({ added: [], removed: [] })
    expect(await differences(wanted)).toEqual([])
  })

  it("says before what would change, line by line", async () => {
    const [a, b] = [exported("a"), exported("b")]
    await apply([a])
    const before = table()
    expect(await server().plan([b], { replace: false })).toEqual({
      added: [
        `/mnt/tank/b ${NETWORK}(rw,sync,no_subtree_check,secure,root_squash,all_squash,anonuid=568,anongid=568,sec=sys)`,
      ],
      removed: [
        `/mnt/tank/a ${NETWORK}(rw,sync,no_subtree_check,secure,root_squash,all_squash,anonuid=568,anongid=568,sec=sys)`,
      ],
    })
    expect(await server().plan([a], { replace: false })).toEqual({ added: [], removed: [] })
    expect(table()).toEqual(before)
  })

  it("makes a share for each access and each user of one path", async () => {
    const wanted = withClients(
      "a",
      { network: "10.1.0.0/16" },
      { network: "10.2.0.0/16" },
      { network: "10.3.0.0/16", access: "readOnly" },
      { network: "10.4.0.0/16", squash: { uid: 3000, gid: 3000 } },
      { network: "10.5.0.0/16", squash: undefined },
    )
    await apply([wanted])
    expect(await differences([wanted])).toEqual([])
    expect(
      [...fake.state.shares.values()].map(({ networks, ro, mapall_user }) => [networks, ro, mapall_user]),
    ).toEqual([
      [["10.1.0.0/16", "10.2.0.0/16"], false, "apps"],
      [["10.3.0.0/16"], true, "apps"],
      [["10.4.0.0/16"], false, "mover"],
      [["10.5.0.0/16"], false, null],
    ])
    expect(fake.state.exported.get("/mnt/tank/a 10.5.0.0/16")).toBe("sec=sys,rw,no_subtree_check")
  })

  it("changes a share in place, and never leaves one without clients", async () => {
    await apply([exported("a", "10.1.0.0/16", "10.2.0.0/16"), exported("b")])
    const ids = [...fake.state.shares.keys()]
    await apply([
      withClients(
        "a",
        { network: "10.2.0.0/16", access: "readOnly" },
        { network: "10.3.0.0/16", access: "readOnly" },
      ),
      exported("b"),
    ])
    expect([...fake.state.shares.keys()]).toEqual(ids)
    expect(served()).toEqual([`/mnt/tank/a 10.2.0.0/16`, `/mnt/tank/a 10.3.0.0/16`, `/mnt/tank/b ${NETWORK}`])
    await apply([exported("a", "10.9.0.0/16"), exported("b")])
    for (const [share] of fake.callsOf("sharing.nfs.create"))
      expect(share).not.toMatchObject({ networks: [] })
    for (const [, changes] of fake.callsOf("sharing.nfs.update")) {
      expect((changes as { networks?: unknown[] }).networks ?? ["unchanged"]).not.toEqual([])
      expect(changes).not.toHaveProperty("hosts")
    }
  })

  it("swaps what two clients may, though TrueNAS never lets two shares have one", async () => {
    const [first, second] = ["10.1.0.0/16", "10.2.0.0/16"]
    await apply([withClients("a", { network: first }, { network: second, access: "readOnly" })])
    const swapped = withClients("a", { network: first, access: "readOnly" }, { network: second })
    await apply([swapped])
    expect(await differences([swapped])).toEqual([])
  })

  it("leaves the shares alone that do not change", async () => {
    await apply([exported("a"), exported("b")])
    const calls = fake.calls.length
    await apply([exported("a"), exported("b"), exported("c")])
    const written = fake.calls
      .slice(calls)
      .filter(({ method }) => /nfs\.(create|update|delete)$/.test(method))
    expect(written.map(({ method }) => method)).toEqual(["sharing.nfs.create"])
  })

  it.each(["v25.04.0", "v25.10.0"])("keeps to 42 networks for each share of %s", async (version) => {
    fake.versions = [version]
    fake.state.mostNetworks = 42
    const networks = Array.from({ length: 100 }, (_, at) => `10.${at}.0.0/16`)
    const wanted = [exported("a", ...networks.slice(1))]
    await apply(wanted)
    expect(fake.state.shares.size).toBe(3)
    expect(await differences(wanted)).toEqual([])
    const more = [exported("a", ...networks)]
    const calls = fake.calls.length
    await apply(more)
    expect(await differences(more)).toEqual([])
    // The clients that were there before stay in the shares that they were in.
    const written = fake.calls
      .slice(calls)
      .filter(({ method }) => /nfs\.(create|update|delete)$/.test(method))
    expect(written).toHaveLength(1)
  })

  it("sends only the fields that every version knows", async () => {
    await apply([exported("a")])
    const [share] = only(fake.callsOf("sharing.nfs.create"))
    expect(Object.keys(share as object).sort()).toEqual(
      [
        ...["comment", "enabled", "hosts", "mapall_group", "mapall_user", "maproot_group", "maproot_user"],
        ...["networks", "path", "ro", "security"],
      ].sort(),
    )
    const { comment } = share as { comment: string }
    expect(comment).toMatch(/^cistern:00112233aabbccdd:568\.568:[0-9a-f]{32} /)
    expect(comment.length).toBeLessThanOrEqual(120)
  })

  it("has room for the largest numbers in the comment", async () => {
    fake.state.users.set("large", 0xffff_fffe)
    fake.state.groups.set("large", 0xffff_fffe)
    await apply([withClients("a", { squash: { uid: 0xffff_fffe, gid: 0xffff_fffe } })])
    expect(only(fake.state.shares.values()).comment.length).toBeLessThanOrEqual(120)
  })

  it("has TrueNAS write its exports anew where the shares are right and it left one out", async () => {
    await apply([exported("a")])
    fake.state.users.delete("apps")
    fake.state.render()
    expect(served()).toEqual([])
    fake.state.users.set("apps", 568)
    await apply([exported("a")])
    expect(served()).toEqual([`/mnt/tank/a ${NETWORK}`])
  })
})

describe("what others export on TrueNAS", () => {
  it("is left alone, and seen", async () => {
    fake.state.addShare({ path: "/mnt/tank/other", comment: "somebody's", hosts: ["node1.example.net"] })
    fake.state.addShare({ path: "/mnt/tank/b", comment: "cistern", networks: ["10.0.0.0/8"], ro: true })
    const before = table()
    await apply([exported("a")])
    await apply([])
    expect(table()).toEqual(before)
    expect((await server().state()).active).toMatchObject([
      { path: "/mnt/tank/other", client: "node1.example.net" },
      { path: "/mnt/tank/b", client: "10.0.0.0/8" },
    ])
  })

  it("to everybody is seen as that", async () => {
    fake.state.addShare({ path: "/mnt/tank/other" })
    expect((await server().state()).active).toMatchObject([{ path: "/mnt/tank/other", client: "*" }])
    expect(await differences([exported("other")])).toMatchObject([
      { kind: "missing" },
      { kind: "foreign", client: "*", writes: true },
    ])
  })

  it("in the words of exports(5) is what nfsd was told", async () => {
    fake.state.addShare({
      path: "/mnt/tank/a/inner",
      ro: true,
      networks: ["10.1.0.0/16"],
      security: ["KRB5P"],
    })
    fake.state.addShare({ path: "/mnt/tank/b", hosts: ["*"], maproot_user: "root", maproot_group: "root" })
    fake.state.addShare({ path: "/mnt/tank/c", hosts: ["x"], maproot_user: "mover", maproot_group: "mover" })
    fake.state.allowNonRoot = true
    expect((await server().state()).active).toEqual([
      {
        path: "/mnt/tank/a/inner",
        client: "10.1.0.0/16",
        options: ["ro", "subtree_check", "insecure", "root_squash", "no_all_squash", "sec=krb5p"],
      },
      {
        path: "/mnt/tank/b",
        client: "*",
        options: [
          ...["rw", "no_subtree_check", "insecure", "no_root_squash", "no_all_squash"],
          ...["anonuid=0", "anongid=0", "sec=sys"],
        ],
      },
      {
        path: "/mnt/tank/c",
        client: "x",
        options: [
          ...["rw", "no_subtree_check", "insecure", "root_squash", "no_all_squash"],
          ...["anonuid=3000", "anongid=3000", "sec=sys"],
        ],
      },
    ])
  })

  it.each([
    ["is not enabled", (): unknown => fake.state.addShare({ path: "/mnt/tank/b", enabled: false })],
    [
      "is of a locked dataset",
      (): unknown => {
        fake.state.locked.add("/mnt/tank/b")
        return fake.state.addShare({ path: "/mnt/tank/b" })
      },
    ],
    ["is of a directory that is gone", (): unknown => fake.state.addShare({ path: "/mnt/tank/nothing" })],
  ])("%s is not taken for exported", async (_, make) => {
    make()
    expect((await server().state()).active).toEqual([])
  })

  it("is another Cistern's: each keeps to its own", async () => {
    const [one, other] = [server(), server("ffffffffffffffff")]
    await apply([exported("a")], one)
    await apply([exported("b")], other)
    await apply([exported("c")], one)
    expect(served()).toEqual([`/mnt/tank/b ${NETWORK}`, `/mnt/tank/c ${NETWORK}`])
    await apply([], one, true)
    expect(served()).toEqual([`/mnt/tank/b ${NETWORK}`])
    expect((await other.state()).own).toEqual([exported("b")])
    expect((await one.state()).own).toEqual([])
  })
})

describe("when TrueNAS does not take them", () => {
  it("the ones before are back", async () => {
    await apply([exported("a")])
    const before = table()
    fake.meanwhile("sharing.nfs.create", () => fake.state.directories.delete("/mnt/tank/b"))
    expect(await failure(apply([exported("a"), exported("b")]))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("sharing.nfs.create") as string,
      hint: expect.stringContaining("The exports of before are back") as string,
    })
    expect(table()).toEqual(before)
  })

  it("what was to be withdrawn is withdrawn all the same", async () => {
    await apply([exported("gone"), exported("kept", NETWORK, "10.0.0.0/8")])
    const readOnly = withClients("kept", { access: "readOnly" })
    fake.meanwhile("sharing.nfs.create", () => fake.state.directories.delete("/mnt/tank/b"))
    expect(await failure(apply([readOnly, exported("b")]))).toMatchObject({ code: "unsupported" })
    expect((await server().state()).own).toEqual([readOnly])
    expect(served()).toEqual([`/mnt/tank/kept ${NETWORK}`])
    expect(fake.state.exported.get(`/mnt/tank/kept ${NETWORK}`)).not.toContain("rw")
  })

  it("because nfsd does not come up after a share was written, that share is taken back", async () => {
    await apply([exported("a")])
    const before = table()
    fake.meanwhile("sharing.nfs.create", () => (fake.state.reloadFails = true))
    fake.meanwhile("sharing.nfs.delete", () => (fake.state.reloadFails = false))
    expect(await failure(apply([exported("a"), exported("b")]))).toMatchObject({
      code: "io",
      facts: { errname: "ESERVICESTARTFAILURE" },
    })
    expect(table()).toEqual(before)
  })

  it("because it left the share out and says so by an alert that comes later, that is noticed", async () => {
    fake.meanwhile("sharing.nfs.create", () => {
      setTimeout(() => {
        fake.state.standingAlerts.push({
          klass: "NFSexportMappingInvalidNames",
          args: { share_list: "(/mnt/tank/other: x),(/mnt/tank/a: apps)" },
        })
      }, 8)
    })
    expect(await failure(apply([exported("a")], server(OWNER, 10_000, 100)))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("/mnt/tank/a is left out because of a name") as string,
    })
    expect(served()).toEqual([])
  })

  it("but not because of an alert about another share", async () => {
    fake.state.standingAlerts.push(
      {
        klass: "NFSexportMappingInvalidNames",
        args: { share_list: "(/mnt/tank/a/inner: x),(/mnt/tank/ab: y)" },
      },
      { klass: "NFSHostnameLookupFail", args: { hosts: "node1" } },
      { klass: "ZpoolCapacityWarning", args: { volume: "tank", capacity: 81 } },
    )
    await apply([exported("a")])
    expect(served()).toEqual([`/mnt/tank/a ${NETWORK}`])
  })

  it.each([
    [{ klass: "NFSblockedByExportsDir", args: { entries: ["x"] } }, "exports nothing"],
    [{ klass: "NFSexportMappingInvalidNames", args: "something else" }, "leaves shares out"],
  ])("because of an alert about all of them, %j", async (alert, what) => {
    fake.state.standingAlerts.push(alert)
    expect((await failure(apply([exported("a")]))).message).toContain(what)
    expect(served()).toEqual([])
  })

  it("because a user lost its name meanwhile, that is noticed", async () => {
    // Two readings before the share is made, and one after.
    fake.meanwhile(
      "sharing.nfs.query",
      () => {
        fake.state.users.delete("apps")
        fake.state.render()
      },
      2,
    )
    expect((await failure(apply([exported("a")]))).message).toContain(
      `/mnt/tank/a is not exported to ${NETWORK}`,
    )
    expect(fake.state.shares.size).toBe(0)
  })

  it("because the last one is still exported by somebody else, that is named", async () => {
    await apply([exported("a")])
    // Three readings until it is deleted.
    const share = { path: "/mnt/tank/a", networks: [NETWORK] }
    fake.meanwhile("sharing.nfs.query", () => fake.state.addShare(share), 3)
    await expect(apply([])).rejects.toThrow(`/mnt/tank/a is still exported to ${NETWORK}`)
    expect((await server().state()).own).toEqual([])
  })

  it("an export that must not be is refused before anything is written", async () => {
    expect(await failure(apply([{ ...exported("a"), path: "/" }]))).toMatchObject({ code: "invalid" })
    expect(fake.calls).toEqual([])
  })
})

describe("what TrueNAS cannot export as it is wanted", () => {
  const cases: [string, () => NfsExport][] = [
    ["does not lie in /mnt", () => ({ ...exported("a"), path: "/srv/a", mountPoint: "/srv/a" })],
    ["TrueNAS has no such directory", () => exported("nothing")],
    ["for which TrueNAS sets subtree_check", () => ({ ...exported("a/inner") })],
    ["there are datasets in it", () => ({ ...exported("a"), crossMounts: true })],
    ["it is not on ZFS", () => ({ ...exported("a"), fsid: "00000000-0000-0000-0000-000000000000" })],
    ["no network that begins at zero", () => withClients("a", { network: "0.0.0.0/0", access: "readOnly" })],
    ["netgroups", () => withClients("a", { network: "@movers", access: "readOnly" })],
    ["no network that begins at zero", () => withClients("a", { network: "::/16", access: "readOnly" })],
    ["there is no user with the number 1234", () => withClients("a", { squash: { uid: 1234, gid: 568 } })],
    ["there is no group with the number 1234", () => withClients("a", { squash: { uid: 568, gid: 1234 } })],
    [
      "which is not Cistern's, exports it to 192.168.10.0/24 already",
      () => {
        fake.state.addShare({ path: "/mnt/tank/a", networks: ["192.168.0.0/16"], enabled: false })
        return exported("a")
      },
    ],
    [
      "which is not Cistern's, exports it to 192.168.10.0/24 already",
      () => {
        fake.state.addShare({ path: "/mnt/tank/a" })
        return exported("a")
      },
    ],
  ]

  it.each(cases)("is named, with what to do: %s", async (what, make) => {
    const wrong = make()
    await apply([exported("gone"), exported("kept")])
    const shares = fake.state.shares.size
    expect(await server().refusals([wrong, exported("kept")])).toEqual([
      {
        path: wrong.path,
        message: expect.stringContaining(what) as string,
        hint: expect.any(String) as string,
      },
    ])
    const creates = fake.callsOf("sharing.nfs.create").length
    expect(await failure(apply([exported("kept"), wrong]))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(what) as string,
    })
    // Nothing was given to anybody, and what was to be withdrawn is.
    expect(fake.callsOf("sharing.nfs.create")).toHaveLength(creates)
    expect(fake.state.shares.size).toBe(shares - 1)
    expect((await server().state()).own).toEqual([exported("kept")])
  })

  it("is nothing while its service is stopped, which is not started", async () => {
    await apply([exported("gone")])
    fake.state.running = false
    const error = await failure(apply([exported("a")]))
    expect(error).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("service is stopped") as string,
      hint: expect.stringContaining("Cistern does not start it") as string,
    })
    expect(fake.state.shares.size).toBe(0)
    expect((await server().state()).running).toBe(false)
    expect(fake.calls.filter(({ method }) => /service\.(control|start|update)/.test(method))).toEqual([])
  })

  it("is withdrawn from a stopped service too", async () => {
    await apply([exported("a")])
    fake.state.running = false
    await apply([])
    expect(fake.state.shares.size).toBe(0)
  })

  it("is nothing while every user of a client may mount", async () => {
    fake.state.allowNonRoot = true
    expect((await failure(apply([exported("a")]))).hint).toContain("Allow Non-root Mount")
    expect(fake.state.shares.size).toBe(0)
  })
})

describe("a share of ours that is not as it was left", () => {
  const changes: [string, () => void][] = [
    ["read-only", () => (only(fake.state.shares.values()).ro = true)],
    ["other networks", () => (only(fake.state.shares.values()).networks = ["10.0.0.0/8", NETWORK])],
    ["everybody", () => (only(fake.state.shares.values()).networks = [])],
    ["a host", () => (only(fake.state.shares.values()).hosts = ["node1"])],
    ["another path", () => (only(fake.state.shares.values()).path = "/mnt/tank/other")],
    ["not enabled", () => (only(fake.state.shares.values()).enabled = false)],
    ["another user", () => (only(fake.state.shares.values()).mapall_user = "mover")],
    [
      "root stays root",
      () =>
        Object.assign(only(fake.state.shares.values()), {
          mapall_user: null,
          mapall_group: null,
          maproot_user: "root",
        }),
    ],
    ["Kerberos", () => (only(fake.state.shares.values()).security = ["KRB5"])],
    ["a cut comment", () => (only(fake.state.shares.values()).comment = `cistern:${OWNER}:568.568:`)],
    [
      "a copy elsewhere",
      () => {
        const { comment, networks } = only(fake.state.shares.values())
        fake.state.addShare({ path: "/mnt/tank/c", comment, networks })
      },
    ],
  ]

  it.each(changes)("but %s: it is refused, and only replaced when that is said", async (_, change) => {
    await apply([exported("a")])
    change()
    const was = table()
    expect((await server().state()).own).toBeUndefined()
    for (const work of [
      () => server().plan([exported("b")], { replace: false }),
      () => apply([exported("b")]),
    ]) {
      expect(await failure(work())).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("was changed by hand") as string,
        hint: expect.stringContaining("--replace") as string,
      })
    }
    expect(table()).toEqual(was)
    expect((await server().plan([exported("b")], { replace: true })).removed).not.toEqual([])
    await apply([exported("a"), exported("b")], server(), true)
    expect(await differences([exported("a"), exported("b")])).toEqual([])
    expect((await server().state()).own).toEqual([exported("a"), exported("b")])
    expect(
      only([...fake.state.shares.values()].filter(({ path }) => path === "/mnt/tank/a")).security,
    ).toEqual(["SYS"])
  })

  it("has its clients in order, or spelled otherwise: that is as it was left", async () => {
    await apply([exported("a", "10.1.0.0/16", "fd00:1::/64")])
    only(fake.state.shares.values()).networks = ["fd00:0001:0::/64", "10.1.0.0/16"]
    expect((await server().state()).own).toEqual([exported("a", "10.1.0.0/16", "fd00:1::/64")])
  })

  it("because its user has another number now: what is exported differs, and apply squashes to the right one", async () => {
    await apply([exported("a")])
    fake.state.users.set("apps", 999)
    fake.state.users.set("newapps", 568)
    expect((await server().state()).own).toEqual([exported("a")])
    expect(await differences([exported("a")])).toMatchObject([{ kind: "different", active: ["anonuid=999"] }])
    await apply([exported("a")])
    expect(await differences([exported("a")])).toEqual([])
    expect(only(fake.state.shares.values()).mapall_user).toBe("newapps")
  })
})

describe("a change by somebody else while it is applied", () => {
  it.each(["sharing.nfs.query", "service.query", "user.query"])(
    "before a share is written, seen at %s: that share is not touched",
    async (method) => {
      await apply([exported("a", NETWORK, "10.0.0.0/8"), exported("gone")])
      const share = only([...fake.state.shares.values()].filter(({ path }) => path === "/mnt/tank/a"))
      const skip = method === "sharing.nfs.query" ? 1 : 0
      fake.meanwhile(
        method,
        () => {
          share.networks = [NETWORK, "172.16.0.0/12"]
        },
        skip,
      )
      const error = await failure(apply([exported("a"), exported("b")]))
      expect(error).toMatchObject({
        code: "unstable",
        message: expect.stringContaining("meanwhile") as string,
      })
      expect(error.facts["undone"]).toBeUndefined()
      expect(fake.state.shares.get(share.id)?.networks).toEqual([NETWORK, "172.16.0.0/12"])
      expect([...fake.state.shares.values()].map(({ path }) => path)).toEqual(["/mnt/tank/a"])
    },
  )

  it("that is a second daemon with the same declarations: no path is there twice, and the next apply is complete", async () => {
    const wanted = [exported("a"), exported("b")]
    const results = await Promise.allSettled([apply(wanted), apply(wanted)])
    for (const result of results) {
      if (result.status === "rejected")
        expect(["unsupported", "unstable"]).toContain((result.reason as StorageError).code)
    }
    const paths = [...fake.state.shares.values()].map(({ path }) => path)
    expect(new Set(paths).size).toBe(paths.length)
    expect((await server().state()).own).toBeDefined()
    await apply(wanted)
    expect(await differences(wanted)).toEqual([])
  })
})

describe("what goes wrong with any call of an apply", () => {
  const before = [exported("a", "10.0.0.0/8", NETWORK), exported("gone")]
  const wanted = [exported("a", NETWORK, "172.16.0.0/12"), exported("b"), exported("c")]
  // What was there before, without the network and the path that are withdrawn.
  const left = [exported("a")]

  const faults: Fault[] = [
    ...([
      "signed-out",
      "rate-limit",
      "forbidden",
      "silent",
      "hang-up",
      "hang-up-after",
      "cut",
      "nonsense",
    ] as const),
  ]

  it.each(faults)(
    "%s: all or nothing of it is there, nobody keeps what was withdrawn, and it is said",
    async (fault) => {
      fake.mostLogins = Infinity
      const [by, observer] = [server(OWNER, fault === "silent" ? 200 : undefined), server()]
      await apply(before, observer)
      const start = new Map([...fake.state.shares].map(([id, share]) => [id, { ...share }]))
      const first = fake.calls.length
      await apply(wanted, by)
      const methods = fake.calls.slice(first).map(({ method }) => method)
      const goal = table()
      expect(methods.filter((method) => method.endsWith(".create"))).toHaveLength(2)
      const said: unknown[] = []
      for (const at of methods.keys()) {
        const method = methods[at] ?? ""
        if (method === "auth.login_ex") continue
        fake.state.shares.clear()
        for (const [id, share] of start) fake.state.shares.set(id, { ...share })
        fake.state.render()
        fake.mend()
        fake.break(method, fault, { skip: methods.slice(0, at).filter((one) => one === method).length })
        const result = await apply(wanted, by).catch((error: unknown) => error)
        fake.mend()
        const where = `${fault} at call ${at}, ${method}`
        const state = await observer.state()
        expect(state.own, where).toBeDefined()
        if (result === undefined) {
          expect(table(), where).toEqual(goal)
          continue
        }
        said.push(result)
        expect(result, where).toBeInstanceOf(StorageError)
        const error = result as StorageError
        expect(error.hint, where).toBeTruthy()
        // The very first calls: nothing is known yet, so nothing was begun.
        const untouched = JSON.stringify(state.own) === JSON.stringify(before)
        if (untouched) expect(at, where).toBeLessThan(methods.indexOf("sharing.nfs.update"))
        else expect(state.own, where).toEqual(left)
        expect(error.facts["undone"], where).toBeUndefined()
      }
      if (fault !== "signed-out") expect(said.length).toBeGreaterThan(5)
      expect(inspect(said, { depth: 20 })).not.toContain(fake.key)
    },
  )

  it("a key that is no longer accepted in the middle: it is said that it could not be undone, and the next apply completes it", async () => {
    await apply(before)
    fake.break("sharing.nfs.create", "signed-out", { skip: 1 })
    fake.meanwhile("sharing.nfs.create", () => (fake.loginAnswer = { response_type: "EXPIRED" }))
    const error = await failure(apply(wanted))
    expect(error).toMatchObject({
      code: "unreadable",
      facts: { undone: false },
      message: expect.stringContaining("could not be undone") as string,
      hint: expect.stringContaining("apply again") as string,
    })
    fake.loginAnswer = undefined
    // Nobody has more than is wanted, and what there is is ours and sound.
    const state = await server().state()
    expect(compareExports(wanted, state.active, state.settings).map(({ kind }) => kind)).not.toContain(
      "foreign",
    )
    expect(state.own).toBeDefined()
    await apply(wanted)
    expect(await differences(wanted)).toEqual([])
  })

  it("TrueNAS is away for a moment: what was given is taken back when it answers", async () => {
    await apply(before)
    fake.break("sharing.nfs.create", "hang-up-after")
    // Two readings at the start, and two for each of three steps before that one.
    fake.break("sharing.nfs.query", "hang-up", { skip: 8, times: 2 })
    const error = await failure(apply([exported("a", NETWORK, "172.16.0.0/12"), exported("b")]))
    expect(error.code).toBe("io")
    expect(error.facts["undone"]).toBeUndefined()
    expect((await server().state()).own).toEqual(left)
    expect(fake.callsOf("sharing.nfs.create")).toHaveLength(3)
  })

  it("TrueNAS stays away: that is said, and the next apply completes it", async () => {
    await apply(before)
    fake.break("sharing.nfs.create", "hang-up", { skip: 1 })
    fake.break("sharing.nfs.query", "hang-up", { skip: 8, times: 100 })
    const error = await failure(apply(wanted))
    expect(error.facts["undone"]).toBe(false)
    fake.mend()
    await apply(wanted)
    expect(await differences(wanted)).toEqual([])
  })
})
