import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { documentFile, startDaemon } from "../support/daemon.js"
import { ExportfsMachine } from "../support/exportfs.js"
import { scratch } from "../support/fixtures.js"
import { shell } from "./console.js"
import { documentOf, sharedKopia, sharedStore } from "./fleet.js"

const exported = { store: "tank", path: "kopia", cluster: "home", access: "readWrite" }

describe("stores and exports by the command line", () => {
  it("a store is created, exported and withdrawn, and its volumes are no longer answered for", async () => {
    const machine = new ExportfsMachine()
    const { store } = sharedStore()
    const daemon = await startDaemon({ within: machine.within, document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    const second = join(scratch(), "second/store")
    const absent = await shell(`cistern stores create second ${second} --allow-root`, daemon)
    expect(absent).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("--make") as string })
    const dry = await shell(`cistern stores create second ${second} --allow-root --make --dry-run`, daemon)
    expect(dry).toMatchObject({ exitCode: 0 })
    expect(dry.stdout).toContain(`makes the directory ${second}`)
    expect(existsSync(second)).toBe(false)
    const made = await shell(`cistern stores create second ${second} --allow-root --make`, daemon)
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    expect(readdirSync(second)).toEqual([".cistern"])
    expect((await shell("cistern stores", daemon)).stdout).toMatch(/second +ok/)
    expect((await shell(`cistern stores create second ${second}`, daemon)).exitCode).toBe(4)

    const file = documentFile({ ...documentOf(store, [sharedKopia]), exports: [exported] })
    expect((await shell(`cistern apply -f ${file}`, daemon)).exitCode).toBe(0)
    expect(machine.etab).toContain(`${store}/kopia\t`)

    const inUse = await shell("cistern stores withdraw tank", daemon)
    expect(inUse).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("--with-repositories") as string,
    })
    const asked = await shell("cistern stores withdraw tank --with-repositories", daemon)
    expect(asked.exitCode).toBe(4)
    const accept = /--accept \S+/.exec(asked.stderr)?.[0] ?? ""
    expect(machine.etab).toContain(`${store}/kopia\t`)
    const gone = await shell(`cistern stores withdraw tank --with-repositories ${accept}`, daemon)
    expect(gone).toMatchObject({ exitCode: 0, stderr: "" })
    expect(gone.stdout).toContain("`cistern apply` of a document that names it brings it back")
    expect(machine.etab).toBe("")
    expect(readdirSync(store).sort()).toEqual([".cistern", "kopia"])
    expect((await daemon.exists("home/home-assistant")).decision).toBe("unknown")
    expect((await shell("cistern stores withdraw tank", daemon)).exitCode).toBe(1)

    expect((await shell(`cistern apply -f ${file}`, daemon)).exitCode).toBe(0)
    await daemon.answers("home/home-assistant", "restore")
    expect(machine.etab).toContain(`${store}/kopia\t`)
  })

  it("everybody may write only by --i-know, and another cluster's repository is never exported", async () => {
    const machine = new ExportfsMachine()
    const { store } = sharedStore()
    const daemon = await startDaemon({ within: machine.within })
    const wide = {
      ...documentOf(store, [sharedKopia], { cluster: { networks: ["0.0.0.0/1"] } }),
      exports: [exported],
    }
    const file = documentFile(wide)
    const refused = await shell(`cistern apply -f ${file}`, daemon)
    expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("--i-know") as string })
    expect(machine.etab).toBe("")
    expect((await shell(`cistern apply -f ${file} --i-know`, daemon)).exitCode).toBe(0)
    expect(machine.etab).toContain(`${store}/kopia\t0.0.0.0/1(rw,`)
    expect((await shell(`cistern apply -f ${file}`, daemon)).exitCode).toBe(0)
    expect((await shell("cistern exports", daemon)).stdout).toContain("read-write for EVERYBODY")

    const lab = { name: "lab", networks: ["192.168.20.0/24"] }
    const foreign = documentFile({ clusters: [lab], exports: [{ ...exported, path: "", cluster: "lab" }] })
    const other = await shell(`cistern apply -f ${foreign}`, daemon)
    expect(other.exitCode).toBe(2)
    expect(other.stderr).toMatch(
      /1:\d+ exports\.tank: for lab\.path: it holds the place of repository shared/,
    )
  })

  it("a host that is named is exported by its address, and one that nobody knows keeps nothing out", async () => {
    const machine = new ExportfsMachine()
    machine.host("10.9.8.7 backup.lan")
    const { store } = sharedStore()
    const daemon = await startDaemon({ within: machine.within })
    const hosts = ["backup.lan", "nobody-knows.invalid"]
    const file = documentFile({
      ...documentOf(store, [sharedKopia]),
      exports: [{ ...exported, hosts, netgroups: ["@movers"] }],
    })
    expect((await shell(`cistern apply -f ${file}`, daemon)).exitCode).toBe(0)
    for (const client of ["10.9.8.7/32", "127.0.0.0/8", "@movers"])
      expect(machine.etab).toContain(`${store}/kopia\t${client}(rw,`)
    const { stdout } = await shell("cistern exports", daemon)
    expect(stdout).toContain("backup.lan (10.9.8.7/32)")
    expect(stdout).toContain("nobody-knows.invalid (nobody)")
  })
})
