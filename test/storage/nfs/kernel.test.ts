import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { beforeEach, describe, expect, it } from "vitest"
import { exportfsReload } from "../../../storage/host/index.js"
import {
  type ActiveExport,
  compareExports,
  KernelServer,
  type NfsClient,
  type NfsExport,
} from "../../../storage/nfs/index.js"
import { StorageError } from "../../../storage/errors.js"
import { compiled } from "../../support/compiled.js"
import { ExportfsMachine } from "../../support/exportfs.js"
import { scratch } from "../../support/fixtures.js"

const OWNER = "00112233aabbccdd"

let machine: ExportfsMachine
let root: string

beforeEach(() => {
  machine = new ExportfsMachine()
  root = scratch()
})

function server(reload = () => machine.reload(), owner = OWNER): KernelServer {
  return new KernelServer(owner, reload, machine.files)
}

function exported(name: string, network = "192.168.10.0/24"): NfsExport {
  const path = join(root, name)
  mkdirSync(path, { recursive: true })
  const squash = { uid: 568, gid: 568 }
  const clients = [{ network, access: "readWrite", squash } as const]
  return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients }
}

function readOnlyClient(client: NfsClient): NfsClient {
  return { ...client, access: "readOnly" }
}

function apply(wanted: readonly NfsExport[], by = server(), replace = false): Promise<void> {
  return by.apply(wanted, { replace })
}

async function active(): Promise<readonly ActiveExport[]> {
  return (await server().state())?.active ?? []
}

async function differences(wanted: readonly NfsExport[]): Promise<unknown[]> {
  return compareExports(wanted, await active())
}

const file = (): string => readFileSync(machine.files.own, "utf8")

describe("applying exports to the kernel's server", () => {
  it("exports exactly what is wanted, and then exactly what is wanted next", async () => {
    const [a, b, c] = [exported("a"), exported("b c"), exported("d")]
    await apply([a, b])
    expect(await differences([a, b])).toEqual([])
    await apply([b, c, exported("a", "10.0.0.0/8")])
    expect(await differences([b, c, exported("a", "10.0.0.0/8")])).toEqual([])
    expect(await active()).toHaveLength(3)
    await apply([])
    expect(await active()).toEqual([])
  })

  it("says before what would change, line by line", async () => {
    const [a, b] = [exported("a"), exported("b")]
    await apply([a])
    const plan = await server().plan([b], { replace: false })
    expect(plan.removed).toEqual([expect.stringMatching(new RegExp(`^${root}/a 192`)) as string])
    expect(plan.added).toEqual([expect.stringMatching(new RegExp(`^${root}/b 192`)) as string])
    expect(await server().plan([a], { replace: false })).toEqual({ added: [], removed: [] })
    expect(await differences([a])).toEqual([])
  })

  it("leaves alone what others export, and their files", async () => {
    const other = exported("other")
    machine.exports(`${other.path} *(ro,sync,no_subtree_check)\n`)
    await apply([exported("a")])
    await apply([])
    expect(await active()).toMatchObject([{ path: other.path, client: "*" }])
  })

  it("makes the folder of the files where it is not there", async () => {
    execFileSync("rmdir", [join(machine.files.own, "..")])
    await apply([exported("a")])
    expect(await differences([exported("a")])).toEqual([])
  })
})

describe("when the server does not take them", () => {
  const invalid = (text: string): RegExp => new RegExp(text)

  it("the ones before are back, in the file and in the server", async () => {
    const before = exported("a")
    await apply([before])
    const was = file()
    // Somebody else's line for the same directory wins, and is another one.
    machine.exports(`${root}/b 192.168.10.0/24(ro,async,no_subtree_check)\n`)
    await expect(apply([before, exported("b")])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        invalid(`${root}/b is exported to 192.168.10.0/24 with .*async`),
      ) as string,
    })
    expect(file()).toBe(was)
    expect(await differences([before])).toEqual([])
  })

  it("what was to be withdrawn is withdrawn all the same", async () => {
    const clients = ["192.168.10.0/24", "10.0.0.0/8"].flatMap((network) => exported("kept", network).clients)
    const [gone, kept] = [exported("gone"), { ...exported("kept"), clients }]
    await apply([gone, kept])
    machine.exports(`${root}/b 192.168.10.0/24(ro,async,no_subtree_check)\n`)
    const readOnly = { ...exported("kept"), clients: clients.slice(0, 1).map(readOnlyClient) }
    await expect(apply([readOnly, exported("b")])).rejects.toMatchObject({ code: "unsupported" })
    expect((await server().state())?.own).toEqual([readOnly])
    expect(await differences([readOnly])).toEqual([])
  })

  it("because it cannot serve the filesystem, that is said, though its table lists it", async () => {
    // exportfs tries it where the kernel has a server: test/e2e/nfs.slow.test.ts.
    const reload = async (): Promise<readonly string[]> => [
      ...(await machine.reload()),
      `exportfs: ${root}/a does not support NFS export`,
    ]
    await expect(apply([exported("a")], server(reload))).rejects.toThrow(`${root}/a cannot be served`)
    expect(await active()).toEqual([])
  })

  it("because mountd would end when it crosses into a mount, it is not even asked to", async () => {
    await apply([exported("a")])
    rmSync(machine.files.mounts)
    const crossing = { ...exported("b"), crossMounts: true }
    await expect(apply([exported("a"), crossing])).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining("ln -s /proc/self/mounts") as string,
    })
    expect(await differences([exported("a")])).toEqual([])
    expect(machine.etab).not.toContain(`${root}/b`)
  })

  it("and there were none before, there are none", async () => {
    machine.exports(`${root}/b 192.168.10.0/24(ro,async,no_subtree_check)\n`)
    await expect(apply([exported("b")])).rejects.toMatchObject({ code: "unsupported" })
    expect(existsSync(machine.files.own)).toBe(false)
  })

  it("because exportfs does nothing, that is noticed", async () => {
    await expect(
      apply(
        [exported("a")],
        server(() => Promise.resolve([])),
      ),
    ).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("is not exported to 192.168.10.0/24") as string,
    })
    expect(existsSync(machine.files.own)).toBe(false)
  })

  it("because exportfs is not there, cannot be run, fails without a word or hangs, it is said", async () => {
    const program = join(root, "exportfs")
    const failing = (): Promise<void> =>
      apply(
        [exported("a")],
        server(() => exportfsReload(program)),
      )
    await expect(failing()).rejects.toMatchObject({ code: "missing" })
    writeFileSync(program, "#!/bin/sh\nexit 3\n", { mode: 0o644 })
    await expect(failing()).rejects.toMatchObject({ code: "unreadable" })
    chmodSync(program, 0o755)
    await expect(failing()).rejects.toMatchObject({ code: "unsupported" })
    expect(existsSync(machine.files.own)).toBe(false)
    let calls = 0
    const hanging = server(() => {
      calls++
      return Promise.reject(new StorageError("timeout", "exportfs did not answer within 30 s"))
    })
    await expect(apply([exported("a")], hanging)).rejects.toMatchObject({ code: "timeout" })
    expect(calls).toBe(1)
    expect(existsSync(machine.files.own)).toBe(false)
  })

  it("because the last one is still exported by somebody else, that is named", async () => {
    const a = exported("a")
    await apply([a])
    machine.exports(`${root}/a 192.168.10.0/24(ro,sync,no_subtree_check)\n`)
    await expect(apply([])).rejects.toThrow(`${root}/a is still exported to 192.168.10.0/24`)
    expect((await server().state())?.own).toEqual([])
  })

  it("an export that must not be is refused before anything is written", async () => {
    const wrong = { ...exported("a"), path: "/" }
    await expect(apply([wrong])).rejects.toMatchObject({ code: "invalid" })
    expect(existsSync(machine.files.own)).toBe(false)
  })
})

describe("a file that is not as it was left", () => {
  it.each([
    [
      "was changed by hand",
      () => {
        writeFileSync(machine.files.own, file().replace("rw,", "ro,"))
      },
    ],
    [
      "was changed by hand",
      () => {
        writeFileSync(machine.files.own, `${file()}/srv 10.0.0.1(ro)\n`)
      },
    ],
    [
      "was not written by",
      () => {
        writeFileSync(machine.files.own, "/srv 10.0.0.1(ro)\n")
      },
    ],
    [
      "was not written by",
      () => {
        writeFileSync(machine.files.own, "")
      },
    ],
  ])("%s: it is refused, and only replaced when that is said", async (why, change) => {
    await apply([exported("a")])
    change()
    const was = file()
    await expect(server().plan([exported("b")], { replace: false })).rejects.toThrow(why)
    await expect(apply([exported("b")])).rejects.toThrow(why)
    expect(file()).toBe(was)
    await apply([exported("b")], server(), true)
    expect(await differences([exported("b")])).toEqual([])
  })

  it("is another Cistern's: it is refused", async () => {
    await apply([exported("a")])
    await expect(apply([exported("b")], server(undefined, "ffffffffffffffff"))).rejects.toThrow(
      "is another Cistern's of this machine",
    )
    expect(await differences([exported("a")])).toEqual([])
  })
})

describe("a daemon that is killed while it applies", () => {
  it("leaves one whole file, and the next apply completes it", async () => {
    const sets = [
      [exported("a"), exported("b")],
      [exported("b"), exported("c", "10.0.0.0/8")],
    ] as const
    const code = compiled("storage")
    const script = join(code, "apply.mjs")
    writeFileSync(
      script,
      `import { spawnSync } from "node:child_process"
       import { KernelServer } from "./storage/nfs/index.js"
       const { files, within, sets } = JSON.parse(process.argv[2])
       const reload = async () => { spawnSync(within[0], [...within.slice(1), "exportfs", "-ra"]); return [] }
       const server = new KernelServer("${OWNER}", reload, files)
       for (let at = 0; ; at++) {
         await server.apply(sets[at % 2], { replace: false })
         if (at === 0) process.stdout.write("applied")
       }`,
    )
    const input = JSON.stringify({ files: machine.files, within: machine.within, sets })
    for (let kill = 0; kill < 12; kill++) {
      const child = spawn(process.execPath, [script, input], { stdio: ["ignore", "pipe", "inherit"] })
      await once(child.stdout, "data")
      await setTimeout(13 * kill)
      child.kill("SIGKILL")
      await once(child, "exit")
      // One that was under way ends by itself.
      await setTimeout(100)
      const plans = await Promise.all(sets.map((set) => server().plan(set, { replace: false })))
      const whole = plans.findIndex(({ added, removed }) => added.length + removed.length === 0)
      expect(whole).toBeGreaterThanOrEqual(0)
      const set = sets[whole] ?? []
      await apply(set)
      expect(await differences(set)).toEqual([])
      expect(await active()).toHaveLength(2)
    }
  })
})
