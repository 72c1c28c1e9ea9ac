import fc from "fast-check"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { compareExports, type NfsExport, renderExportsFile } from "../../../storage/nfs/index.js"
import { parseEtab } from "../../../storage/nfs/etab.js"
import { exportsOfLines, renderExportLines } from "../../../storage/nfs/exports-file.js"
import { exportfs } from "../../support/exportfs.js"
import { scratch } from "../../support/fixtures.js"

const movers = {
  network: "192.168.10.0/24",
  access: "readWrite",
  squash: { uid: 568, gid: 568 },
} as const

function exported(path: string, changes: Partial<NfsExport> = {}): NfsExport {
  return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients: [movers], ...changes }
}

describe("the exports file", () => {
  it("has one line for each path, with every option said", () => {
    const text = renderExportsFile([
      exported("/mnt/tank/k8s-backups/restic", {
        mountPoint: "/mnt/tank",
        clients: [movers, { network: "fd00:0:0::7/128", access: "readOnly", squash: undefined }],
      }),
      exported("/mnt/tank2", { mountPoint: "/mnt/tank2" }),
    ])
    expect(text.split("\n")).toEqual([
      "# From the exports that are declared to Cistern (`cistern exports show`).",
      "/mnt/tank/k8s-backups/restic" +
        " 192.168.10.0/24(rw,sync,no_subtree_check,secure,root_squash,all_squash,anonuid=568,anongid=568,sec=sys,mountpoint=/mnt/tank)" +
        " fd00::7/128(ro,sync,no_subtree_check,secure,root_squash,no_all_squash,sec=sys,mountpoint=/mnt/tank)",
      "/mnt/tank2 192.168.10.0/24(rw,sync,no_subtree_check,secure,root_squash,all_squash,anonuid=568,anongid=568,sec=sys,mountpoint)",
      "",
    ])
  })

  it("is the same whatever the order", () => {
    const exports = [exported("/srv/b"), exported("/srv/a"), exported("/srv/c")]
    expect(renderExportsFile([...exports].reverse())).toBe(renderExportsFile(exports))
  })

  it.each([
    ["kopia", "it is not an absolute path"],
    ["", "it is not an absolute path"],
    ["-o", "it is not an absolute path"],
    ["/", "it is the whole machine"],
    ["/srv/../etc", 'it holds "//", "." or ".."'],
    ["/srv//a", 'it holds "//", "." or ".."'],
    ["/srv/a/", 'it holds "//", "." or ".."'],
    ["/srv/a\n/etc *(rw)", "it holds a control character"],
    ["/srv/a\0", "it holds a control character"],
    [`/srv/${"a".repeat(4096)}`, "it has more than the 1024 bytes that a client can mount"],
  ])("refuses the path %j", (path, why) => {
    const render = (): string => renderExportsFile([exported("/srv/good"), exported(path)])
    expect(render).toThrow(expect.objectContaining({ code: "invalid" }))
    expect(render).toThrow(why)
  })

  it.each([
    ["nobody", []],
    ["everybody who writes", [{ ...movers, network: "0.0.0.0/0" }]],
    ["everybody on IPv6 who writes", [{ ...movers, network: "::/0" }]],
    ["a star", [{ ...movers, network: "*" }]],
    ["a name", [{ ...movers, network: "node1.example.net" }]],
    ["a netgroup with options", [{ ...movers, network: "@k8s(rw)" }]],
    ["a netgroup of every name", [{ ...movers, network: "@*" }]],
    [
      "the same netgroup twice",
      [
        { ...movers, network: "@k8s" },
        { ...movers, network: "@k8s" },
      ],
    ],
    ["options in a network", [{ ...movers, network: "10.0.0.0/8(no_root_squash)" }]],
    ["the same network twice", [movers, { ...movers, network: "192.168.10.9/24" }]],
    ["networks that share addresses", [movers, { ...movers, network: "192.168.0.0/16", access: "readOnly" }]],
    ["a user below zero", [{ ...movers, squash: { uid: -1, gid: 0 } }]],
    ["a group that means unchanged", [{ ...movers, squash: { uid: 0, gid: 0xffff_ffff } }]],
    ["a user that is no number", [{ ...movers, squash: { uid: Number.NaN, gid: 0 } }]],
  ] satisfies [string, NfsExport["clients"]][])("refuses %s as client", (_, clients) => {
    expect(() => renderExportsFile([exported("/srv/a", { clients })])).toThrow(
      expect.objectContaining({ code: "invalid" }),
    )
  })

  it.each([
    [["/srv/a", "/srv/a"], "it is there twice"],
    [["/srv/a", "/srv/a/b"], "it lies in /srv/a"],
    [["/srv/a/b/c", "/srv/a"], "it lies in /srv/a"],
  ])("refuses %j together", (paths, why) => {
    expect(() => renderExportsFile(paths.map((path) => exported(path)))).toThrow(why)
  })

  it("takes neighbours of similar names", () => {
    expect(() =>
      renderExportsFile([exported("/srv/a"), exported("/srv/ab"), exported("/srv/a.b")]),
    ).not.toThrow()
  })

  it.each([
    ["/srv/a", "/srv/b"],
    ["/srv/ab", "/srv/a"],
    ["/my disk/a", "/my disk"],
    ["/a,rw/b", "/a,rw"],
  ])("refuses %j on the filesystem at %j", (path, mountPoint) => {
    expect(() => renderExportsFile([exported(path, { mountPoint })])).toThrow(
      expect.objectContaining({ code: "invalid" }),
    )
  })
})

describe("the real exportfs", () => {
  it("loads what is rendered, and nothing else", () => {
    const root = scratch()
    const paths = [
      "plain",
      "with space",
      'quo"te',
      "back\\slash",
      "ha#sh",
      "-dash",
      "par(en)",
      "com,ma",
      "ünï",
      "*?[]",
      "$~@'=",
    ]
    const exports = paths.map((name) => {
      const path = join(root, name)
      mkdirSync(path)
      return exported(path, { mountPoint: name === "plain" ? "/" : path })
    })
    const { exitCode, etab } = exportfs(renderExportsFile(exports))
    expect(exitCode).toBe(0)
    expect(compareExports(exports, parseEtab(etab))).toEqual([])
    expect(parseEtab(etab)).toHaveLength(paths.length)
  })

  it("reads back any path and any options as they were meant", () => {
    const root = scratch()
    const name = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => !/[/\p{Cc}]/u.test(text) && text !== "." && text !== "..")
    const client = fc.record({
      network: fc
        .tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 }))
        .map(([address, prefix]) => `${address}/${prefix}`),
      access: fc.constantFrom("readOnly" as const, "readWrite" as const),
      squash: fc.option(fc.record({ uid: fc.nat(0x7fff_ffff), gid: fc.nat(0x7fff_ffff) }), {
        nil: undefined,
      }),
    })
    const some = fc.uniqueArray(fc.tuple(name, client), {
      minLength: 1,
      maxLength: 12,
      selector: ([text]) => text,
    })
    fc.assert(
      fc.property(
        some,
        fc.boolean(),
        fc.option(fc.uuid(), { nil: undefined }),
        (entries, crossMounts, fsid) => {
          const exports = entries.map(([text, one]) => {
            const path = join(root, text)
            mkdirSync(path, { recursive: true })
            return exported(path, { clients: [one], crossMounts, fsid, everybodyMayWrite: true })
          })
          const { etab } = exportfs(renderExportsFile(exports))
          expect(compareExports(exports, parseEtab(etab))).toEqual([])
          expect(parseEtab(etab)).toHaveLength(exports.length)
          const again = exportsOfLines(renderExportLines(exports).split("\n").slice(0, -1))
          expect(renderExportLines(again)).toBe(renderExportLines(exports))
          expect(compareExports(again, parseEtab(etab))).toEqual([])
        },
      ),
      { numRuns: 25 },
    )
  })

  it("would export to everybody by a space too much, which is noticed", () => {
    const path = scratch()
    const { exitCode, etab } = exportfs(`${path} 192.168.10.0/24 (rw,sync,no_subtree_check)\n`)
    expect(exitCode).toBe(0)
    expect(compareExports([exported(path)], parseEtab(etab))).toContainEqual({
      kind: "foreign",
      path,
      client: "*",
      writes: true,
    })
  })
})
