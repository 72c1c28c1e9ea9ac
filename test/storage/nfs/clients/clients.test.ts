import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { combineClients, type NfsClientRow, readClients } from "../../../../storage/nfs/index.js"
import { nfsdFixture, type NfsdMoment } from "../../../support/nfsd-fixtures.js"

const EXPORTED = ["/srv/backups", "/srv/pool/vol", "/srv/tank/kopia"]

function rowsAt(moment: NfsdMoment, exported = EXPORTED): NfsClientRow[] {
  const reading = readClients(nfsdFixture(moment))
  expect(reading.problems).toEqual([])
  return combineClients(reading, exported)
}

function row(moment: NfsdMoment, address: string, exported = EXPORTED): NfsClientRow {
  const found = rowsAt(moment, exported).find((one) => one.address === address)
  if (found === undefined) throw new Error(`${address} is not among the clients`)
  return found
}

describe("what a real server tells of its clients", () => {
  it("is nothing while it is stopped, and nobody before the first mount", () => {
    expect(readClients(nfsdFixture("stopped"))).toMatchObject({ threads: 0, version4: [], traffic: [] })
    expect(rowsAt("stopped")).toEqual([])
    expect(readClients(nfsdFixture("idle"))).toMatchObject({ threads: 4, version4: [] })
    expect(rowsAt("idle")).toEqual([])
  })

  it("is its versions, its threads and what went through it", () => {
    expect(readClients(nfsdFixture("open"))).toMatchObject({
      threads: 4,
      versions: ["3", "4", "4.1", "4.2"],
      counters: {
        threads: 4,
        readBytes: 3_145_728,
        writtenBytes: 7_344_134,
        version3: { calls: 28, reads: 0, writes: 9 },
        version4: { calls: 264, reads: 12, writes: 23 },
      },
    })
  })

  it("is one row for each address, each with its version", () => {
    const seen = rowsAt("mounted").map(({ address, versions }) => [address, ...versions])
    expect(seen).toEqual([
      ["192.168.10.11", "4.2"],
      ["192.168.10.12", "3"],
      ["192.168.10.13", "4.0"],
      ["192.168.10.15", "4.2"],
      ["fd00:10::14", "4.1"],
    ])
  })

  it("names a client of version 4 and says when it last renewed", () => {
    expect(row("mounted", "192.168.10.11")).toMatchObject({
      connections: 1,
      instances: [
        {
          name: "Linux NFSv4.2 worker-11",
          status: "confirmed",
          secondsSinceRenew: 4,
          implementation: expect.stringContaining("Linux 6.1.0-56-cloud-amd64") as string,
        },
      ],
    })
    expect(row("mounted", "192.168.10.13").instances[0]?.implementation).toBeUndefined()
  })

  it("is nothing about mounts while no file is open", () => {
    for (const { held } of rowsAt("mounted")) expect(held).toEqual([])
  })

  it("maps open files to the export that their filesystem has, also in a btrfs subvolume", () => {
    expect(row("open", "192.168.10.11").held).toEqual([
      {
        exports: ["/srv/backups"],
        open: 3,
        openToWrite: 2,
        locks: 1,
        delegations: 1,
        names: ["kopia/held", 'restic/odd "name"\nsecond: line', "kopia/p1"],
      },
      {
        exports: ["/srv/tank/kopia"],
        open: 1,
        openToWrite: 1,
        locks: 0,
        delegations: 0,
        names: ["kopia/pack"],
      },
    ])
    expect(row("open", "192.168.10.15").held).toMatchObject([{ exports: ["/srv/pool/vol"], open: 1 }])
  })

  it("names every export that an open file may lie in where one filesystem has several", () => {
    const exported = ["/srv/backups", "/srv/backups/kopia", "/srv/tank/kopia"]
    expect(row("open", "192.168.10.13", exported).held).toMatchObject([
      { exports: ["/srv/backups", "/srv/backups/kopia"] },
    ])
    expect(row("open", "192.168.10.15", exported).held).toMatchObject([{ exports: [] }])
    expect(row("open", "192.168.10.15", ["/srv"]).held).toMatchObject([{ exports: ["/srv"] }])
  })

  it("calls a client that fell silent courtesy, though its connection stands", () => {
    for (const address of ["192.168.10.13", "fd00:10::14"]) {
      expect(row("cut-26s", address)).toMatchObject({
        connections: 1,
        instances: [{ status: "courtesy", secondsSinceRenew: 40 }],
      })
    }
  })

  it("forgets a client of version 4 that unmounted, and remembers one of version 3 for good", () => {
    expect(rowsAt("unmounted").map(({ address }) => address)).toEqual([
      "192.168.10.12",
      "192.168.10.13",
      "fd00:10::14",
    ])
    expect(row("unmounted", "192.168.10.12")).toMatchObject({
      connections: 0,
      onceMounted: ["/srv/backups"],
      instances: [],
    })
  })

  it("counts bytes by the entries of exports(5), which say nothing of one client among many", () => {
    const { traffic } = readClients(nfsdFixture("cut-26s"))
    expect(traffic?.find(({ path }) => path === "/srv/pool/vol")).toEqual({
      path: "/srv/pool/vol",
      clients: ["*", "192.168.10.0/24"],
      sinceSeconds: 21,
      staleHandles: 0,
      readBytes: 1_048_576,
      writtenBytes: 1_048_578,
    })
    expect(row("cut-26s", "192.168.10.11").traffic).toBeUndefined()
  })
})

describe("bytes of one client", () => {
  it.each(["192.168.10.11", "192.168.10.11/32", "$192.168.10.11", "*,192.168.10.11"])(
    "are told where the server counts it by itself: %s",
    (client) => {
      const files = nfsdFixture("open")
      const counters = "\tfh_stale: 0\n\tio_read: 5\n\tio_write: 7\n"
      writeFileSync(
        join(files.nfsd, "export_stats"),
        `# Version 1.1\n/\t${client}\t1\n${counters}\n/srv/backups\t${client}\t1\n${counters}\n/srv/tank/kopia\t${client}\t1\n${counters}\n`,
      )
      const rows = combineClients(readClients(files), EXPORTED)
      const traffic = rows.map((one) => [one.address, one.traffic])
      expect(traffic[0]).toEqual(["192.168.10.11", { readBytes: 10, writtenBytes: 14 }])
      expect(new Set(traffic.slice(1).map(([, bytes]) => bytes))).toEqual(new Set([undefined]))
    },
  )
})

describe("what cannot be told", () => {
  it("is said where there is no kernel server, and connections are shown all the same", () => {
    const files = { ...nfsdFixture("open"), nfsd: "/nonexistent/nfsd" }
    const reading = readClients(files)
    expect(reading).toMatchObject({
      threads: undefined,
      version4: undefined,
      traffic: undefined,
      remembered: undefined,
      problems: [{ code: "missing", hint: expect.stringContaining("container") as string }],
    })
    expect(combineClients(reading, []).map(({ address, versions }) => [address, ...versions])).toContainEqual(
      ["192.168.10.11"],
    )
  })

  it("is named for a user who may not ask, who still sees what everybody may", () => {
    const files = nfsdFixture("open")
    chmodSync(dirname(dirname(files.nfsd)), 0o755)
    for (const name of ["threads", "versions"]) chmodSync(join(files.nfsd, name), 0o600)
    chmodSync(join(files.nfsd, "clients"), 0o700)
    process.seteuid?.(65_534)
    try {
      const { threads, version4, traffic, problems } = readClients(files)
      expect({ threads, version4 }).toEqual({ threads: undefined, version4: undefined })
      expect(traffic).not.toEqual([])
      expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(["unreadable"]))
      expect(problems[0]?.hint).toContain("as root")
    } finally {
      process.seteuid?.(0)
    }
  })

  it("is unknown and not empty before the kernel told of clients and of traffic", () => {
    const files = nfsdFixture("open")
    rmSync(join(files.nfsd, "clients"), { recursive: true })
    rmSync(join(files.nfsd, "export_stats"))
    expect(readClients(files)).toMatchObject({ version4: undefined, traffic: undefined, problems: [] })
  })

  it("leaves out a client that went while it was read", () => {
    const files = nfsdFixture("open")
    rmSync(join(files.nfsd, "clients/4/states"))
    const reading = readClients(files)
    expect(reading.problems).toEqual([])
    expect(reading.version4?.map(({ address }) => address)).not.toContain("192.168.10.13")
  })

  it.each([
    ["threads", "many\n"],
    ["versions", "+three\n"],
    ["export_stats", "/srv/backups\t*\n"],
    ["export_stats", "/srv/backups\t*\t5\n\tio_read: 1\n"],
    ["clients/3/info", 'address: "192.168.10.11"\nminor version: 2\n'],
    ["clients/3/info", 'address: "192.168.10.11:700"\n'],
    ["clients/3/states", "something else\n"],
    ["../net/rpc/nfsd", "io 1\n"],
    ["../net/tcp", "  sl\n 0: nothing\n"],
  ])("is a problem that names the file where %s is not as it should be", (name, text) => {
    const files = nfsdFixture("open")
    writeFileSync(join(files.nfsd, name), text)
    const { problems } = readClients(files)
    const file = join(files.nfsd, name)
    expect(problems).toMatchObject([{ code: "corrupt", facts: { file } }])
    expect(problems[0]?.message).toContain(file)
  })

  it("is the place of what is held where the kernel has no file of it at hand", () => {
    const files = nfsdFixture("open")
    const states = `- 0x00: { type: open, access: rw, deny: --, owner: "x" }\n`
    writeFileSync(join(files.nfsd, "clients/3/states"), states)
    const [first] = combineClients(readClients(files), EXPORTED)
    expect(first?.held).toMatchObject([{ exports: EXPORTED, open: 1, openToWrite: 1, names: [] }])
  })

  it("is not made up by a client's choice of file names", () => {
    const files = nfsdFixture("open")
    const name = `a", superblock: "07:00:1", access: rw, owner: "b`
    const state = `- 0x00: { type: open, access: r-, deny: --, superblock: "fe:00:7", filename: "${name}", owner: "x" }\n`
    writeFileSync(join(files.nfsd, "clients/3/states"), state)
    const [first] = combineClients(readClients(files), EXPORTED)
    expect(first?.held).toMatchObject([{ exports: ["/srv/backups"], openToWrite: 0 }])
  })

  it("passes over what newer kernels add", () => {
    const files = nfsdFixture("open")
    const info =
      'clientid: 0x1\naddress: "[::ffff:10.0.0.9]:700"\nadmin-revoked states: 0\nminor version: 2\n'
    writeFileSync(join(files.nfsd, "clients/3/info"), info)
    mkdirSync(join(files.nfsd, "clients/12"))
    const reading = readClients(files)
    expect(reading.problems).toEqual([])
    expect(reading.version4?.[0]).toMatchObject({ address: "10.0.0.9", status: undefined })
  })
})

describe("connections", () => {
  it("count where they are established, to the ports that the server listens at, IPv4 in IPv6 as IPv4", () => {
    const files = nfsdFixture("idle")
    writeFileSync(join(files.nfsd, "portlist"), "tcp 2050\nudp 2049\n")
    const line = (local: string, remote: string, state: string) => `  0: ${local} ${remote} ${state} rest\n`
    const head = "  sl  local_address rem_address   st\n"
    const mapped = "0000000000000000FFFF00000B0AA8C0"
    writeFileSync(
      join(files.net, "tcp"),
      head +
        line("010AA8C0:0802", "0B0AA8C0:03A0", "01") +
        line("010AA8C0:0802", "0C0AA8C0:03A0", "06") +
        line("010AA8C0:0801", "0D0AA8C0:03A0", "01") +
        line("010AA8C0:03A0", "0E0AA8C0:0802", "01"),
    )
    writeFileSync(
      join(files.net, "tcp6"),
      head + line(`${mapped.replace("0B", "01")}:0802`, `${mapped}:03A1`, "01"),
    )
    expect(readClients(files).connections).toEqual(new Map([["192.168.10.11", 2]]))
  })

  it("are unknown where the machine does not tell of them", () => {
    const files = nfsdFixture("open")
    rmSync(files.net, { recursive: true })
    const reading = readClients(files)
    expect(reading).toMatchObject({ connections: undefined, counters: undefined })
    expect(combineClients(reading, EXPORTED)[0]?.connections).toBeUndefined()
  })
})
