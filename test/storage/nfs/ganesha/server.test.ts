import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import { ganeshaBus } from "../../../../storage/host/index.js"
import {
  type ActiveExport,
  compareExports,
  type GaneshaBus,
  GaneshaServer,
  type NfsClient,
  type NfsExport,
} from "../../../../storage/nfs/index.js"
import { scratch } from "../../../support/fixtures.js"
import { GaneshaMachine } from "../../../support/ganesha.js"
import { Nfs4Client } from "../../../support/nfs4-client.js"
import { until } from "../../../support/until.js"

const OWNER = "00112233aabbccdd"
const LOCAL = "127.0.0.0/8"
const squash = { uid: 568, gid: 569 }

let machine: GaneshaMachine
let root: string

beforeEach(() => {
  root = scratch()
})

function server(bus = machine.bus, owner = OWNER): GaneshaServer {
  return new GaneshaServer(owner, bus, machine.files)
}

function exported(name: string, ...clients: readonly Partial<NfsClient>[]): NfsExport {
  const path = join(root, name)
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true })
    chownSync(path, squash.uid, squash.gid)
  }
  const all = clients.length === 0 ? [{}] : clients
  return {
    path,
    mountPoint: undefined,
    crossMounts: false,
    fsid: undefined,
    clients: all.map((client) => ({ network: LOCAL, access: "readWrite", squash, ...client })),
  }
}

function apply(wanted: readonly NfsExport[], by = server(), replace = false): Promise<void> {
  return by.apply(wanted, { replace })
}

async function active(): Promise<readonly ActiveExport[]> {
  return (await server().state())?.active ?? []
}

async function differences(wanted: readonly NfsExport[]): Promise<unknown[]> {
  const state = await server().state()
  return compareExports(wanted, state?.active ?? [], state?.settings)
}

const file = (): string => readFileSync(machine.files.own, "utf8")

/** What of a running server's exports is changed by whom. */
function counting(bus: GaneshaBus): { bus: GaneshaBus; calls: string[] } {
  const calls: string[] = []
  return {
    calls,
    bus: {
      isThere: () => bus.isThere(),
      call: (method, ...args) => {
        if (method !== "ShowExports" && method !== "DisplayExport")
          calls.push(`${method} ${args.at(-1) ?? ""}`)
        return bus.call(method, ...args)
      },
    },
  }
}

describe("applying exports to NFS-Ganesha", () => {
  beforeEach(async () => {
    machine = await GaneshaMachine.start()
  })

  it("exports exactly what is wanted, and then exactly what is wanted next", async () => {
    const [a, b, c] = [exported("a"), exported("b c"), exported("d")]
    await apply([a, b])
    expect(await differences([a, b])).toEqual([])
    const other = exported("a", { network: "10.0.0.0/8", access: "readOnly", squash: undefined })
    await apply([b, c, other])
    expect(await differences([b, c, other])).toEqual([])
    expect(await active()).toHaveLength(3)
    await apply([])
    expect(await active()).toEqual([])
    expect((await server().state())?.own).toEqual([])
  })

  it("reads back in the words of exports(5) what the server tells, and says what that is", async () => {
    const one = exported(
      "a",
      {},
      { network: "fd00::7/128", access: "readOnly", squash: undefined },
      { network: "10.0.0.0/8", squash: { uid: 0, gid: 4_294_967_294 } },
    )
    await apply([one])
    const state = await server().state()
    expect(state).toMatchObject({ running: true, own: [{ path: one.path }] })
    expect(state?.settings).toEqual(["access", "port", "root", "all", "uid", "gid", "security"])
    const rest = ["root_squash", "all_squash"]
    expect(state?.active.map(({ client, options }) => [client, options.join()]).sort()).toEqual([
      ["10.0.0.0/8", ["rw", "secure", ...rest, "anonuid=0", "anongid=4294967294", "sec=sys"].join()],
      ["127.0.0.0/8", ["rw", "secure", ...rest, "anonuid=568", "anongid=569", "sec=sys"].join()],
      [
        "fd00::7/128",
        ["ro", "secure", "root_squash", "no_all_squash", "anonuid=65534", "anongid=65534", "sec=sys"].join(),
      ],
    ])
  })

  it("exports to a netgroup, and reads it back beside networks", async () => {
    const one = exported("a", {}, { network: "@movers" }, { network: "@lab.ops-2", access: "readOnly" })
    await apply([one])
    expect(await differences([one])).toEqual([])
    expect((await active()).map(({ client }) => client).sort()).toEqual([
      "127.0.0.0/8",
      "@lab.ops-2",
      "@movers",
    ])
    const less = exported("a", { network: "@movers", access: "readOnly" })
    await apply([less])
    expect(await differences([less])).toEqual([])
    expect(await active()).toHaveLength(1)
  })

  it("lets clients do what is declared, and nobody else anything", async () => {
    const [writable, readable, closed] = [
      exported("w"),
      exported("r", { access: "readOnly" }),
      exported("c", { network: "10.0.0.0/8" }),
    ]
    writeFileSync(join(readable.path, "there"), "before")
    await apply([writable, readable, closed])
    expect(machine.write(`${writable.path}/one`, "text")).toBe("")
    expect(machine.read(`${writable.path}/one`)).toBe("text")
    expect(machine.read(`${readable.path}/there`)).toBe("before")
    expect(machine.write(`${readable.path}/one`, "text")).toContain("NFS4ERR_ROFS")
    expect(machine.list(closed.path).said).toContain("NFS4ERR_NOENT")
    expect(readdirSync(readable.path)).toEqual(["there"])
    // Privileged ports only, as with `secure`.
    expect(machine.list(writable.path, { uid: 1000 }).said).toContain("NFS4ERR_NOENT")
  })

  it("squashes as declared: everybody to one user, or root alone", async () => {
    const [all, some] = [exported("all"), exported("root", { squash: undefined })]
    await apply([all, some])
    expect(machine.write(`${all.path}/one`, "text")).toBe("")
    expect(statSync(join(all.path, "one"))).toMatchObject(squash)
    // Root has become nobody, whom the directory does not let write.
    expect(machine.write(`${some.path}/one`, "text")).toContain("NFS4ERR_ACCESS")
  })

  it("shows clients at once what an engine on this machine removes and writes", async () => {
    const one = exported("a")
    await apply([one])
    expect(machine.write(`${one.path}/pack`, "old")).toBe("")
    expect(machine.list(one.path).names).toEqual(["pack"])
    rmSync(join(one.path, "pack"))
    writeFileSync(join(one.path, "other"), "new")
    expect(machine.list(one.path).names).toEqual(["other"])
    expect(() => machine.read(`${one.path}/pack`)).toThrow("NFS4ERR_NOENT")
    expect(machine.write(`${one.path}/pack`, "again")).toBe("")
  })

  it("says before what would change, line by line, and changes nothing", async () => {
    const [a, b] = [exported("a"), exported("b")]
    await apply([a])
    const was = file()
    const plan = await server().plan([b], { replace: false })
    expect(plan.removed).toEqual([expect.stringMatching(new RegExp(`^${root}/a 127`)) as string])
    expect(plan.added).toEqual([expect.stringMatching(new RegExp(`^${root}/b 127`)) as string])
    expect(await server().plan([a], { replace: false })).toEqual({ added: [], removed: [] })
    expect(file()).toBe(was)
    expect(await differences([a])).toEqual([])
  })

  it("does not touch what does not change, nor the clients that have files open there", async () => {
    const [a, b, c] = [exported("a"), exported("b"), exported("c")]
    await apply([a, b])
    expect(machine.write(`${a.path}/held`, "one")).toBe("")
    const client = await Nfs4Client.connect(machine.port)
    const handle = await client.handle(`${a.path}/held`)
    const { bus, calls } = counting(machine.bus)
    await apply([a, exported("b", { access: "readOnly" }), c], server(bus))
    expect(calls).toEqual(["UpdateExport EXPORT(Export_Id=50001)", "AddExport EXPORT(Export_Id=50002)"])
    expect(await client.write(handle, "two")).toBe("ok")
    await apply([a], server(bus))
    expect(calls.slice(2)).toEqual(["RemoveExport 50001", "RemoveExport 50002"])
    expect(await client.write(handle, "six")).toBe("ok")
    expect(readFileSync(join(a.path, "held"), "utf8")).toBe("six")
    await apply([a], server(bus))
    expect(calls).toHaveLength(4)
    client.close()
  })

  it("takes writing from a client that has a file open at once, and gives it back", async () => {
    const a = exported("a")
    await apply([a])
    expect(machine.write(`${a.path}/held`, "one")).toBe("")
    const client = await Nfs4Client.connect(machine.port)
    const handle = await client.handle(`${a.path}/held`)
    await apply([exported("a", { access: "readOnly" })])
    expect(await client.write(handle, "two")).toBe("rofs")
    await apply([a])
    expect(await client.write(handle, "two")).toBe("ok")
    await apply([])
    expect(await client.write(handle, "six")).toBe("stale")
    expect(readFileSync(join(a.path, "held"), "utf8")).toBe("two")
    client.close()
  })

  it("keeps an export's number, so that handles stay good when it comes back, and gives it to no other", async () => {
    const [a, b] = [exported("a"), exported("b")]
    await apply([a])
    await apply([a, b])
    expect(file()).toMatch(new RegExp(`# export 50000 ${a.path} [^]*# export 50001 ${b.path} `))
    await apply([b])
    await apply([b, exported("c"), a])
    expect(file()).toMatch(
      new RegExp(`# export 50000 ${a.path} [^]*# export 50001 ${b.path} [^]*# export 50002 ${root}/c `),
    )
  })

  it("opens an export anew when its fsid changes, under the same number", async () => {
    const one = { ...exported("a"), fsid: "01234567-89ab-cdef-0123-456789abcdef" }
    await apply([one])
    expect(machine.write(`${one.path}/one`, "text")).toBe("")
    const { bus, calls } = counting(machine.bus)
    const other = { ...one, fsid: "01234567-89ab-cdef-0123-456789abcdee" }
    await apply([other], server(bus))
    expect(calls).toEqual(["RemoveExport 50000", "AddExport EXPORT(Export_Id=50000)"])
    expect(machine.read(`${one.path}/one`)).toBe("text")
    await apply([other], server(bus))
    expect(calls).toHaveLength(2)
  })

  it("mends what somebody did to an export of ours", async () => {
    const [a, b] = [exported("a"), exported("b")]
    await apply([a, b])
    const changed = join(root, "changed.conf")
    const block = `EXPORT { Export_Id = 50000; Path = "${a.path}"; Pseudo = "${a.path}"; Access_Type = RW; FSAL { Name = VFS; } }`
    writeFileSync(changed, block)
    machine.manager("UpdateExport", "ss", changed, "EXPORT(Export_Id=50000)")
    machine.manager("RemoveExport", "q", "50001")
    expect(await differences([a, b])).toMatchObject([
      { kind: "missing", path: a.path },
      { kind: "missing", path: b.path },
      { kind: "foreign", path: a.path, client: "*" },
    ])
    await apply([a, b])
    expect(await differences([a, b])).toEqual([])
  })
})

describe("what others export", () => {
  beforeEach(async () => {
    machine = await GaneshaMachine.start()
  })

  it("is left alone, also where it has the number that would be ours", async () => {
    const [other, a] = [exported("other"), exported("a")]
    machine.addForeign(50_000, other.path)
    await apply([a])
    expect(await differences([a])).toEqual([])
    await apply([])
    expect(machine.manager("DisplayExport", "q", "50000")).toContain(other.path)
    expect(await active()).toEqual([{ path: other.path, client: "*", options: [] }])
  })

  it("is told with what is known of it", async () => {
    const other = exported("other")
    machine.addForeign(
      7,
      other.path,
      `CLIENT { Clients = 10.0.0.0/8, @lab, *.example.net; Access_Type = RW; Squash = None; }
       CLIENT { Clients = 192.168.0.7; Access_Type = RO; SecType = krb5, krb5p; }
       CLIENT { Clients = 192.168.0.8; Access_Type = None; }
       CLIENT { Clients = *; Squash = All; }
       CLIENT { Clients = 172.16.0.0/12; Access_Type = RW; }`,
    )
    const root = ["no_root_squash", "no_all_squash"]
    expect((await active()).map(({ client, options }) => [client, ...options])).toEqual([
      ["10.0.0.0/8", "rw", ...root],
      ["@lab", "rw", ...root],
      ["*.example.net", "rw", ...root],
      ["192.168.0.7/32", "ro", "sec=krb5:krb5p"],
      ["*", "root_squash", "all_squash"],
    ])
  })

  it("counts where it opens a directory of ours to somebody else", async () => {
    const a = exported("a")
    machine.addForeign(7, a.path, "CLIENT { Clients = 10.0.0.0/8; Access_Type = RW; }", "/elsewhere")
    await apply([a])
    expect(await differences([a])).toEqual([
      { kind: "foreign", path: a.path, client: "10.0.0.0/8", writes: true },
      { kind: "foreign", path: a.path, client: "*", writes: false },
    ])
  })

  it("and lies in ours: ours is closed to everybody when it cannot be removed, and that is said", async () => {
    const [a, inner] = [exported("a"), exported("a/inner")]
    await apply([a])
    machine.addForeign(7, inner.path)
    await expect(apply([])).rejects.toThrow(
      new RegExp(`${a.path} is still there, though nobody may mount it.*submounts`),
    )
    expect(machine.list(a.path).said).toContain("NFS4ERR_NOENT")
    expect((await server().state())?.own).toEqual([])
    machine.manager("RemoveExport", "q", "7")
    await apply([])
    expect(await active()).toEqual([])
  })
})

describe("when NFS-Ganesha does not take them", () => {
  beforeEach(async () => {
    machine = await GaneshaMachine.start()
  })

  it("the ones before are back, in the file and in the server", async () => {
    const [before, gone] = [exported("a"), { ...exported("b"), path: join(root, "nowhere") }]
    await apply([before])
    const exports = file()
      .split("\n")
      .filter((line) => line.startsWith("# export"))
    await expect(apply([exported("a", { network: "10.0.0.0/8" }), gone])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(`${root}/nowhere is not exported`) as string,
    })
    // Its client was to be withdrawn.
    expect((await server().state())?.own).toEqual([])
    await apply([before])
    await expect(apply([before, gone])).rejects.toMatchObject({ code: "unsupported" })
    expect(await differences([before])).toEqual([])
    expect(await active()).toHaveLength(1)
    expect(exports).toHaveLength(1)
    expect((await server().state())?.own).toEqual([before])
  })

  it("what was to be withdrawn is withdrawn all the same", async () => {
    const [gone, kept] = [exported("gone"), exported("kept", {}, { network: "10.0.0.0/8" })]
    await apply([gone, kept])
    const readOnly = exported("kept", { access: "readOnly" })
    await expect(apply([readOnly, { ...exported("b"), path: join(root, "nowhere") }])).rejects.toMatchObject({
      code: "unsupported",
    })
    expect((await server().state())?.own).toEqual([readOnly])
    expect(await differences([readOnly])).toEqual([])
    expect(machine.list(gone.path).said).toContain("NFS4ERR_NOENT")
    expect(machine.write(`${kept.path}/one`, "text")).toContain("NFS4ERR_ROFS")
  })

  it("because it left a client out and called that a success, that is noticed", async () => {
    const a = exported("a", {}, { network: "10.0.0.0/8" })
    // A client that its lexer cannot read: it complains after the words of a success.
    const spoiling: GaneshaBus = {
      isThere: () => machine.bus.isThere(),
      call: (method, ...args) => {
        const [change] = args
        if (method === "AddExport" && change !== undefined) {
          const text = readFileSync(change, "utf8").replace("Clients = 10.0.0.0/8", "Clients = fd00::/100")
          writeFileSync(change, text)
        }
        return machine.bus.call(method, ...args)
      },
    }
    await expect(apply([a], server(spoiling))).rejects.toThrow(
      new RegExp(`${a.path} is not exported to 10.0.0.0/8.*1 exports added. Errors found`),
    )
    expect(await active()).toEqual([])
  })

  it("because somebody has the same place in its tree, that is said", async () => {
    const [a, other] = [exported("a"), exported("other")]
    machine.addForeign(7, other.path, "Access_Type = RO;", a.path)
    await expect(apply([a])).rejects.toThrow(`${a.path} is not exported`)
    expect((await active()).map(({ path }) => path)).toEqual([other.path])
    expect((await server().state())?.own).toEqual([])
  })

  it("because it did not do what it says it did, that is noticed", async () => {
    const [a, b] = [exported("a"), exported("b")]
    await apply([a])
    const lazy: GaneshaBus = {
      isThere: () => machine.bus.isThere(),
      call: (method, ...args) => {
        if (method === "AddExport") return Promise.resolve({ ok: true, values: ["1 exports added"] })
        if (method === "RemoveExport") return Promise.resolve({ ok: true, values: [] })
        return machine.bus.call(method, ...args)
      },
    }
    await expect(apply([a, b], server(lazy))).rejects.toThrow(`${b.path} is not exported`)
    await expect(apply([], server(lazy))).rejects.toThrow(`${a.path} is still exported to 127.0.0.0/8`)
    // What is still there is remembered, and goes with the next one.
    await apply([])
    expect(await active()).toEqual([])
  })

  it("because it serves another protocol than said, that is noticed", async () => {
    const a = exported("a")
    const other: GaneshaBus = {
      isThere: () => machine.bus.isThere(),
      call: (method, ...args) => {
        const [change] = args
        if (method === "AddExport" && change !== undefined) {
          writeFileSync(
            change,
            readFileSync(change, "utf8").replaceAll("Transports = TCP", "Transports = UDP"),
          )
        }
        return machine.bus.call(method, ...args)
      },
    }
    await expect(apply([a], server(other))).rejects.toThrow(`${a.path} is exported with other protocols`)
    expect(await active()).toEqual([])
  })

  it("an export that must not be, or that it cannot be told, is refused before anything is written", async () => {
    for (const wrong of [{ ...exported("a"), path: "/" }, exported("a", { network: "fd00::/100" })]) {
      await expect(apply([wrong])).rejects.toMatchObject({ code: "invalid" })
    }
    expect(existsSync(machine.files.own)).toBe(false)
  })
})

describe("an NFS-Ganesha that cannot be asked", () => {
  it("is none where nothing of it is installed, with a bus or without one", async () => {
    machine = await GaneshaMachine.stopped({ bus: false })
    expect(await server().state()).toBeUndefined()
    await machine.startBus()
    expect(await server().state()).toBeUndefined()
  })

  it("is stopped: that is told, and what is withdrawn stays so at its next start", async () => {
    machine = await GaneshaMachine.start()
    const [a, b] = [exported("a"), exported("b")]
    await apply([a, b])
    machine.configure(`%include "${machine.files.own}"`)
    await machine.stopServer()
    expect(await server().state()).toMatchObject({ running: false, active: [] })
    await expect(apply([a])).rejects.toMatchObject({ code: "missing", message: "NFS-Ganesha is not running" })
    await machine.startServer()
    expect((await server().state())?.own).toEqual([a])
    expect(await differences([a])).toEqual([])
    expect(await active()).toHaveLength(1)
  })

  it("hangs: what is withdrawn is known as such, and goes when it answers again", async () => {
    machine = await GaneshaMachine.start()
    const [a, b] = [exported("a"), exported("b")]
    await apply([a, b])
    machine.signal("SIGSTOP")
    const impatient = server(ganeshaBus({ address: machine.address, milliseconds: 300 }))
    await expect(impatient.state()).rejects.toMatchObject({
      code: "timeout",
      message: "NFS-Ganesha did not answer within 0.3 s",
    })
    await expect(apply([b, exported("c")], impatient)).rejects.toMatchObject({ code: "timeout" })
    machine.signal("SIGCONT")
    expect((await server().state())?.own).toEqual([b])
    // Whoever compares what is ours with what is wanted must see that something is left to do.
    const plan = await server().plan([b], { replace: false })
    expect(plan).toEqual({ added: [], removed: [expect.stringContaining(a.path) as string] })
    await apply([b])
    expect(await server().plan([b], { replace: false })).toEqual({ added: [], removed: [] })
    expect((await active()).map(({ path }) => path)).toEqual([b.path])
  })

  it("hangs in the middle: the next apply completes it", async () => {
    machine = await GaneshaMachine.start()
    const [a, b, c] = [exported("a"), exported("b"), exported("c")]
    await apply([a, b])
    const bus = ganeshaBus({ address: machine.address, milliseconds: 300 })
    const stalling: GaneshaBus = {
      isThere: () => bus.isThere(),
      call: (method, ...args) => {
        if (method === "AddExport") machine.signal("SIGSTOP")
        return bus.call(method, ...args)
      },
    }
    await expect(apply([b, c], server(stalling))).rejects.toMatchObject({ code: "timeout" })
    machine.signal("SIGCONT")
    expect((await server().state())?.own).toEqual([b])
    await apply([b])
    expect((await active()).map(({ path }) => path)).toEqual([b.path])
  })

  it("has ended with the bus: it is stopped, and what is declared comes back", async () => {
    machine = await GaneshaMachine.start()
    await apply([exported("a")])
    await machine.stopBus()
    await expect(server().state()).rejects.toMatchObject({ code: "unreadable" })
    await machine.startBus()
    await until(
      async () => (await server().state())?.running,
      (running) => running === false,
      "the server's end",
    )
    await machine.stopServer()
    await machine.startServer()
    await apply([exported("a")])
    expect(await differences([exported("a")])).toEqual([])
  })

  it("runs, but was started without a bus: that is not taken for a stopped one", async () => {
    machine = await GaneshaMachine.stopped({ bus: false })
    machine.configure("")
    await machine.startServer()
    await machine.startBus()
    await expect(server().state()).rejects.toThrow("runs, but is not on the system's D-Bus")
    await expect(apply([])).rejects.toMatchObject({ code: "unreadable" })
  })

  it("cannot be asked because busctl is not there, or answers otherwise: that is said", async () => {
    machine = await GaneshaMachine.stopped({ bus: true })
    machine.configure("")
    const program = join(root, "busctl")
    const state = () => server(ganeshaBus({ address: machine.address, program })).state()
    await expect(state()).rejects.toMatchObject({
      code: "missing",
      message: `there is no program ${program}`,
    })
    writeFileSync(program, "#!/bin/sh\necho b true\n", { mode: 0o755 })
    await expect(state()).rejects.toMatchObject({ code: "corrupt" })
    writeFileSync(program, `#!/bin/sh\necho '{"type":"b","data":[true]}'\n`, { mode: 0o755 })
    await expect(state()).rejects.toMatchObject({ code: "corrupt" })
  })

  it("dies of what it is told: what is withdrawn stays so", async () => {
    machine = await GaneshaMachine.start()
    const [a, b, c] = [exported("a"), exported("b"), exported("c")]
    await apply([a, b])
    const deadly: GaneshaBus = {
      isThere: () => machine.bus.isThere(),
      call: async (method, ...args) => {
        if (method === "AddExport") await machine.stopServer()
        return machine.bus.call(method, ...args)
      },
    }
    await expect(apply([b, c], server(deadly))).rejects.toMatchObject({ code: "unreadable" })
    expect((await server().state())?.own).toEqual([b])
    await machine.startServer()
    await apply([b])
    expect((await active()).map(({ path }) => path)).toEqual([b.path])
  })
})

describe("a file that is not as it was left", () => {
  beforeEach(async () => {
    machine = await GaneshaMachine.start()
    await apply([exported("a")])
  })

  it.each([
    ["was changed by hand", () => file().replace("Access_Type = RW", "Access_Type = RO")],
    ["was changed by hand", () => file().replace("# export 50000", "# export 50001")],
    ["was changed by hand", () => `${file()}EXPORT { }\n`],
    ["was not written by", () => "EXPORT { }\n"],
    ["was not written by", () => ""],
  ])("%s: it is refused, and only replaced when that is said", async (why, changed) => {
    writeFileSync(machine.files.own, changed())
    const was = file()
    await expect(server().plan([exported("b")], { replace: false })).rejects.toThrow(why)
    await expect(apply([exported("b")])).rejects.toThrow(why)
    expect(file()).toBe(was)
    expect((await server().state())?.own).toBeUndefined()
    await apply([exported("b")], server(), true)
    expect(await differences([exported("b")])).toEqual([])
    expect((await server().state())?.own).toEqual([exported("b")])
  })

  it("is put back when the server does not take what replaces it", async () => {
    writeFileSync(machine.files.own, `${file()}# by hand\n`)
    const was = file()
    const nowhere = { ...exported("b"), path: join(root, "nowhere") }
    await expect(apply([exported("a"), nowhere], server(), true)).rejects.toMatchObject({
      code: "unsupported",
    })
    expect(file()).toBe(was)
    expect(await differences([exported("a")])).toEqual([])
  })

  it("is another Cistern's: it is refused", async () => {
    await expect(apply([exported("b")], server(machine.bus, "ffffffffffffffff"))).rejects.toThrow(
      "is another Cistern's of this machine",
    )
    expect(await differences([exported("a")])).toEqual([])
  })

  it("leaves nothing beside it", () => {
    expect(readdirSync(dirname(machine.files.own)).filter((name) => name.includes("cistern"))).toEqual([
      "cistern.conf",
    ])
    expect(existsSync(machine.files.change)).toBe(false)
  })
})
