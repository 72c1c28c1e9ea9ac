import { execFile } from "node:child_process"
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import type { ExportsJson } from "../../server/http/contract/admin.js"
import { type DaemonProcess, documentFile, program, startDaemon } from "../support/daemon.js"
import { GaneshaNas, MOVERS } from "../support/ganesha-nas.js"
import { HeldFile } from "../support/held-file.js"
import { NfsMount } from "../support/nfs-mount.js"
import { ResticRepository } from "../support/restic-backup.js"
import { resticOver } from "../support/restic-over-nfs.js"
import { until } from "../support/until.js"

// What exports.slow.test.ts does with the kernel's server in a virtual machine, done with a server and clients in user space.

const PASSWORD = "story"
/** The daemon looks at the fences every second. */
const NOTICED_MS = 2_500
const LIMIT_MS = 20_000

let nas: GaneshaNas
/** Where the disk of the store is mounted, and the one beside it. */
let tank: string
let beside: string
let daemon: DaemonProcess

beforeEach(async () => {
  nas = await GaneshaNas.start()
  tank = nas.mountPoint("restic", "restic/apps", "restic/apps/db")
  beside = nas.mountPoint("files")
  daemon = await startDaemon({ within: nas.within })
})

async function cistern(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  return (await promisify(execFile)(program, args, { env, timeout: LIMIT_MS })).stdout
}

async function declare(): Promise<void> {
  const exported = { cluster: "home", access: "readWrite", squash: MOVERS }
  const document = {
    nfsServer: { kind: "ganesha" },
    stores: [
      { name: "tank", path: tank },
      { name: "beside", path: beside },
    ],
    clusters: [{ name: "home", networks: ["127.0.0.0/8"] }],
    repositories: [
      {
        name: "volumes",
        cluster: "home",
        engine: "restic",
        store: "tank",
        path: "restic/{namespace}/{pvc}",
        password: { value: PASSWORD },
        new: true,
      },
    ],
    exports: [
      { ...exported, store: "tank", path: "restic" },
      { ...exported, store: "beside", path: "files" },
    ],
  }
  await cistern("apply", "-f", documentFile(document))
}

async function shown(): Promise<ExportsJson> {
  return JSON.parse(await cistern("exports", "--json")) as ExportsJson
}

async function says(file: HeldFile, wanted: string, limitMs: number): Promise<void> {
  await until(
    () => file.writes(),
    (said) => said === wanted,
    `a write to be ${wanted}`,
    limitMs,
  )
}

describe("a store that is exported by NFS-Ganesha", () => {
  it("takes a real backup, is taken from its clients while its filesystem is gone, and is given back", async () => {
    const { machine } = nas
    const restics = join(tank, "restic")
    const image = nas.disk(tank, "restic")
    nas.disk(beside, "files")
    const bare = nas.under(tank)
    await declare()
    expect(await shown()).toMatchObject({
      server: { kind: "ganesha", running: true },
      problem: null,
      exports: [{ state: "exported" }, { state: "exported" }],
    })
    await daemon.answers("apps/db", "fresh")

    const mount = await NfsMount.at(machine, restics)
    const repository = new ResticRepository(`${await resticOver(mount)}/apps/db/`, PASSWORD)
    await repository.run("init")
    const first = repository.backup()
    await first.reads(1)
    const { exitCode, hash } = await first.ends()
    expect(exitCode, first.said).toBe(0)
    await daemon.answers("apps/db", "restore")
    expect(await repository.newest()).toBe(hash)
    const written = nas.seen(`${restics}/apps/db`)
    expect(mount.names("apps/db")).toEqual(readdirSync(written).sort())
    expect(statSync(join(written, "config"))).toMatchObject(MOVERS)

    const held = await HeldFile.at(machine, `${restics}/held`)
    const other = await HeldFile.at(machine, `${beside}/files/held`)
    const packs = (): number => readdirSync(join(written, "data"), { recursive: true }).length
    const before = packs()
    const second = repository.backup()
    await second.reads(16)
    await until(packs, (count) => count > before, "a pack of the second backup", LIMIT_MS)
    expect([await held.writes(), await other.writes()]).toEqual(["ok", "ok"])

    // The server holds it: without -l it would be busy.
    nas.unmount(tank, "-l")
    await says(held, "stale", NOTICED_MS)
    await daemon.answers("apps/db", "store_fenced", NOTICED_MS)
    expect(machine.write(`${restics}/lost`, "text")).toContain("NFS4ERR_NOENT")
    expect((await shown()).exports).toMatchObject([
      { state: "withheld", problem: { code: "not_mounted" } },
      { state: "exported" },
    ])
    await nas.letGo(image)
    await second.reads(8)
    await until(
      () => second.said,
      (said) => said.includes("returned error, retrying"),
      "the backup to fail",
      LIMIT_MS,
    )
    expect(await other.writes()).toBe("ok")
    expect(nas.under(tank)).toEqual(bare)

    const another = nas.disk(tank, "restic")
    await until(
      shown,
      ({ exports }) => exports[0]?.problem?.code === "other_filesystem",
      "the other filesystem to be noticed",
    )
    await says(other, "ok", LIMIT_MS)
    expect(await held.writes()).toBe("stale")
    expect(machine.write(`${restics}/lost`, "text")).toContain("NFS4ERR_NOENT")
    expect(await daemon.exists("apps/db")).toMatchObject({ decision: "unknown", reason: "store_fenced" })
    expect(readdirSync(nas.seen(restics))).toEqual([])
    nas.unmount(tank)
    await nas.letGo(another)

    nas.mount(image, tank)
    await says(held, "ok", LIMIT_MS)
    await daemon.answers("apps/db", "restore", LIMIT_MS)
    const end = await second.ends()
    expect(end.exitCode, second.said).toBe(0)
    expect(await repository.newest()).toBe(end.hash)
    await repository.run("check", "--read-data")
    expect(held.isWholeIn(nas.seen(`${restics}/held`))).toBe(true)
    expect(other.isWholeIn(nas.seen(`${beside}/files/held`))).toBe(true)
    expect(nas.under(tank)).toEqual(bare)
    for (const file of [held, other]) file.close()
  }, 120_000)

  it("is not served as long as its disk is missing after a start of the NAS", async () => {
    const { machine } = nas
    const directory = join(tank, "restic")
    const image = nas.disk(tank, "restic")
    nas.disk(beside, "files")
    const bare = nas.under(tank)
    await declare()
    const held = await HeldFile.at(machine, `${directory}/held`)
    expect(await held.writes()).toBe("ok")
    // As docs/exports.md wants it.
    machine.configure(`%include "/etc/ganesha/cistern.conf"`)
    await daemon.stop()
    await machine.stopServer()
    nas.unmount(tank)
    await nas.letGo(image)

    await machine.startServer()
    expect(machine.write(`${directory}/lost`, "text")).toContain("NFS4ERR_NOENT")
    await says(held, "stale", LIMIT_MS)
    daemon = await startDaemon({ within: nas.within, state: daemon.state })
    await until(
      shown,
      ({ exports }) => exports[1]?.state === "exported",
      "the export of the disk that is there",
      LIMIT_MS,
    )
    expect((await shown()).exports[0]).toMatchObject({ state: "withheld", problem: { code: "not_mounted" } })
    expect(await daemon.exists("apps/db")).toMatchObject({ decision: "unknown", reason: "store_fenced" })
    expect(machine.write(`${directory}/lost`, "text")).toContain("NFS4ERR_NOENT")
    expect(nas.under(tank)).toEqual(bare)

    nas.mount(image, tank)
    await says(held, "ok", LIMIT_MS)
    expect(held.isWholeIn(nas.seen(`${directory}/held`))).toBe(true)
    held.close()
  }, 120_000)
})
