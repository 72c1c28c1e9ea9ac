import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { CheckJson } from "../../../../server/http/contract/admin.js"
import { type NfsClientsJson, nfsClientsJson } from "../../../../server/http/contract/nfs-clients.js"
import { clientFiles, GaneshaServer, readClients } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { FakeDsm } from "../../../support/fake-dsm.js"
import { ruleByHand } from "../../../support/fake-dsm-apis.js"
import { FakeTrueNas } from "../../../support/fake-truenas.js"
import { scratch } from "../../../support/fixtures.js"
import { GaneshaMachine } from "../../../support/ganesha.js"
import { type NasChain, nasChain } from "../../../support/nas-chain.js"

/** What a container sees: no server, none of the NAS's connections, and these mounts. */
function container(mountinfo = "/proc/self/mountinfo") {
  const net = scratch()
  writeFileSync(join(net, "tcp"), "  sl  local_address rem_address   st\n")
  return () => readClients({ nfsd: "/nonexistent", net, rmtab: "/nonexistent", mountinfo })
}

async function shown(chain: Chain): Promise<NfsClientsJson> {
  return nfsClientsJson.parse(await chain.administration.nfsClients())
}

async function check(chain: Chain): Promise<CheckJson | undefined> {
  const { checks } = await chain.administration.doctor()
  return checks.find(({ name }) => name === "NFS clients")
}

describe("who is mounted from a TrueNAS", () => {
  let fake: FakeTrueNas
  beforeEach(async () => {
    fake = await FakeTrueNas.start()
    for (const path of ["/mnt/tank/a", "/mnt/tank/b"]) {
      fake.state.dataset(path)
      fake.state.addShare({ path, networks: ["192.168.40.0/24"] })
    }
  })

  const start = (mountinfo?: string): Promise<NasChain> =>
    nasChain(fake, scratch(), { nfsClients: container(mountinfo) })

  it("is told by its API: version, last seen, what is held, and nothing that is not known", async () => {
    const chain = await start()
    const { told, clients, problems, traffic, notices } = await shown(chain)
    expect(told).toMatchObject({ source: "truenas" })
    expect(clients).toMatchObject([
      {
        ...{ address: "192.0.2.9", sources: ["truenas"], versions: ["3"], onceMounted: ["/mnt/tank/a"] },
        ...{ state: "unknown", connections: null, readBytes: null, renewedAt: null, mounts: null },
      },
      {
        ...{ address: "192.168.40.247", sources: ["truenas"], versions: ["4.2"], state: "confirmed" },
        ...{ names: ["Linux NFSv4.2 debian12-hv"], connections: null, readBytes: null, mounts: null },
        held: [{ exports: ["/mnt/tank/a", "/mnt/tank/b"], open: 1, openToWrite: 1, delegations: 1 }],
      },
    ])
    const age = chain.clock.now().wall - Date.parse(clients[1]?.renewedAt ?? "")
    expect(age).toBeGreaterThan(44_000)
    expect(age).toBeLessThan(120_000)
    // What the container cannot see is told by TrueNAS, and so not missed.
    expect({ problems, traffic }).toEqual({ problems: [], traffic: null })
    expect(notices).toMatchObject([{ code: "stranger" }])
    expect(await check(chain)).toMatchObject({
      status: "warn",
      detail: expect.stringContaining("40.247") as string,
    })
  })

  it("is known to the export where the same dataset is mounted here", async () => {
    const mountinfo = join(scratch(), "mountinfo")
    const line = (device: string, type: string) =>
      `36 1 ${device} / /mnt/tank/b rw - ${type} tank/b rw\n1 0 0:1 / / rw - overlay overlay rw\n`
    writeFileSync(mountinfo, line("0:57", "zfs"))
    expect((await shown(await start(mountinfo))).clients[1]?.mounts).toEqual(["/mnt/tank/b"])
    // The same number of another machine's is somebody else's filesystem.
    writeFileSync(mountinfo, line("0:57", "tmpfs"))
    expect((await shown(await start(mountinfo))).clients[1]?.mounts).toBeNull()
  })

  it.each([
    ["forbidden", "unreadable"],
    ["cut", "io"],
    ["nonsense", "corrupt"],
  ] as const)("is unknown with the reason when its answer is %s", async (fault, code) => {
    fake.break("nfs.get_nfs4_clients", fault, { times: 9 })
    const { told, clients, problems } = await shown(await start())
    expect({ told, clients }).toEqual({ told: null, clients: [] })
    expect(problems.map((one) => one.code)).toEqual(expect.arrayContaining(["missing", code]))
  })

  it("is not taken from what was told an hour ago, while it does not answer", async () => {
    const chain = await start()
    expect((await shown(chain)).clients).toHaveLength(2)
    let go: () => void = () => undefined
    fake.hold = new Promise((resolve) => {
      go = resolve
    })
    chain.clock.wallOffset += 3_600_000
    chain.clock.monoOffset += 3_600_000
    const { told, clients, problems } = await shown(chain)
    expect({ told, clients }).toEqual({ told: null, clients: [] })
    expect(problems.map(({ code }) => code)).toEqual(["missing", "timeout"])
    go()
  })

  it("is not waited for longer than a moment, and shown the next time", async () => {
    let go: () => void = () => undefined
    fake.hold = new Promise((resolve) => {
      go = resolve
    })
    const chain = await start()
    const first = await shown(chain)
    expect(first.problems.map(({ code }) => code)).toContain("timeout")
    fake.hold = undefined
    go()
    expect((await shown(chain)).clients).toHaveLength(2)
  })
})

describe("who is mounted from a Synology", () => {
  let dsm: FakeDsm
  beforeEach(async () => {
    dsm = await FakeDsm.start()
    dsm.nas.share("backup").rules = [ruleByHand("10.20.0.0/16")]
  })

  it("is told by DSM's list of connections, as far as it goes", async () => {
    const chain = await nasChain(dsm, scratch(), { nfsClients: container() })
    const { told, clients, problems } = await shown(chain)
    expect(told).toMatchObject({ source: "synology" })
    expect(clients).toMatchObject([
      {
        ...{ address: "10.20.0.7", sources: ["synology"], cluster: "home", state: "connected" },
        ...{ versions: [], renewedAt: null, connections: null, mounts: ["/volume1/backup"] },
        ...{ readBytes: null, writtenBytes: null },
      },
    ])
    expect(problems).toEqual([])
  })

  it("is a stranger who is in no cluster's networks", async () => {
    const item = { type: "NFS", from: "192.0.2.66", descr: "-", who: "-" }
    dsm.nas.answers("SYNO.Core.CurrentConnection", "list", { data: { items: [item], total: 1 } })
    const chain = await nasChain(dsm, scratch(), { nfsClients: container() })
    expect((await shown(chain)).clients).toMatchObject([{ kind: "stranger", mounts: null }])
    expect(await check(chain)).toMatchObject({ status: "warn" })
  })

  it("is unknown with the reason where the account may not see it", async () => {
    dsm.breaks("SYNO.Core.CurrentConnection list", { code: 105 }, { times: 9 })
    const chain = await nasChain(dsm, scratch(), { nfsClients: container() })
    const { told, problems } = await shown(chain)
    expect(told).toBeNull()
    expect(problems.map(({ code }) => code)).toEqual(["missing", "unreadable"])
  })
})

describe("who is mounted from an NFS-Ganesha", () => {
  const chains: Chain[] = []
  afterEach(async () => {
    for (const chain of chains.splice(0)) await chain.stop()
  })

  async function start(machine: GaneshaMachine): Promise<Chain> {
    const nfsServer = new GaneshaServer("0123456789abcdef", machine.bus, machine.files)
    const nfsClients = () => readClients({ ...clientFiles, nfsd: "/nonexistent" })
    const chain = new Chain({ state: scratch(), nfsServer, nfsClients })
    chains.push(chain)
    await chain.apply({ clusters: [{ name: "home", networks: ["10.20.0.0/16"] }] })
    return chain
  }

  it("is told by the server itself: version, when it last asked, and the bytes", async () => {
    const machine = await GaneshaMachine.start()
    const place = join(scratch(), "place")
    mkdirSync(place, { mode: 0o777 })
    machine.addForeign(101, place, "Access_Type = RW; Squash = No_Root_Squash;")
    const chain = await start(machine)
    expect((await shown(chain)).clients.filter(({ sources }) => sources.includes("ganesha"))).toEqual([])
    expect(machine.write(`${place}/file`, "hello")).toBe("")
    const before = Date.now()
    const { told, clients, traffic, problems } = await shown(await start(machine))
    expect(told).toMatchObject({ source: "ganesha" })
    const mine = clients.find(({ sources }) => sources.includes("ganesha"))
    expect(mine).toMatchObject({
      ...{ address: "127.0.0.1", kind: "machine", versions: ["4.0"], mounts: null },
      ...{ readBytes: 0, writtenBytes: 5 },
    })
    expect(Math.abs(Date.parse(mine?.renewedAt ?? "") - before)).toBeLessThan(60_000)
    expect(traffic).toMatchObject([
      { directory: place, clients: [], readBytes: 0, writtenBytes: 5, staleHandles: null },
    ])
    expect(problems).toEqual([])
  })

  it("is nobody, and said so, while it is stopped", async () => {
    const machine = await GaneshaMachine.start()
    await machine.stopServer()
    const { told, problems } = await shown(await start(machine))
    expect(told).toBeNull()
    expect(problems).toMatchObject([{ code: "missing" }])
  })
})
