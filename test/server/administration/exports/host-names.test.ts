import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parseDocument } from "../../../../server/config/index.js"
import { DocumentError } from "../../../../server/config/document-error.js"
import type { ExportJson } from "../../../../server/http/contract/admin.js"
import { KernelServer } from "../../../../storage/nfs/index.js"
import { Chain, SettableClock } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"

let chain: Chain
let clock: SettableClock
let machine: ExportfsMachine
let state: string
let store: string
/** What the name server tells; a function for one that does otherwise. */
let told: Record<string, readonly string[] | (() => Promise<readonly string[]>)>

beforeEach(() => {
  machine = new ExportfsMachine()
  store = scratch()
  state = scratch()
  for (const name of ["kopia", "other"]) mkdirSync(join(store, name))
  told = { "backup.lan": ["10.9.8.7"] }
  clock = new SettableClock()
  chain = started()
})

afterEach(async () => {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

function started(): Chain {
  const resolveHost = (name: string): Promise<readonly string[]> => {
    const answer = told[name]
    if (typeof answer === "function") return answer()
    return answer === undefined ? failing("ENOTFOUND") : Promise.resolve(answer)
  }
  const nfsServer = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
  const one = new Chain({ state, clock, resolveHost, nfsServer })
  one.administration.exportKeeper.start(3_600_000)
  return one
}

function failing(code: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(`queryA ${code}`), { code }))
}

async function declare(more: object, others: readonly object[] = [], networks = ["192.168.10.0/24"]) {
  await chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks }],
    exports: [{ store: "nas", path: "kopia", cluster: "home", access: "readWrite", ...more }, ...others],
  })
}

/** As if the last question was long ago. */
async function later(milliseconds = 11_000): Promise<void> {
  clock.monoOffset += milliseconds
  await chain.administration.exportKeeper.look()
}

function served(path = "kopia"): string[] {
  return machine.etab
    .split("\n")
    .filter((line) => line.startsWith(`${join(store, path)}\t`))
    .map((line) => line.replace(/^.*\t/, "").replace(/\(.*/, ""))
    .sort()
}

async function row(): Promise<ExportJson> {
  const [first] = (await chain.administration.exports()).exports
  if (first === undefined) throw new Error("nothing is declared")
  return first
}

describe("a host that an export names", () => {
  it("may mount by the addresses that it has, and is told with them", async () => {
    told["backup.lan"] = ["10.9.8.7", "fd00::7", "10.9.8.7"]
    await declare({ hosts: ["backup.lan"] })
    expect(served()).toEqual(["10.9.8.7/32", "192.168.10.0/24", "fd00::7/128"])
    expect(await row()).toMatchObject({
      state: "exported",
      problem: null,
      hosts: [{ name: "backup.lan", addresses: ["10.9.8.7/32", "fd00::7/128"], problem: null }],
    })
  })

  it("loses its address with the name, and has the new one", async () => {
    await declare({ hosts: ["backup.lan"] })
    told["backup.lan"] = ["10.9.8.8"]
    await later()
    expect(served()).toEqual(["10.9.8.8/32", "192.168.10.0/24"])
    await declare({})
    expect(served()).toEqual(["192.168.10.0/24"])
  })

  it("is exported once where it lies in a network of its cluster", async () => {
    told["backup.lan"] = ["192.168.10.7"]
    await declare({ hosts: ["backup.lan"] })
    expect(served()).toEqual(["192.168.10.0/24"])
    expect(await row()).toMatchObject({ state: "exported" })
  })

  it("keeps nobody else out when nobody knows it", async () => {
    await declare({ hosts: ["nowhere.lan"] }, [{ store: "nas", path: "other", cluster: "home" }])
    expect(served()).toEqual(["192.168.10.0/24"])
    expect(served("other")).toEqual(["192.168.10.0/24"])
    expect(await row()).toMatchObject({
      state: "different",
      problem: { code: "host_not_found", message: "nowhere.lan has no address (ENOTFOUND)" },
    })
    await declare({ hosts: ["nowhere.lan"] }, [], [])
    expect(served()).toEqual([])
    expect(await row()).toMatchObject({ state: "withheld", problem: { code: "host_not_found" } })
  })

  it("does not hang the apply when no name server answers", async () => {
    told["silent.lan"] = () => new Promise(() => undefined)
    const begun = performance.now()
    await declare({ hosts: ["backup.lan", "silent.lan"] })
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(served()).toEqual(["10.9.8.7/32", "192.168.10.0/24"])
    const { hosts } = await row()
    expect(hosts[1]).toMatchObject({ name: "silent.lan", addresses: [] })
    expect(hosts[1]?.problem).toContain("nobody has told yet")
  })

  it("keeps its address while no name server can be asked, also over a restart", async () => {
    await declare({ hosts: ["backup.lan"] })
    told["backup.lan"] = () => failing("EAI_AGAIN")
    await later(3_600_000)
    expect(served()).toEqual(["10.9.8.7/32", "192.168.10.0/24"])
    await chain.administration.exportKeeper.stop()
    await chain.stop()
    chain = started()
    await chain.administration.exportKeeper.look()
    expect(served()).toEqual(["10.9.8.7/32", "192.168.10.0/24"])
    const { hosts } = await row()
    expect(hosts[0]?.problem).toContain("its addresses of before still count")
    const { checks } = await chain.administration.doctor()
    expect(checks).toContainEqual(expect.objectContaining({ name: "export host backup.lan", status: "warn" }))
  })

  it("keeps it for some minutes when the name is denied, and then no longer", async () => {
    await declare({ hosts: ["backup.lan"] })
    delete told["backup.lan"]
    await later()
    expect(served()).toEqual(["10.9.8.7/32", "192.168.10.0/24"])
    await later(600_000)
    expect(served()).toEqual(["192.168.10.0/24"])
    told["backup.lan"] = ["10.9.8.7"]
    await later()
    expect(served()).toEqual(["10.9.8.7/32", "192.168.10.0/24"])
  })

  it.each([
    ["that name servers give a name that they block", ["0.0.0.0", "::"]],
    ["of many machines", Array.from({ length: 17 }, (_, at) => `10.1.1.${at}`)],
    ["of one link", ["fe80::1%eth0", "fe80::2"]],
    ["of multicast", ["224.0.0.1", "ff02::1"]],
  ])("has no address %s", async (_, addresses) => {
    told["backup.lan"] = addresses
    await declare({ hosts: ["backup.lan"] })
    expect(served()).toEqual(["192.168.10.0/24"])
    expect((await row()).hosts[0]?.problem).not.toBeNull()
  })

  it("is not remembered as more than a single address, whatever the file of the state says", async () => {
    await declare({ hosts: ["backup.lan"] })
    const file = join(state, "export-hosts.json")
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ "backup.lan": ["10.9.8.7/32"] })
    await chain.administration.exportKeeper.stop()
    await chain.stop()
    writeFileSync(file, '{ "backup.lan": ["10.0.0.0/8"] }')
    told["backup.lan"] = () => failing("EAI_AGAIN")
    chain = started()
    await chain.administration.exportKeeper.look()
    expect(served()).toEqual(["192.168.10.0/24"])
  })
})

describe("a netgroup that an export names", () => {
  it("is exported as the real exportfs has it, read back, and withdrawn", async () => {
    await declare({ netgroups: ["@movers", "@lab.ops_2"] })
    expect(served()).toEqual(["192.168.10.0/24", "@lab.ops_2", "@movers"])
    expect(await row()).toMatchObject({ state: "exported", netgroups: ["@movers", "@lab.ops_2"] })
    machine.exports(`${join(store, "kopia")} @others(ro,sync,no_subtree_check)\n`)
    machine.load()
    expect((await row()).problem?.message).toContain("@others may mount")
    machine.exports("")
    await declare({ netgroups: ["@movers"] })
    expect(served()).toEqual(["192.168.10.0/24", "@movers"])
  })
})

describe("a document that names hosts and netgroups", () => {
  const faultsOf = (more: string): string => {
    try {
      parseDocument(`exports:\n  - { store: nas, cluster: home, ${more} }\n`)
      return ""
    } catch (error) {
      if (error instanceof DocumentError) return error.message
      throw error
    }
  }

  it.each([
    "hosts: ['*.lan']",
    "hosts: ['*']",
    "hosts: ['backup?.lan']",
    "hosts: ['-backup.lan']",
    "hosts: ['backup-.lan']",
    "hosts: ['back up.lan']",
    "hosts: ['backup.lan(rw,no_root_squash)']",
    'hosts: ["backup.lan\\n/ *(rw)"]',
    "hosts: ['@movers']",
    "hosts: ['backup..lan']",
    "hosts: ['backup.lan.']",
    "hosts: ['10.0.0.7']",
    "hosts: ['10.0.0.0/8']",
    "hosts: ['0x0a000001']",
    "hosts: ['backup.lan', 'BACKUP.lan']",
    `hosts: ['${"a".repeat(64)}.lan']`,
    `hosts: ['${"abcdefgh.".repeat(30)}lan']`,
    "netgroups: ['movers']",
    "netgroups: ['@']",
    "netgroups: ['@mov ers']",
    "netgroups: ['@movers(rw)']",
    "netgroups: ['@*']",
    "netgroups: ['@movers', '@movers']",
  ])("is refused with %s", (more) => {
    expect(faultsOf(more)).toMatch(/^2:\d+ exports\.0\.(hosts|netgroups)/)
  })

  it("is taken with what RFC 1123 calls a host", () => {
    expect(faultsOf("hosts: [backup, Backup-2.lan, 3com.example, a.b.c.d.e], netgroups: ['@movers']")).toBe(
      "",
    )
  })

  it("has no names among a cluster's networks", async () => {
    await expect(declare({}, [], ["backup.lan"])).rejects.toThrow("not a network")
    await expect(declare({}, [], ["@movers"])).rejects.toThrow("not a network")
  })
})
