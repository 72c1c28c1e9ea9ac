import { describe, expect, it } from "vitest"
import { compareExports, type NfsExport } from "../../../storage/nfs/index.js"
import { parseEtab } from "../../../storage/nfs/etab.js"

const path = "/mnt/tank/kopia"
const wanted: NfsExport = {
  path,
  mountPoint: "/mnt/tank",
  crossMounts: false,
  fsid: undefined,
  clients: [{ network: "192.168.10.0/24", access: "readWrite", squash: { uid: 568, gid: 568 } }],
}

/** As exportfs 2.6.2 writes it. */
function line(changes: Readonly<Record<string, string>> = {}, client = "192.168.10.0/24", at = path): string {
  const options =
    "rw,sync,wdelay,hide,nocrossmnt,secure,root_squash,all_squash,no_subtree_check,secure_locks,acl,no_pnfs," +
    "mountpoint=/mnt/tank,anonuid=568,anongid=568,sec=sys,rw,secure,root_squash,all_squash"
  const changed = options.split(",").map((option) => changes[option] ?? option)
  return `${at}\t${client}(${changed.filter((option) => option !== "").join(",")})\n`
}

describe("what is wanted and what the server exports", () => {
  it("is the same where only the spelling differs", () => {
    expect(compareExports([wanted], parseEtab(line()))).toEqual([])
    expect(compareExports([wanted], parseEtab(line({}, "192.168.10.7/24")))).toEqual([])
  })

  it("differs when the server does not export it", () => {
    expect(compareExports([wanted], [])).toEqual([{ kind: "missing", path, client: "192.168.10.0/24" }])
    expect(compareExports([wanted], parseEtab(line({}, "10.0.0.0/8")))).toEqual([
      { kind: "missing", path, client: "192.168.10.0/24" },
      { kind: "foreign", path, client: "10.0.0.0/8", writes: true },
    ])
  })

  it.each([
    [{ rw: "ro" }, ["rw"], ["ro"]],
    [{ sync: "async" }, ["sync"], ["async"]],
    [{ no_subtree_check: "subtree_check" }, ["no_subtree_check"], ["subtree_check"]],
    [{ secure: "insecure" }, ["secure"], ["insecure"]],
    [{ root_squash: "no_root_squash" }, ["root_squash"], ["no_root_squash"]],
    [{ all_squash: "no_all_squash" }, ["all_squash"], ["no_all_squash"]],
    [{ "anonuid=568": "anonuid=1000" }, ["anonuid=568"], ["anonuid=1000"]],
    [{ "anongid=568": "" }, ["anongid=568"], ["anongid=65534"]],
    [{ "sec=sys": "sec=krb5p" }, ["sec=sys"], ["sec=krb5p"]],
    [{ "mountpoint=/mnt/tank": "" }, ["mountpoint=/mnt/tank"], []],
    [{ "mountpoint=/mnt/tank": "mountpoint=/mnt" }, ["mountpoint=/mnt/tank"], ["mountpoint=/mnt"]],
    [{ nocrossmnt: "crossmnt" }, ["nocrossmnt"], ["crossmnt"]],
    [{ hide: "nohide" }, ["hide"], ["nohide"]],
    [{ acl: "fsid=0" }, [], ["fsid=0"]],
  ])("differs by %j", (changes, want, active) => {
    expect(compareExports([wanted], parseEtab(line(changes)))).toEqual([
      { kind: "different", path, client: "192.168.10.0/24", wanted: want, active },
    ])
  })

  it("takes no notice of whom nobody becomes", () => {
    const client = { network: "192.168.10.0/24", access: "readWrite", squash: undefined } as const
    const active = line({ all_squash: "no_all_squash", "anonuid=568": "anonuid=0" })
    expect(compareExports([{ ...wanted, clients: [client] }], parseEtab(active))).toEqual([])
  })

  it.each([
    ["*", path],
    ["@k8s", path],
    ["node1.example.net", path],
    ["192.168.10.5", path],
    ["*", "/mnt/tank"],
    ["*", "/"],
    ["*", `${path}/p/abc`],
  ])("names %j at %j, whom nobody wanted there", (client, at) => {
    expect(compareExports([wanted], parseEtab(line() + line({ rw: "ro" }, client, at)))).toEqual([
      { kind: "foreign", path: at, client, writes: false },
    ])
  })

  it("leaves alone what others export elsewhere", () => {
    const others = line({}, "*", "/mnt/tank/kopia2") + line({}, "*", "/home")
    expect(compareExports([wanted], parseEtab(line() + others))).toEqual([])
  })
})

describe("the table of exportfs", () => {
  it("is read with its escapes", () => {
    const [entry] = parseEtab("/srv/a\\040b\\134\\303\\274ü\t@gr\\040p(ro,mountpoint=/x(y)z,sec=sys)\n")
    expect(entry).toEqual({
      path: "/srv/a b\\üü",
      client: "@gr p",
      options: ["ro", "mountpoint=/x(y)z", "sec=sys"],
    })
  })

  it.each([
    "/srv/a",
    "/srv/a 10.0.0.0/8(rw)",
    "/srv/a\t10.0.0.0/8",
    "/srv/a\t10.0.0.0/8(rw",
    "\t10.0.0.0/8(rw)",
  ])("is not believed when a line is %j", (wrong) => {
    expect(() => parseEtab(`${line()}${wrong}\n`)).toThrow(
      expect.objectContaining({ code: "corrupt", facts: { line: 2 } }),
    )
  })
})
