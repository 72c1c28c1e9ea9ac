import fc from "fast-check"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import {
  compareExports,
  GaneshaServer,
  type NfsClient,
  type NfsExport,
} from "../../../../storage/nfs/index.js"
import { checkForGanesha, renderGaneshaExport } from "../../../../storage/nfs/ganesha/config.js"
import { recordOfLines, renderGaneshaFile } from "../../../../storage/nfs/ganesha/record.js"
import { scratch } from "../../../support/fixtures.js"
import { GaneshaMachine } from "../../../support/ganesha.js"

const movers = {
  network: "192.168.10.0/24",
  access: "readWrite",
  squash: { uid: 568, gid: 568 },
} as const

function exported(path: string, changes: Partial<NfsExport> = {}): NfsExport {
  return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients: [movers], ...changes }
}

describe("the configuration of an export", () => {
  it("says everything, so that nobody's defaults count", () => {
    const text = renderGaneshaExport(
      exported("/mnt/tank/restic", {
        fsid: "01234567-89ab-cdef-0123-456789abcdef",
        clients: [movers, { network: "fd00:0:0::7/128", access: "readOnly", squash: undefined }],
      }),
      50_007,
    )
    expect(text.split("\n").map((line) => line.trim())).toEqual([
      "EXPORT {",
      "Export_Id = 50007;",
      'Path = "/mnt/tank/restic";',
      'Pseudo = "/mnt/tank/restic";',
      "Access_Type = None;",
      "Protocols = 4; Transports = TCP; SecType = sys; PrivilegedPort = true; Squash = Root_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534; Manage_Gids = false; Delegations = None; NFS_Commit = false;",
      "Attr_Expiration_Time = 0;",
      "Filesystem_id = 0x0123456789abcdef.0x0123456789abcdef;",
      "FSAL { Name = VFS; }",
      "CLIENT { Clients = 192.168.10.0/24; Access_Type = RW; Protocols = 4; Transports = TCP; SecType = sys; PrivilegedPort = true; Squash = All_Squash; Anonymous_Uid = 568; Anonymous_Gid = 568; Manage_Gids = false; Delegations = None; NFS_Commit = false; }",
      "CLIENT { Clients = fd00::7; Access_Type = RO; Protocols = 4; Transports = TCP; SecType = sys; PrivilegedPort = true; Squash = Root_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534; Manage_Gids = false; Delegations = None; NFS_Commit = false; }",
      "CLIENT { Clients = *; Access_Type = None; Protocols = 4; Transports = TCP; SecType = sys; PrivilegedPort = true; Squash = Root_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534; Manage_Gids = false; Delegations = None; NFS_Commit = false; }",
      "}",
      "",
    ])
  })

  it.each([
    ["kopia", "it is not an absolute path"],
    ["-o", "it is not an absolute path"],
    ["/srv/a\nEXPORT { }", "it holds a control character"],
    [`/srv/${"a".repeat(4096)}`, "it has more than the 1024 bytes that a client can mount"],
    ["/srv/a\\", "NFS-Ganesha cannot be told of a name that ends with a backslash"],
    ["/srv/\ud800", "NFS-Ganesha cannot tell back a name that D-Bus does not carry"],
    ["/srv/\ufffe", "NFS-Ganesha cannot tell back a name that D-Bus does not carry"],
    ["/srv/\u{1ffff}", "NFS-Ganesha cannot tell back a name that D-Bus does not carry"],
  ])("refuses the path %j", (path, why) => {
    const check = (): void => {
      checkForGanesha([exported("/srv/good"), exported(path)])
    }
    expect(check).toThrow(expect.objectContaining({ code: "invalid", hint: expect.any(String) as string }))
    expect(check).toThrow(why)
  })

  it.each([
    ["0.0.0.0/0", "Name 0.0.0.0/1 and 128.0.0.0/1."],
    ["::/0", "Give a prefix of IPv6 from 1 to 99, or single addresses (/128)."],
    ["fd00::/100", "Give a prefix of IPv6 from 1 to 99, or single addresses (/128)."],
    ["fd00::/127", "Give a prefix of IPv6 from 1 to 99, or single addresses (/128)."],
  ])("refuses the network %s, which its lexer does not know", (network, hint) => {
    const clients = [{ network, access: "readOnly", squash: undefined } as const]
    expect(() => {
      checkForGanesha([exported("/srv/a", { clients })])
    }).toThrow(expect.objectContaining({ code: "invalid", hint }))
  })

  it("refuses an fsid that it does not take", () => {
    const fsid = "ffffffff-ffff-ffff-0000-000000000001"
    expect(() => {
      checkForGanesha([exported("/srv/a", { fsid })])
    }).toThrow("does not take the fsid")
  })
})

describe("the file", () => {
  it("says again what it was written for", () => {
    const record = {
      next: 50_009,
      entries: [
        { id: 50_003, export: exported("/srv/a b\\#"), reopen: false },
        { id: 50_001, export: exported("/mnt/tank", { mountPoint: "/mnt/tank" }), reopen: true },
        {
          id: 50_002,
          export: exported("/mnt/tank2/x", {
            mountPoint: "/mnt/tank2",
            crossMounts: true,
            fsid: "01234567-89ab-cdef-0123-456789abcdef",
          }),
          reopen: false,
        },
      ],
      former: [
        { id: 50_005, export: exported("/srv/gone"), gone: true },
        { id: 50_004, export: exported("/srv/leaving"), gone: false },
      ],
    }
    const text = renderGaneshaFile("00112233aabbccdd", record)
    expect(recordOfLines(text.split("\n"))).toEqual(record)
    // Only what needs no mount is loaded by a start.
    expect(text.match(/^ {2}Path = .*$/gm)).toEqual(['  Path = "/srv/a b\\\\#";'])
  })
})

describe("the real NFS-Ganesha", () => {
  let machine: GaneshaMachine
  let root: string
  let server: GaneshaServer

  beforeEach(async () => {
    machine = await GaneshaMachine.start()
    root = scratch()
    server = new GaneshaServer("00112233aabbccdd", machine.bus, machine.files)
  })

  const differences = async (wanted: readonly NfsExport[]): Promise<unknown[]> => {
    const state = await server.state()
    return compareExports(wanted, state?.active ?? [], state?.settings)
  }

  const local = { ...movers, network: "127.0.0.0/8" }

  it("reads hostile paths as they are, and serves what lies there", async () => {
    const names = [
      " lead and trail ",
      'a"b',
      "a\\b",
      'a\\"',
      '"',
      "'a'b",
      "#h",
      "-lead",
      "semi;colon",
      "{",
      "}",
      "100%",
      "%include",
      "$HOME",
      "a=b,c",
      "*",
      "[x]",
      "a\\nb",
      "Ünïcödé 日本語 😀",
      "e\u0301",
      "\u202e\u00a0",
      "~",
      "@lab",
      "EXPORT(Export_Id=1)",
    ]
    const exports = names.map((name) => exported(join(root, name), { clients: [local] }))
    for (const { path } of exports) {
      mkdirSync(path)
      writeFileSync(join(path, "probe"), path)
    }
    await server.apply(exports, { replace: false })
    expect(await differences(exports)).toEqual([])
    for (const { path } of exports) expect(machine.read(`${path}/probe`)).toBe(path)
    // A start reads them no otherwise.
    machine.configure(`%include "${machine.files.own}"`)
    await machine.stopServer()
    await machine.startServer()
    expect(await differences(exports)).toEqual([])
    expect((await server.state())?.own).toHaveLength(exports.length)
  })

  it("reads a path of as many bytes as can be mounted", async () => {
    const deep = root + `/${"x".repeat(250)}`.repeat(3)
    const one = exported(`${deep}/${"y".repeat(1024 - deep.length - 1)}`, { clients: [local] })
    mkdirSync(one.path, { recursive: true })
    expect(Buffer.byteLength(one.path)).toBe(1024)
    await server.apply([one], { replace: false })
    expect(await differences([one])).toEqual([])
    expect(machine.list(one.path).names).toEqual([])
  })

  it("has whatever may be exported exactly as it was said", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyExport(root), { maxLength: 4 }), async (drawn) => {
        const wanted = [...new Map(drawn.map((one) => [one.path, one])).values()]
        for (const { path } of wanted) mkdirSync(path, { recursive: true })
        await server.apply(wanted, { replace: false })
        expect(await differences(wanted)).toEqual([])
        expect((await server.state())?.active).toHaveLength(wanted.flatMap(({ clients }) => clients).length)
      }),
      { numRuns: 15 },
    )
  })
})

function anyExport(root: string): fc.Arbitrary<NfsExport> {
  const name = fc
    .string({ unit: "binary", minLength: 1, maxLength: 12 })
    .filter(
      (text) =>
        !/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}/]/u.test(text) &&
        !/^\.{1,2}$/.test(text) &&
        !text.endsWith("\\"),
    )
  const squash = fc.option(
    fc.record({
      uid: fc.integer({ min: 0, max: 0xffff_fffe }),
      gid: fc.integer({ min: 0, max: 0xffff_fffe }),
    }),
    { nil: undefined },
  )
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`),
    fc
      .tuple(fc.ipV6(), fc.oneof(fc.integer({ min: 1, max: 99 }), fc.constant(128)))
      .map(([address, prefix]) => `${address}/${prefix}`),
  )
  const client: fc.Arbitrary<NfsClient> = fc.record({
    network,
    access: fc.constantFrom("readOnly", "readWrite"),
    squash,
  })
  return fc
    .record({
      path: name.map((text) => join(root, text)),
      mountPoint: fc.constant(undefined),
      crossMounts: fc.boolean(),
      fsid: fc.option(fc.uuid(), { nil: undefined }),
      clients: fc.array(client, { minLength: 1, maxLength: 4 }),
    })
    .filter((one) => {
      try {
        checkForGanesha([one])
        return true
      } catch {
        // Networks that share addresses, or are IPv4's in the clothes of IPv6.
        return false
      }
    })
}
