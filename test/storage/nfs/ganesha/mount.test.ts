import { execFileSync } from "node:child_process"
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import {
  compareExports,
  type GaneshaBus,
  GaneshaServer,
  type NfsExport,
} from "../../../../storage/nfs/index.js"
import { scratch } from "../../../support/fixtures.js"
import { GaneshaMachine } from "../../../support/ganesha.js"
import { ext4Image, mountImage, patiently, unmount } from "../../../support/mounts.js"
import { Nfs4Client } from "../../../support/nfs4-client.js"

const OWNER = "00112233aabbccdd"

let machine: GaneshaMachine
let server: GaneshaServer
/** Where the store's filesystem is mounted. */
let tank: string
let image: string

beforeEach(async () => {
  machine = await GaneshaMachine.start()
  server = new GaneshaServer(OWNER, machine.bus, machine.files)
  tank = join(scratch(), "tank")
  image = ext4Image(16)
  mountImage(image, tank)
  mkdirSync(join(tank, "kopia"))
  for (const path of [tank, join(tank, "kopia")]) chownSync(path, 568, 568)
})

/** In the store. */
function exported(path: string): NfsExport {
  return { ...always(path), mountPoint: tank }
}

/** On the machine's own filesystem. */
function always(path: string): NfsExport {
  const squash = { uid: 568, gid: 568 }
  const clients = [{ network: "127.0.0.0/8", access: "readWrite", squash } as const]
  return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients }
}

function apply(...wanted: readonly NfsExport[]): Promise<void> {
  return server.apply(wanted, { replace: false })
}

async function differences(...wanted: readonly NfsExport[]): Promise<unknown[]> {
  const state = await server.state()
  return compareExports(wanted, state?.active ?? [], state?.settings)
}

/** What was written under the mount, where nobody would find it again. */
function underTheMount(): string[] {
  return existsSync(tank) ? readdirSync(tank, { recursive: true, encoding: "utf8" }) : []
}

describe("the filesystem of a store", () => {
  it("is held while it is exported, and let go by the withdrawal though a client has a file open", async () => {
    const one = exported(tank)
    await apply(one)
    expect(machine.write(`${tank}/held`, "one")).toBe("")
    const client = await Nfs4Client.connect(machine.port)
    const handle = await client.handle(`${tank}/held`)
    expect(() => {
      unmount(tank)
    }).toThrow()
    await apply()
    unmount(tank)
    expect(await client.write(handle, "two")).toBe("stale")
    expect(machine.write(`${tank}/other`, "two")).toContain("NFS4ERR_NOENT")
    expect(underTheMount()).toEqual([])
    mountImage(image, tank)
    await apply(one)
    expect(await differences(one)).toEqual([])
    // Its handle is good again, and leads to the same file.
    expect(await client.write(handle, "six")).toBe("ok")
    expect(readFileSync(join(tank, "held"), "utf8")).toBe("six")
    expect(machine.write(`${tank}/other`, "two")).toBe("")
    client.close()
  })

  it("is not mounted: nothing is exported of it, though there is a directory at its path", async () => {
    unmount(tank)
    mkdirSync(join(tank, "kopia"))
    chownSync(join(tank, "kopia"), 568, 568)
    const [one, root] = [exported(join(tank, "kopia")), scratch()]
    const opened: string[] = []
    const watched: GaneshaBus = {
      isThere: () => machine.bus.isThere(),
      call: (method, ...args) => {
        if (method === "AddExport") opened.push(readFileSync(args[0] ?? "", "utf8"))
        return machine.bus.call(method, ...args)
      },
    }
    await expect(
      new GaneshaServer(OWNER, watched, machine.files).apply([one, always(root)], { replace: false }),
    ).rejects.toThrow(`${one.path}: no filesystem is mounted at ${tank}`)
    // Not for a moment.
    expect(opened.filter((text) => text.includes(tank))).toEqual([])
    expect(opened).toHaveLength(1)
    expect((await server.state())?.active).toEqual([])
    expect(machine.write(`${one.path}/lost`, "text")).toContain("NFS4ERR_NOENT")
    expect(underTheMount()).toEqual(["kopia"])
    mountImage(image, tank)
    await apply(one)
    expect(machine.write(`${one.path}/found`, "text")).toBe("")
    expect(readdirSync(one.path)).toEqual(["found"])
  })

  it("is unmounted while its export is opened: it is closed again", async () => {
    const one = exported(tank)
    let opened = 0
    const unlucky = new GaneshaServer(
      OWNER,
      {
        isThere: () => machine.bus.isThere(),
        call: (method, ...args) => {
          if (method === "AddExport") {
            opened++
            unmount(tank)
          }
          return machine.bus.call(method, ...args)
        },
      },
      machine.files,
    )
    await expect(unlucky.apply([one], { replace: false })).rejects.toThrow("no filesystem is mounted")
    expect(opened).toBe(1)
    expect((await server.state())?.active).toEqual([])
    mountImage(image, tank)
    await apply(one)
    expect(machine.write(`${tank}/found`, "text")).toBe("")
    expect(readdirSync(tank)).toContain("found")
  })

  it("is detached under its export, as `umount -l` does: the next apply closes it", async () => {
    const [one, other] = [exported(tank), always(scratch())]
    await apply(one, other)
    execFileSync("umount", ["-l", tank])
    await expect(apply(one, other)).rejects.toThrow("no filesystem is mounted")
    expect(machine.write(`${tank}/lost`, "text")).toContain("NFS4ERR_NOENT")
    expect(await differences(other)).toEqual([])
    expect(underTheMount()).toEqual([])
    patiently(() => execFileSync("mount", ["-o", "loop", image, tank]))
    await apply(one, other)
    expect(machine.write(`${tank}/found`, "text")).toBe("")
  })

  it("was mounted over an exported directory: the directory is opened anew", async () => {
    const path = join(scratch(), "later")
    mkdirSync(path)
    chownSync(path, 568, 568)
    await apply(always(path))
    mountImage(ext4Image(), path)
    chownSync(path, 568, 568)
    await apply({ ...always(path), mountPoint: path })
    expect(machine.write(`${path}/found`, "text")).toBe("")
    expect(readdirSync(path)).toContain("found")
  })
})

describe("a restart of the server", () => {
  it("brings back what is always there, and nothing whose filesystem has to be mounted first", async () => {
    const other = always(scratch())
    const one = exported(join(tank, "kopia"))
    await apply(other, one)
    expect(server.afterRestart()).toEqual({
      included: false,
      main: machine.files.main,
      line: `%include "${machine.files.own}"`,
      lost: [other.path],
      kept: [],
      waiting: [other.path, one.path].sort(),
    })
    machine.configure(server.afterRestart().line)
    expect(server.afterRestart()).toMatchObject({ included: true, kept: [other.path], waiting: [one.path] })
    await machine.stopServer()
    // At boot, a directory of that name lies where the filesystem is not mounted yet.
    unmount(tank)
    mkdirSync(join(tank, "kopia"))
    await machine.startServer()
    expect(await differences(other)).toEqual([])
    expect((await server.state())?.active).toHaveLength(1)
    mountImage(image, tank)
    expect((await server.state())?.own).toHaveLength(2)
    await apply(other, one)
    expect(machine.write(`${one.path}/found`, "text")).toBe("")
    expect(readdirSync(one.path)).toEqual(["found"])
  })

  it("works after the last export went, because a start without the included file fails", async () => {
    machine.configure(`%include "${machine.files.own}"`)
    await apply(exported(tank))
    await apply()
    await machine.stopServer()
    await machine.startServer()
    expect((await server.state())?.active).toEqual([])
  })

  it.each([
    ['%include "OWN"', true],
    ["%include OWN", true],
    ["EXPORT { }  %include cistern.conf", true],
    ["%dir FOLDER", true],
    ['%dir "FOLDER/*.conf"', true],
    ["%include other.conf", true],
    ["%include missing.conf", false],
    ['# %include "OWN"', false],
    ['%include "OWN.old"', false],
    ["%dir FOLDER/*.d", false],
    ["%dir FOLDER/sub", false],
    ["", false],
  ])("is known to load our file or not: %s", (text, included) => {
    const folder = join(machine.files.own, "..")
    writeFileSync(join(folder, "other.conf"), "%include ganesha.conf\n%include cistern.conf\n")
    writeFileSync(machine.files.main, text.replace("OWN", machine.files.own).replace("FOLDER", folder))
    expect(server.afterRestart().included).toBe(included)
  })
})
