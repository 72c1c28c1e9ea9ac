import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { KernelServer, type NfsServer, stepsByHand, SynologyServer } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { clientOf } from "../../../support/dsm-client.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { FakeDsm } from "../../../support/fake-dsm.js"
import { scratch } from "../../../support/fixtures.js"

let chain: Chain
let machine: ExportfsMachine
let store: string

beforeEach(() => {
  machine = new ExportfsMachine()
  store = scratch()
  mkdirSync(join(store, "kopia"))
})

afterEach(async () => {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

function start(nfsServer: NfsServer): void {
  chain = new Chain({ state: scratch(), nfsServer })
}

const kernel = (): NfsServer => new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)

async function declare(more: object = {}): Promise<void> {
  await chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
    exports: [
      { store: "nas", path: "kopia", cluster: "home", access: "readWrite" },
      { store: "nas", path: "absent", cluster: "home" },
    ],
    ...more,
  })
}

const steps = (system?: "synology" | "kernel") => chain.administration.exportSteps(system)

describe("the steps to export by hand", () => {
  it("are what the real exportfs takes, and are read back although somebody else keeps the exports", async () => {
    start(kernel())
    await declare()
    const before = await steps()
    expect(before).toMatchObject({ system: "kernel", unreadable: null })
    expect(before.differences).toEqual([`192.168.10.0/24 cannot mount ${store}/kopia`])
    expect(before.left).toEqual([expect.stringContaining("nas:absent for home")])
    const lines = before.steps.filter((line) => line.startsWith("/"))
    machine.exports(`${lines.join("\n")}\n`)
    expect(machine.load()).toEqual({ exitCode: 0, stderr: "" })
    expect((await steps()).differences).toEqual([])
    machine.exports(`${lines.join("\n").replace("rw,", "ro,")}\n`)
    machine.load()
    expect((await steps()).differences).toEqual([expect.stringContaining("it has ro instead of rw")])
  })

  it("say what the system cannot have, which keeps nothing else out", async () => {
    start(kernel())
    await declare()
    const { system, steps: lines, left } = await steps("synology")
    expect({ system, lines }).toEqual({ system: "synology", lines: [] })
    expect(left.join("\n")).toContain("cannot be exported by DSM: it is in no shared folder")
  })

  it("are what doctor names where DSM lets the account do nothing", async () => {
    const dsm = await FakeDsm.start({ secure: false })
    try {
      const account = dsm.accounts.get("cistern")
      if (account !== undefined) account.administrator = false
      const rules = { read: () => undefined, write: () => undefined }
      start(new SynologyServer(clientOf(dsm), rules))
      chain.administration.exportKeeper.start(3_600_000)
      await declare()
      await chain.administration.exportKeeper.look()
      const { checks } = await chain.administration.doctor()
      const server = checks.find(({ name }) => name === "NFS server")
      expect(server).toMatchObject({ status: "fail" })
      expect(server?.hint).toContain("`cistern exports steps`")
      const { differences, unreadable } = await steps("synology")
      expect(differences).toBeNull()
      expect(unreadable).toContain("105")
    } finally {
      await dsm.stop()
    }
  })

  it("are told for each system", () => {
    start(kernel())
    const clients = [
      { network: "10.0.0.0/8", access: "readWrite", squash: { uid: 568, gid: 568 } },
      { network: "192.168.0.0/16", access: "readOnly", squash: undefined },
    ] as const
    const one = {
      path: "/mnt/tank/a",
      mountPoint: "/mnt/tank/a",
      crossMounts: false,
      fsid: undefined,
      clients,
    }
    const nas = stepsByHand("truenas", [one]).steps.join("\n")
    expect(nas.match(/Path: \/mnt\/tank\/a/g)).toHaveLength(2)
    expect(nas).toContain("Mapall User: the one with the number 568")
    expect(stepsByHand("ganesha", [one]).steps.join("\n")).toContain('Path = "/mnt/tank/a";')
    const group = {
      ...one,
      clients: [{ network: "@movers", access: "readOnly", squash: undefined } as const],
    }
    for (const kind of ["truenas", "synology"] as const)
      expect(stepsByHand(kind, [group])).toMatchObject({ steps: [], refused: [{ path: "/mnt/tank/a" }] })
    expect(stepsByHand("kernel", [group]).steps.join("\n")).toContain("@movers(ro,")
  })
})
