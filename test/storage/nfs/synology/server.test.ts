import { inspect } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import { StorageError } from "../../../../storage/errors.js"
import {
  compareExports,
  type NfsClient,
  type NfsExport,
  type OwnRules,
  type OwnRulesStore,
  parseOwnRules,
  SynologyServer,
} from "../../../../storage/nfs/index.js"
import { clientOf } from "../../../support/dsm-client.js"
import { FakeDsm, type Fault } from "../../../support/fake-dsm.js"
import { type FakeRule, ruleByHand } from "../../../support/fake-dsm-apis.js"

const SAVE = "SYNO.Core.FileServ.NFS.SharePrivilege save"
const LOAD = "SYNO.Core.FileServ.NFS.SharePrivilege load"

let dsm: FakeDsm
let store: KeptRules
let server: SynologyServer

beforeEach(async () => {
  dsm = await FakeDsm.start({ secure: false })
  store = new KeptRules()
  server = new SynologyServer(clientOf(dsm), store)
})

/** As a file would keep it. */
class KeptRules implements OwnRulesStore {
  text: string | undefined

  constructor(text?: string) {
    this.text = text
  }

  read(): OwnRules | undefined {
    return this.text === undefined ? undefined : parseOwnRules(JSON.parse(this.text), "rules.json")
  }

  write(rules: OwnRules): void {
    this.text = JSON.stringify(rules)
  }
}

const ADMIN = { uid: 1024, gid: 100 }

function client(network: string, changes: Partial<NfsClient> = {}): NfsClient {
  return { network, access: "readWrite", squash: ADMIN, ...changes }
}

function exported(path: string, ...clients: (NfsClient | string)[]): NfsExport {
  return {
    path,
    mountPoint: undefined,
    crossMounts: false,
    fsid: undefined,
    clients: clients.map((one) => (typeof one === "string" ? client(one) : one)),
  }
}

function apply(wanted: readonly NfsExport[], by = server, replace = false): Promise<void> {
  return by.apply(wanted, { replace })
}

function another(own: OwnRulesStore = new KeptRules()): SynologyServer {
  return new SynologyServer(clientOf(dsm), own)
}

const rules = (name = "backup"): FakeRule[] => dsm.nas.share(name).rules
const clientsOf = (name = "backup"): unknown[] => rules(name).map((rule) => rule["client"])

async function differences(wanted: readonly NfsExport[], by = server): Promise<unknown[]> {
  const { active, settings } = await by.state()
  return compareExports(wanted, active, settings)
}

describe("applying exports to DSM", () => {
  it("exports exactly what is wanted, and then exactly what is wanted next", async () => {
    dsm.nas.addShare("vault")
    const [a, b] = [exported("/volume1/backup", "10.20.0.0/16"), exported("/volume1/vault", "10.0.0.7/32")]
    await apply([a, b])
    expect(await differences([a, b])).toEqual([])
    const next = [
      exported("/volume1/vault", "10.0.0.7/32", "fd00::/64"),
      exported("/volume2/media", "10.9.0.0/24"),
    ]
    await apply(next)
    expect(await differences(next)).toEqual([])
    expect(rules("backup")).toEqual([])
    await apply([])
    expect((await server.state()).active).toEqual([])
  })

  it("sends every field, and none of the dialog's own defaults", async () => {
    await apply([{ ...exported("/volume1/backup", "10.20.3.0/16"), crossMounts: true }])
    expect(rules()).toEqual([
      {
        client: "10.20.0.0/16",
        privilege: "rw",
        root_squash: "all_admin",
        async: false,
        insecure: false,
        crossmnt: true,
        security_flavor: { sys: true, kerberos: false, kerberos_integrity: false, kerberos_privacy: false },
      },
    ])
  })

  it.each([
    [undefined, "guest"],
    [{ uid: 1024, gid: 100 }, "all_admin"],
    [{ uid: 1025, gid: 100 }, "all_guest"],
  ])("has the squash %j as %s", async (squash, word) => {
    const wanted = [exported("/volume1/backup", client("10.0.0.0/8", { squash, access: "readOnly" }))]
    await apply(wanted)
    expect(rules()[0]).toMatchObject({ root_squash: word, privilege: "ro" })
    expect(await differences(wanted)).toEqual([])
  })

  it("cannot have a netgroup, and says so", async () => {
    const wanted = exported("/volume1/backup", client("@movers"))
    await expect(apply([wanted])).rejects.toMatchObject({ code: "unsupported" })
    expect(await server.refusals([wanted])).toEqual([
      expect.objectContaining({ message: expect.stringContaining("knows no netgroups (@movers)") as string }),
    ])
    expect(dsm.calls(SAVE)).toEqual([])
  })

  it.each([
    { uid: 0, gid: 0 },
    { uid: 568, gid: 568 },
    { uid: 1024, gid: 1024 },
    { uid: 1025, gid: 65534 },
  ])("cannot have the squash %j, and says which it can", async (squash) => {
    await expect(
      apply([exported("/volume1/backup", client("10.0.0.0/8", { squash }))]),
    ).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining("{ uid: 1024, gid: 100 }") as string,
    })
    expect(dsm.calls(SAVE)).toEqual([])
  })

  it("says before what would change, line by line", async () => {
    dsm.nas.addShare("two words")
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    const plan = await server.plan([exported("/volume1/two words", "10.0.0.0/8")], { replace: false })
    const options = "(rw,sync,secure,root_squash,all_squash,anonuid=1024,anongid=100,sec=sys)"
    expect(plan).toEqual({
      removed: [`/volume1/backup 10.0.0.0/8${options}`],
      added: [`/volume1/two\\040words 10.0.0.0/8${options}`],
    })
    expect(await server.plan([exported("/volume1/backup", "10.0.0.0/8")], { replace: false })).toEqual({
      added: [],
      removed: [],
    })
    expect(dsm.calls(SAVE)).toHaveLength(1)
  })

  it("saves nothing where nothing changes, so that no client is disturbed", async () => {
    dsm.nas.addShare("vault")
    const kept = exported("/volume1/backup", "10.0.0.0/8")
    await apply([kept])
    await apply([kept, exported("/volume1/vault", "10.0.0.0/8")])
    expect(dsm.calls(SAVE).map(({ fields }) => fields["share_name"])).toEqual(['"backup"', '"vault"'])
  })

  it("leaves alone what others export, as they wrote it and where it was", async () => {
    const others = [
      ruleByHand("nas2.example", { id: "1" }),
      ruleByHand("*", { privilege: "ro" }),
      ruleByHand("10.9.9.9"),
    ]
    dsm.nas.share("backup").rules = structuredClone(others.slice(0, 2))
    await apply([exported("/volume1/backup", "10.0.0.0/16", "10.1.0.0/16")])
    dsm.nas.share("backup").rules.push(structuredClone(others[2] ?? {}))
    await apply([exported("/volume1/backup", client("10.0.0.0/16", { access: "readOnly" }), "10.2.0.0/16")])
    expect(clientsOf()).toEqual(["nas2.example", "*", "10.0.0.0/16", "10.9.9.9", "10.2.0.0/16"])
    await apply([])
    expect(rules()).toEqual(others)
  })

  it("puts a rule there again that somebody removed", async () => {
    const wanted = [exported("/volume1/backup", "10.0.0.0/8")]
    await apply(wanted)
    dsm.nas.share("backup").rules = []
    expect((await server.plan(wanted, { replace: false })).added).toHaveLength(1)
    await apply(wanted)
    expect(await differences(wanted)).toEqual([])
  })

  it("finds its rules again when the shared folder was renamed, and withdraws them", async () => {
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    dsm.nas.share("backup").name = "older"
    dsm.nas.addShare("backup").uuid = "another"
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    expect([clientsOf("older"), clientsOf("backup")]).toEqual([[], ["10.0.0.0/8"]])
  })

  it("forgets the rules of a shared folder that is gone", async () => {
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    dsm.nas.shares.shift()
    await apply([exported("/volume2/media", "10.0.0.0/8")])
    expect((await server.state()).own).toEqual([exported("/volume2/media", "10.0.0.0/8")])
  })
})

describe("what DSM exports", () => {
  it("is told in the words of exports(5), whoever made the rule", async () => {
    dsm.nas.share("media").rules = [
      ruleByHand("10.20.0.0/255.255.0.0"),
      ruleByHand("10.0.0.7", { root_squash: "admin", crossmnt: true, insecure: true }),
      ruleByHand("*", {
        root_squash: "all_guest",
        privilege: "ro",
        security_flavor: { sys: true, kerberos: true, kerberos_integrity: false, kerberos_privacy: true },
      }),
    ]
    expect((await server.state()).active).toEqual([
      {
        path: "/volume2/media",
        client: "10.20.0.0/16",
        options: [
          "rw",
          "async",
          "secure",
          "no_root_squash",
          "no_all_squash",
          "anonuid=1025",
          "anongid=100",
          "sec=sys",
        ],
      },
      {
        path: "/volume2/media",
        client: "10.0.0.7/32",
        options: [
          "rw",
          "async",
          "insecure",
          "root_squash",
          "no_all_squash",
          "anonuid=1024",
          "anongid=100",
          "sec=sys",
          "crossmnt",
        ],
      },
      {
        path: "/volume2/media",
        client: "*",
        options: [
          "ro",
          "async",
          "secure",
          "root_squash",
          "all_squash",
          "anonuid=1025",
          "anongid=100",
          "sec=sys:krb5:krb5p",
        ],
      },
    ])
  })

  it("differs from what is wanted where a rule has the dialog's defaults", async () => {
    dsm.nas.share("backup").rules = [ruleByHand("10.0.0.0/8", { root_squash: "all_admin", insecure: true })]
    expect(await differences([exported("/volume1/backup", "10.0.0.0/8")])).toMatchObject([
      { kind: "different", wanted: ["sync", "secure"], active: ["async", "insecure"] },
    ])
  })

  it("is not served while the service is off, which is never switched on", async () => {
    dsm.nas.nfsEnabled = false
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    expect(await server.state()).toMatchObject({ running: false, own: [{ path: "/volume1/backup" }] })
    expect(dsm.nas.nfsEnabled).toBe(false)
    expect(dsm.seen.filter(({ call }) => call.startsWith("SYNO.Core.FileServ.NFS set"))).toEqual([])
  })

  it("cannot be told while one shared folder does not answer", async () => {
    dsm.breaks(LOAD, { code: 105 }, { skip: 1 })
    await expect(server.state()).rejects.toMatchObject({ code: "unreadable" })
    dsm.breaks(LOAD, { code: 2370 }, { skip: 1, times: 1000 })
    await expect(server.state()).rejects.toMatchObject({ code: "timeout" })
  })

  it("is told without a shared folder that is removed meanwhile", async () => {
    dsm.nas.share("backup").rules = [ruleByHand("10.0.0.0/8")]
    dsm.nas.addShare("vault")
    dsm.nas.answers("SYNO.Core.FileServ.NFS", "get", { data: { enable_nfs: true } })
    const { methods } = dsm.nas.apis["SYNO.Core.FileServ.NFS.SharePrivilege"] ?? { methods: undefined }
    const load = methods?.["load"]
    if (methods === undefined || load === undefined) throw new Error("the fake has no load")
    methods["load"] = (values) => {
      if (values["share_name"] === "vault") dsm.nas.shares.splice(3, 1)
      return load(values)
    }
    expect((await server.state()).active).toHaveLength(1)
    expect(dsm.nas.shares).toHaveLength(3)
  })
})

describe("an export that DSM cannot have", () => {
  it("is a directory in a shared folder: its clients would reach the whole folder", async () => {
    await expect(apply([exported("/volume1/backup/kopia", "10.0.0.0/8")])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("for the whole shared folder /volume1/backup") as string,
      hint: expect.stringContaining("Export /volume1/backup itself") as string,
    })
    expect(dsm.calls(SAVE)).toEqual([])
  })

  it.each(["/volume1/nowhere", "/volume1", "/srv/backup", "/volumeUSB1/usbshare1", "/volume1/backup2"])(
    "is in no shared folder of a volume: %s",
    async (path) => {
      await expect(apply([exported(path, "10.0.0.0/8")])).rejects.toMatchObject({
        code: "unsupported",
        message: expect.stringContaining("in no shared folder") as string,
      })
    },
  )

  it("keeps no withdrawal waiting, and is no error of a plan", async () => {
    dsm.nas.addShare("vault")
    await apply([exported("/volume1/backup", "10.1.0.0/16"), exported("/volume1/vault", "10.1.0.0/16")])
    const kept = exported("/volume1/vault", "10.1.0.0/16", "10.2.0.0/16")
    const wanted = [exported("/volume2/media/part", "10.1.0.0/16"), kept]
    const plan = await server.plan(wanted, { replace: false })
    expect(plan.added).toEqual([
      expect.stringContaining("/volume1/vault 10.1.0.0/16(") as string,
      expect.stringContaining("/volume2/media/part 10.1.0.0/16(") as string,
    ])
    await expect(apply(wanted)).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining("exports of before are back") as string,
    })
    expect([clientsOf("backup"), clientsOf("vault")]).toEqual([[], ["10.1.0.0/16"]])
    await apply([kept])
    expect(clientsOf("vault")).toEqual(["10.1.0.0/16", "10.2.0.0/16"])
  })

  it("is one that must not be, for any server", async () => {
    await expect(apply([exported("/volume1/backup", "0.0.0.0/0")])).rejects.toThrow("everybody could write")
    expect(dsm.calls(SAVE)).toEqual([])
  })
})

describe("a rule that is not as it was left", () => {
  it.each([
    ["access", { privilege: "ro" }],
    ["squash", { root_squash: "root" }],
    ["async", { async: true }],
    ["insecure", { insecure: true }],
    ["crossmnt", { crossmnt: true }],
    [
      "security",
      { security_flavor: { sys: true, kerberos: true, kerberos_integrity: false, kerberos_privacy: false } },
    ],
  ])("by its %s is refused, and only replaced when that is said", async (_, change) => {
    const wanted = [exported("/volume1/backup", "10.0.0.0/8")]
    await apply(wanted)
    const [rule] = rules()
    if (rule !== undefined) Object.assign(rule, change)
    const was = structuredClone(rules())
    await expect(server.plan(wanted, { replace: false })).rejects.toMatchObject({
      code: "invalid",
      message: "the NFS rule of /volume1/backup for 10.0.0.0/8 was changed by hand",
    })
    await expect(apply(wanted)).rejects.toThrow("changed by hand")
    await expect(apply([])).rejects.toThrow("changed by hand")
    expect((await server.state()).own).toBeUndefined()
    expect(rules()).toEqual(was)
    const plan = await server.plan(wanted, { replace: true })
    expect([plan.added.length, plan.removed.length]).toEqual([1, 1])
    await apply(wanted, server, true)
    expect(await differences(wanted)).toEqual([])
    expect((await server.state()).own).toEqual(wanted)
  })

  it("is withdrawn when that is said", async () => {
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    const [rule] = rules()
    if (rule !== undefined) rule["privilege"] = "ro"
    await apply([], server, true)
    expect(rules()).toEqual([])
  })

  it("is another's: one for the same client is refused, however it is spelled, until that is said", async () => {
    const theirs = ruleByHand("10.20.0.0/255.255.0.0", { root_squash: "all_admin" })
    dsm.nas.share("backup").rules = [structuredClone(theirs)]
    const wanted = [exported("/volume1/backup", "10.20.0.0/16")]
    await expect(apply(wanted)).rejects.toMatchObject({
      code: "unsupported",
      message: "/volume1/backup has an NFS rule for 10.20.0.0/255.255.0.0 that is not Cistern's",
    })
    expect(rules()).toEqual([theirs])
    expect((await server.plan(wanted, { replace: false })).removed).toEqual([])
    expect((await server.plan(wanted, { replace: true })).removed).toHaveLength(1)
    dsm.breaks(SAVE, { code: 2301 })
    await expect(apply(wanted, server, true)).rejects.toMatchObject({ code: "unsupported" })
    await expect(apply(wanted)).rejects.toThrow("that is not Cistern's")
    expect(rules()).toEqual([theirs])
    await apply(wanted, server, true)
    expect(clientsOf()).toHaveLength(1)
    await apply([])
    expect(rules()).toEqual([])
  })

  it("is another's beside ours: nothing of it is our business, but our own changes are refused", async () => {
    const wanted = [exported("/volume1/backup", "10.0.0.0/8")]
    await apply(wanted)
    rules().push(ruleByHand("10.0.0.0/8"))
    await apply(wanted)
    expect(clientsOf()).toEqual(["10.0.0.0/8", "10.0.0.0/8"])
    const readOnly = [exported("/volume1/backup", client("10.0.0.0/8", { access: "readOnly" }))]
    await expect(apply(readOnly)).rejects.toThrow("that is not Cistern's")
    // Writing was to be withdrawn.
    expect(rules().map((rule) => rule["privilege"])).toEqual(["ro", "rw"])
  })

  it("is still there by somebody else's rule when ours is withdrawn: that is named", async () => {
    await apply([exported("/volume1/backup", "10.0.0.0/8")])
    rules().push(ruleByHand("10.0.0.0/8"))
    await expect(apply([])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("/volume1/backup is still exported to 10.0.0.0/8") as string,
    })
    expect(rules()).toEqual([ruleByHand("10.0.0.0/8")])
    expect((await server.state()).own).toEqual([])
  })
})

describe("when DSM does not take them", () => {
  const before = [exported("/volume1/backup", "10.1.0.0/16", "10.2.0.0/16")]
  const wanted = [exported("/volume1/backup", client("10.1.0.0/16", { access: "readOnly" }), "10.3.0.0/16")]

  it("although it says yes, it is asked again", async () => {
    dsm.breaks(SAVE, "pretends", { times: 2 })
    await apply(before)
    expect(await differences(before)).toEqual([])
    expect(dsm.calls(SAVE)).toHaveLength(3)
  })

  it("the ones before are back, and what was to be withdrawn is withdrawn all the same", async () => {
    const other = ruleByHand("nas2.example")
    dsm.nas.share("backup").rules = [structuredClone(other)]
    await apply(before)
    dsm.nas.onSave = (list) => list.filter((rule) => rule["client"] !== "10.3.0.0/16")
    await expect(apply(wanted)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("has nothing instead of 10.3.0.0/16(rw,") as string,
      hint: expect.stringContaining("exports of before are back") as string,
    })
    const left = [exported("/volume1/backup", client("10.1.0.0/16", { access: "readOnly" }))]
    expect((await server.state()).own).toEqual(left)
    expect(rules()[0]).toEqual(other)
    expect(await differences(left)).toMatchObject([{ kind: "foreign", client: "nas2.example" }])
  })

  it("and there were none before, there are none", async () => {
    dsm.nas.onSave = (list) => list.map((rule) => ({ ...rule, async: true }))
    await expect(apply(before)).rejects.toThrow("(rw,async,")
    expect(rules()).toEqual([])
    expect((await server.state()).own).toEqual([])
  })

  it("because it lost somebody else's rule, that one is back too", async () => {
    const others = [ruleByHand("a.example"), ruleByHand("b.example")]
    dsm.nas.share("backup").rules = structuredClone(others)
    let saves = 0
    dsm.nas.onSave = (list) => (saves++ === 0 ? list.filter((rule) => rule["client"] !== "a.example") : list)
    await expect(apply(before)).rejects.toThrow("lost its rule for a.example, which is not Cistern's")
    expect(rules()).toEqual(others)
  })

  it("what somebody else added meanwhile is kept", async () => {
    await apply(before)
    dsm.nas.onSave = (list) => {
      dsm.nas.onSave = (next) => next
      return [...list.filter((rule) => rule["client"] !== "10.3.0.0/16"), ruleByHand("new.example")]
    }
    await apply(wanted)
    expect(clientsOf()).toEqual(["10.1.0.0/16", "new.example", "10.3.0.0/16"])
    dsm.breaks(SAVE, { code: 2301 })
    rules().push(ruleByHand("newer.example"))
    await expect(apply([])).rejects.toMatchObject({ code: "unsupported" })
    expect(clientsOf()).toEqual(["new.example", "newer.example"])
  })

  it("what somebody else added meanwhile stays when the ones before are put back", async () => {
    await apply(before)
    let saves = 0
    dsm.nas.onSave = (list) => [
      ...list.filter((rule) => rule["client"] !== "10.3.0.0/16"),
      ...(saves++ === 0 ? [ruleByHand("new.example")] : []),
    ]
    await expect(apply(wanted)).rejects.toThrow("has nothing instead of 10.3.0.0/16")
    expect(clientsOf()).toEqual(["10.1.0.0/16", "new.example"])
  })

  it("nor puts them back, though it says so: that is said, and nothing is taken for somebody else's later", async () => {
    await apply(before)
    dsm.breaks(SAVE, "pretends", { times: 1000 })
    await expect(apply(wanted)).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining("What DSM exports now is not certain") as string,
    })
    expect(clientsOf()).toEqual(["10.1.0.0/16", "10.2.0.0/16"])
    dsm.heal()
    await apply(wanted)
    expect(clientsOf()).toEqual(["10.1.0.0/16", "10.3.0.0/16"])
  })

  it("what was withdrawn stays so, even where somebody who saved the list just now brought it back", async () => {
    await apply(before)
    const old = structuredClone(rules()[1] ?? {})
    dsm.nas.onSave = (list) => list.filter((rule) => rule["client"] !== "10.3.0.0/16")
    await expect(apply(wanted)).rejects.toMatchObject({ code: "unsupported" })
    rules().push(old)
    const left = [exported("/volume1/backup", client("10.1.0.0/16", { access: "readOnly" }))]
    expect((await server.plan(left, { replace: false })).removed).toHaveLength(1)
    await apply(left)
    expect(clientsOf()).toEqual(["10.1.0.0/16"])
  })

  it("a rule that was changed by hand and could not be withdrawn is still known as ours", async () => {
    await apply(before)
    const [rule] = rules()
    if (rule !== undefined) rule["async"] = true
    dsm.breaks(SAVE, { code: 2301 })
    await expect(apply([], server, true)).rejects.toMatchObject({ code: "unsupported" })
    await expect(apply([])).rejects.toThrow("changed by hand")
    await apply([], server, true)
    expect(rules()).toEqual([])
  })

  it("a rule that was changed by hand is put back as it was", async () => {
    await apply(before)
    const [rule] = rules()
    if (rule !== undefined) rule["async"] = true
    const was = structuredClone(rules())
    dsm.breaks(SAVE, { code: 2301 })
    await expect(apply(wanted, server, true)).rejects.toMatchObject({ code: "unsupported" })
    expect(rules()).toEqual(was.slice(0, 1))
    await expect(apply(wanted)).rejects.toThrow("changed by hand")
    await apply(wanted, server, true)
    expect(await differences(wanted)).toEqual([])
  })

  it("because it refuses for good, that is said and nothing was changed", async () => {
    dsm.accounts.set("cistern", { password: "x", administrator: false })
    const weak = new SynologyServer(clientOf(dsm), store)
    await expect(apply(before, weak)).rejects.toMatchObject({ code: "unreadable" })
    expect(store.text).toBeUndefined()
  })
})

const OTHERS: Readonly<Record<string, readonly FakeRule[]>> = {
  backup: [ruleByHand("a.example", { id: "1" }), ruleByHand("b.example"), ruleByHand("c.example")],
  vault: [ruleByHand("*", { privilege: "ro" })],
  third: [ruleByHand("10.200.0.0/255.255.0.0"), ruleByHand("10.201.0.1")],
}
const BEFORE = [
  exported("/volume1/backup", "10.1.0.0/16", "10.2.0.0/16"),
  exported("/volume1/vault", "10.1.0.0/16"),
]
const WANTED = [
  exported("/volume1/backup", client("10.1.0.0/16", { access: "readOnly" }), "10.3.0.0/16"),
  exported("/volume1/third", "10.1.0.0/16"),
]
const LEFT = [exported("/volume1/backup", client("10.1.0.0/16", { access: "readOnly" }))]

/** Three shared folders with rules of others in them, and BEFORE applied. */
async function threeFolders(): Promise<void> {
  dsm.nas.addShare("vault")
  dsm.nas.addShare("third")
  for (const [name, list] of Object.entries(OTHERS)) dsm.nas.share(name).rules = structuredClone([...list])
  await apply(BEFORE)
  rules().push(rules().splice(2, 1)[0] ?? {})
  dsm.seen.length = 0
}

function expectOthersUntouched(): void {
  for (const [name, list] of Object.entries(OTHERS)) {
    const ours = (rule: FakeRule): boolean => /^10\.[123]\./.test(String(rule["client"]))
    expect(rules(name).filter((rule) => !ours(rule))).toEqual(list)
  }
}

async function ownDifferences(wanted: readonly NfsExport[]): Promise<unknown[]> {
  return (await differences(wanted)).filter((one) => (one as { kind: string }).kind !== "foreign")
}

let steps: { at: string; skip: number }[] | undefined

/** The calls that applying WANTED makes, each with how many of its kind come before it. */
async function stepsOfApply(): Promise<{ at: string; skip: number }[]> {
  return (steps ??= await stepsSeen())
}

async function stepsSeen(): Promise<{ at: string; skip: number }[]> {
  await threeFolders()
  await apply(WANTED)
  const calls = dsm.seen.map(({ call }) => call)
  return calls.map((at, index) => ({ at, skip: calls.slice(0, index).filter((one) => one === at).length }))
}

describe("a fault in any step of apply", () => {
  // "SYNO.Core.Share list", a look at each folder, then for each folder: look, save, look.
  const STEPS = 13

  it("can be in so many", async () => {
    expect(await stepsOfApply()).toHaveLength(STEPS)
  })

  const hard: Fault[] = [
    "closes",
    "closes after",
    "cuts",
    "answers HTML",
    "echoes",
    { code: 2301 },
    { code: 105 },
    { status: 500 },
  ]
  const cases = hard.flatMap((fault) =>
    Array.from({ length: STEPS }, (_, step) => [inspect(fault), step, fault] as const),
  )

  it.each(cases)(
    "%s, step %i: it is an error, nothing new is exported, what was withdrawn stays so",
    async (_, step, fault) => {
      const all = await stepsOfApply()
      dsm = await FakeDsm.start({ secure: false })
      store = new KeptRules()
      server = another(store)
      await threeFolders()
      const { at, skip } = all[step] ?? { at: "", skip: 0 }
      dsm.breaks(at, fault, { skip })
      const error: unknown = await apply(WANTED).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(StorageError)
      expect(error).toMatchObject({ hint: expect.stringMatching(/\w/) as string })
      expectOthersUntouched()
      // The first four only look.
      const now = step < 4 ? BEFORE : LEFT
      expect((await server.state()).own).toEqual(now)
      expect(await ownDifferences(now)).toEqual([])
      expect(Object.keys(OTHERS).flatMap(clientsOf)).not.toContain("10.3.0.0/16")
      await apply(WANTED)
      expect(await ownDifferences(WANTED)).toEqual([])
      expectOthersUntouched()
    },
  )

  it.each(Array.from({ length: STEPS }, (_, step) => step))(
    "that lasts, from step %i: what is ours stays known, and apply completes it later",
    async (step) => {
      const all = await stepsOfApply()
      dsm = await FakeDsm.start({ secure: false })
      store = new KeptRules()
      server = another(store)
      await threeFolders()
      const { at, skip } = all[step] ?? { at: "", skip: 0 }
      dsm.breaks(at, "closes after", { skip, times: 1000 })
      await expect(apply(WANTED)).rejects.toMatchObject({
        code: "io",
        hint: expect.stringMatching(step < 4 ? "" : "not certain") as string,
      })
      expectOthersUntouched()
      dsm.heal()
      server = another(new KeptRules(store.text))
      await apply(WANTED)
      expect(await ownDifferences(WANTED)).toEqual([])
      expectOthersUntouched()
    },
  )

  const soft: Fault[] = [
    { code: 2370 },
    { code: 117 },
    { code: 106 },
    { code: 119 },
    { status: 429 },
    { status: 502 },
  ]

  it.each(soft)("that passes (%o) is no fault", async (fault) => {
    const all = await stepsOfApply()
    for (const { at, skip } of all.slice(1)) {
      dsm = await FakeDsm.start({ secure: false })
      store = new KeptRules()
      server = another(store)
      await threeFolders()
      dsm.breaks(at, fault, { skip })
      await apply(WANTED)
      expect(await ownDifferences(WANTED)).toEqual([])
      expectOthersUntouched()
    }
  })

  it("is a DSM that says nothing: it is not waited for again and again", async () => {
    server = new SynologyServer(clientOf(dsm, { limitMs: 250 }), store)
    await threeFolders()
    dsm.breaks(SAVE, "says nothing after")
    dsm.breaks(LOAD, "says nothing", { skip: 4, times: 1000 })
    await expect(apply(WANTED)).rejects.toMatchObject({ code: "timeout" })
    expect(dsm.calls(LOAD)).toHaveLength(5)
  })
})

describe("a daemon that is killed while it applies", () => {
  it("knows its rules again, whichever step it was in, and completes it", async () => {
    const all = await stepsOfApply()
    for (const fault of ["says nothing", "says nothing after"] as const) {
      for (const { at, skip } of all) {
        dsm = await FakeDsm.start({ secure: false })
        store = new KeptRules()
        server = another(store)
        await threeFolders()
        dsm.breaks(at, fault, { skip })
        const killed = apply(WANTED)
        const calls = all.findIndex((step) => step.at === at && step.skip === skip) + 1
        while (dsm.seen.length < calls) await new Promise(setImmediate)
        const kept = store.text
        await new Promise(setImmediate)
        // What it left, to another process.
        server = another(new KeptRules(kept))
        await apply(WANTED)
        expect(await ownDifferences(WANTED)).toEqual([])
        expectOthersUntouched()
        await dsm.stop()
        await expect(killed).rejects.toBeInstanceOf(StorageError)
      }
    }
  })
})

describe("two daemons", () => {
  it("keep out of each other's rules in one shared folder", async () => {
    const [mine, theirs] = [
      [exported("/volume1/backup", "10.1.0.0/16")],
      [exported("/volume1/backup", "10.2.0.0/16")],
    ]
    const other = another()
    await apply(mine)
    await apply(theirs, other)
    expect(clientsOf()).toEqual(["10.1.0.0/16", "10.2.0.0/16"])
    expect([(await server.state()).own, (await other.state()).own]).toEqual([mine, theirs])
    await apply([])
    expect(clientsOf()).toEqual(["10.2.0.0/16"])
    await expect(apply(theirs)).rejects.toThrow("that is not Cistern's")
  })

  it("at the same time lose nobody's rules but each other's, which the next apply mends", async () => {
    dsm.nas.share("backup").rules = [ruleByHand("a.example"), ruleByHand("b.example")]
    const other = another()
    for (let round = 0; round < 10; round++) {
      const mine = [exported("/volume1/backup", `10.1.${round}.0/24`)]
      const theirs = [exported("/volume1/backup", `10.2.${round}.0/24`)]
      await Promise.allSettled([apply(mine), apply(theirs, other)])
      expect(clientsOf().filter((name) => String(name).endsWith("example"))).toEqual([
        "a.example",
        "b.example",
      ])
      await apply(mine)
      await apply(theirs, other)
      expect(clientsOf().toSorted()).toEqual([
        `10.1.${round}.0/24`,
        `10.2.${round}.0/24`,
        "a.example",
        "b.example",
      ])
    }
  })
})

it("a daemon whose memory is lost takes nothing for its own until that is said", async () => {
  const wanted = [exported("/volume1/backup", "10.0.0.0/8")]
  await apply(wanted)
  const forgetful = another()
  expect((await forgetful.state()).own).toEqual([])
  await expect(apply(wanted, forgetful)).rejects.toThrow("that is not Cistern's")
  await apply(wanted, forgetful, true)
  expect(clientsOf()).toEqual(["10.0.0.0/8"])
  await apply([], forgetful)
  expect(rules()).toEqual([])
})
