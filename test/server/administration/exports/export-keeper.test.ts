import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { ExportsJson } from "../../../../server/http/contract/admin.js"
import { StorageError } from "../../../../storage/errors.js"
import { KernelServer, type NfsServer } from "../../../../storage/nfs/index.js"
import { Chain, SettableClock } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../../../support/mounts.js"
import { until } from "../../../support/until.js"

let chain: Chain
let state: string
let machine: ExportfsMachine
let store: string
let image: string
/** How often the server was reloaded. */
let reloads: number
let reload: () => Promise<readonly string[]>

beforeEach(() => {
  machine = new ExportfsMachine()
  reloads = 0
  reload = () => machine.reload()
  store = join(scratch(), "tank")
  image = ext4Image()
  mountImage(image, store)
  for (const name of ["kopia", "restic"]) mkdirSync(join(store, name))
  state = scratch()
  chain = started(state)
})

afterEach(async () => {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

function started(state: string, owner = "0123456789abcdef", clock?: SettableClock): Chain {
  const counted = (): Promise<readonly string[]> => {
    reloads++
    return reload()
  }
  const one = new Chain({
    state,
    nfsServer: new KernelServer(owner, counted, machine.files),
    ...(clock === undefined ? {} : { clock }),
  })
  // Looks at once whenever a test asks, and by itself so seldom that it never does.
  one.administration.exportKeeper.start(3_600_000)
  return one
}

const squash = { uid: 568, gid: 568 }

function exported(path: string, cluster = "home"): object {
  return { store: "nas", path, cluster, access: "readWrite", squash }
}

async function declare(exports: readonly object[], networks = ["192.168.10.0/24"]): Promise<void> {
  await chain.apply({
    stores: [{ name: "nas", path: store }],
    clusters: [{ name: "home", networks }],
    exports,
  })
}

const look = (): Promise<void> => chain.administration.exportKeeper.look()

const shown = (): Promise<ExportsJson> => chain.administration.exports()

/** What the real exportfs has in its table: path and client. */
function served(): string[] {
  return machine.etab
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(`${store}/`, "").replace(/\(.*/, "").replace("\t", " "))
    .sort()
}

describe("what is declared", () => {
  it("is exported with the document, and withdrawn with it", async () => {
    await declare([exported("kopia"), exported("restic")])
    expect(served()).toEqual(["kopia 192.168.10.0/24", "restic 192.168.10.0/24"])
    expect((await shown()).exports.map(({ state }) => state)).toEqual(["exported", "exported"])
    await declare([exported("restic")], ["192.168.10.0/24", "10.0.0.0/8"])
    expect(served()).toEqual(["restic 10.0.0.0/8", "restic 192.168.10.0/24"])
    await declare([])
    expect(served()).toEqual([])
  })

  it("is not touched again while all is as it should be", async () => {
    await declare([exported("kopia")])
    expect(reloads).toBe(1)
    await look()
    await declare([exported("kopia")])
    expect(reloads).toBe(1)
  })

  it("is loaded again when somebody took it away", async () => {
    await declare([exported("kopia")])
    writeFileSync(machine.files.etab, "")
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
  })

  it("leads to no file where nothing is exported", async () => {
    await declare([])
    await look()
    expect(reloads).toBe(0)
  })
})

describe("a store whose filesystem goes", () => {
  it("has its exports withdrawn, and back with the same filesystem only", async () => {
    await declare([exported("kopia"), exported("restic")])
    unmount(store)
    await look()
    expect(served()).toEqual([])
    expect((await shown()).exports[0]).toMatchObject({ state: "withheld", problem: { code: "not_mounted" } })

    const other = ext4Image()
    mountImage(other, store)
    for (const name of ["kopia", "restic"]) mkdirSync(join(store, name))
    await look()
    expect(served()).toEqual([])
    unmount(store)

    mountImage(image, store)
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24", "restic 192.168.10.0/24"])
  })

  it("has them back after an administrator accepted the other one", async () => {
    await declare([exported("kopia")])
    unmount(store)
    mountImage(ext4Image(), store)
    mkdirSync(join(store, "kopia"))
    await look()
    expect(served()).toEqual([])
    await chain.administration.acceptStore("nas", "test")
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
  })

  it("is withdrawn at the next start, too", async () => {
    await declare([exported("kopia")])
    await chain.administration.exportKeeper.stop()
    await chain.stop()
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    unmount(store)
    chain = started(state)
    // Nobody has to ask.
    await until(
      () => served(),
      ({ length }) => length === 0,
      "the export to be withdrawn",
    )
  })

  it("is noticed by its fence, without anybody asking", async () => {
    await declare([exported("kopia")])
    const { exportKeeper } = chain.administration
    await exportKeeper.stop()
    exportKeeper.start(20)
    renameSync(join(store, ".cistern"), join(store, ".hidden"))
    await until(
      () => Promise.resolve(served()),
      ({ length }) => length === 0,
      "the export to be withdrawn",
    )
    renameSync(join(store, ".hidden"), join(store, ".cistern"))
    await until(
      () => Promise.resolve(served()),
      ({ length }) => length === 1,
      "the export to be back",
    )
  })
})

describe("a filesystem that is mounted in an exported directory", () => {
  let child: string
  let childImage: string

  beforeEach(() => {
    child = join(store, "restic/app")
    childImage = ext4Image()
    mountImage(childImage, child)
  })

  it("is crossed into, and withdrawn with everything around it when it goes", async () => {
    await declare([exported("kopia"), exported("restic")])
    expect(machine.etab).toMatch(/restic\t.*,crossmnt,/)
    expect(machine.etab).not.toMatch(/kopia\t.*,crossmnt,/)
    unmount(child)
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    const { exports } = await shown()
    expect(exports[1]).toMatchObject({ state: "withheld", problem: { code: "not_mounted" } })
    mountImage(ext4Image(), child)
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    unmount(child)
    mountImage(childImage, child)
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24", "restic 192.168.10.0/24"])
  })

  it.each(["restic/app", "restic/app/db"])("is missed by an export in it, too: %s", async (path) => {
    // The place under the mount looks like the directory that clients shall have.
    unmount(child)
    mkdirSync(join(child, "db"))
    mountImage(childImage, child)
    mkdirSync(join(child, "db"))
    await declare([exported("kopia"), exported(path)])
    expect(served()).toEqual(["kopia 192.168.10.0/24", `${path} 192.168.10.0/24`])
    unmount(child)
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    const { exports } = await shown()
    expect(exports[1]).toMatchObject({ state: "withheld", problem: { code: "not_mounted" } })
    mountImage(childImage, child)
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24", `${path} 192.168.10.0/24`])
  })

  it("that the server cannot be told of keeps no other export out, and is not tried", async () => {
    rmSync(machine.files.mounts)
    await declare([exported("kopia"), exported("restic")])
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    expect((await shown()).exports[1]).toMatchObject({ state: "refused", problem: { code: "server_cannot" } })
    expect(reloads).toBe(1)
  })

  it("is remembered once, and for its own store", async () => {
    const other = scratch()
    mkdirSync(join(other, "files"))
    await chain.apply({
      stores: [
        { name: "nas", path: store },
        { name: "other", path: other, allowRoot: true },
      ],
      clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
      exports: [exported("restic"), { ...exported("files"), store: "other" }],
    })
    expect(chain.shelf.fences.names("mount")).toEqual([`nas:${child}`])
    const { stores } = chain.catalog
    const located: string[] = []
    const locate = stores.locate.bind(stores)
    stores.locate = (name, paths) => {
      located.push(`${name} ${paths.length}`)
      return locate(name, paths)
    }
    await look()
    expect(located.sort()).toEqual(["nas 2", "other 2"])
  })

  it("is not remembered when it goes before that: what is under it is no filesystem of its own", async () => {
    const { stores } = chain.catalog
    const locate = stores.locate.bind(stores)
    let gone = false
    stores.locate = (name, paths) => {
      if (!gone && paths.includes(child)) {
        gone = true
        unmount(child)
      }
      return locate(name, paths)
    }
    await declare([exported("restic")])
    expect(gone).toBe(true)
    expect(chain.shelf.fences.names("mount")).toEqual([])
    await look()
    expect(served()).toEqual(["restic 192.168.10.0/24"])
    expect(machine.etab).not.toContain(",crossmnt,")
  })

  it("may go when an administrator accepts that", async () => {
    await declare([exported("restic")])
    unmount(child)
    await look()
    expect(served()).toEqual([])
    const { changes } = await chain.administration.acceptStore("nas", "test")
    expect(changes).toEqual([expect.stringContaining(`nothing is mounted at ${child}`)])
    expect(served()).toEqual(["restic 192.168.10.0/24"])
    expect(machine.etab).not.toContain(",crossmnt,")
  })
})

describe("an export that the server does not take", () => {
  /** exportfs, with a complaint about one directory. */
  const refuses = (path: string) => async () => {
    const said = await machine.reload()
    const asked = machine.etab.includes(`${path}\t`)
    return asked ? [...said, `exportfs: ${path} does not support NFS export`] : said
  }

  it("does not keep the others out, and is said", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) mkdirSync(join(store, name))
    reload = refuses(join(store, "c"))
    await declare(["a", "b", "c", "d", "e"].map((name) => exported(name)))
    expect(served()).toEqual(["a", "b", "d", "e"].map((name) => `${name} 192.168.10.0/24`))
    const { exports } = await shown()
    expect(exports[2]).toMatchObject({ state: "missing", problem: { code: "unsupported" } })
    expect(exports[2]?.problem?.message).toContain(`${store}/c cannot be served`)
    const tried = reloads
    await look()
    expect(reloads).toBe(tried)
  })

  it("does not keep a withdrawal back", async () => {
    await declare([exported("kopia")])
    reload = refuses(join(store, "restic"))
    await declare([exported("restic")])
    expect(served()).toEqual([])
  })

  it("leaves what was exported of it to those who keep it", async () => {
    await declare([exported("kopia")], ["192.168.10.0/24", "10.0.0.0/8"])
    machine.exports(`${store}/kopia 172.16.0.0/12(ro,async,no_subtree_check)\n`)
    await declare([exported("kopia")], ["192.168.10.0/24", "172.16.0.0/12"])
    expect(served()).toContain("kopia 192.168.10.0/24")
    expect(served()).not.toContain("kopia 10.0.0.0/8")
    expect((await shown()).exports[0]).toMatchObject({ state: "different" })
  })

  it("is no problem any more once the server took it: another one is said instead", async () => {
    const clock = new SettableClock()
    await chain.administration.exportKeeper.stop()
    await chain.stop()
    chain = started(state, undefined, clock)
    reload = refuses(join(store, "kopia"))
    await declare([exported("kopia"), exported("restic")])
    expect((await shown()).exports[0]).toMatchObject({ state: "missing", problem: { code: "unsupported" } })
    reload = () => machine.reload()
    clock.monoOffset = 20_000
    clock.wallOffset = 20_000
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24", "restic 192.168.10.0/24"])
    machine.runs(0)
    expect((await shown()).exports[0]).toMatchObject({ problem: { code: "nfs_server_stopped" } })
  })

  it("is tried again as soon as it is declared otherwise", async () => {
    reload = refuses(join(store, "kopia"))
    await declare([exported("kopia")])
    expect(served()).toEqual([])
    reload = () => machine.reload()
    await declare([exported("kopia")])
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
  })
})

class CountingClock extends SettableClock {
  asked = 0

  override now(): ReturnType<SettableClock["now"]> {
    this.asked++
    return super.now()
  }
}

describe("a look at the server", () => {
  it("is not made where nothing is exported, and nothing was", async () => {
    let looks = 0
    const server = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
    const nfsServer: NfsServer = {
      kind: "kernel",
      state: () => {
        looks++
        return server.state()
      },
      refusals: (wanted) => server.refusals(wanted),
      plan: (wanted, options) => server.plan(wanted, options),
      apply: (wanted, options) => server.apply(wanted, options),
    }
    let holds = false
    const one = new Chain({ state: scratch(), nfsServer, mayHold: () => holds })
    one.administration.exportKeeper.start(3_600_000)
    await one.administration.exportKeeper.look()
    expect(looks).toBe(0)
    holds = true
    await one.administration.exportKeeper.look()
    expect(looks).toBe(1)
    await one.administration.exportKeeper.stop()
    await one.stop()
  })

  it.each([
    ["kernel", 14_000, 15_000],
    ["synology", 299_000, 300_000],
  ] as const)("of kind %s is not made before %d ms, and after %d ms it is", async (kind, early, late) => {
    const clock = new CountingClock()
    let looks = 0
    const server = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
    const nfsServer: NfsServer = {
      kind,
      state: () => {
        looks++
        return server.state()
      },
      refusals: (wanted) => server.refusals(wanted),
      plan: (wanted, options) => server.plan(wanted, options),
      apply: (wanted, options) => server.apply(wanted, options),
    }
    const one = new Chain({ state: scratch(), clock, nfsServer })
    const { exportKeeper } = one.administration
    exportKeeper.start(5)
    await until(
      () => Promise.resolve(looks),
      (count) => count === 1,
      "the first look",
    )
    clock.monoOffset = early
    // Ticks, each of which would look if it were due.
    const asked = clock.asked + 20
    await until(
      () => Promise.resolve(clock.asked),
      (count) => count > asked,
      "some ticks",
    )
    expect(looks).toBe(1)
    clock.monoOffset = late
    await until(
      () => Promise.resolve(looks),
      (count) => count === 2,
      "the second look",
    )
    await exportKeeper.stop()
    await one.stop()
  })
})

describe("another NFS server", () => {
  it("that is nobody's business of ours is not touched, and that is said", async () => {
    await declare([exported("kopia")])
    const document = {
      stores: [{ name: "nas", path: store }],
      clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
      exports: [exported("restic")],
      nfsServer: { kind: "none" },
    }
    await chain.apply(document)
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    expect((await shown()).exports[0]).toMatchObject({
      state: "unknown",
      problem: { code: "exports_not_kept" },
    })
    await expect(
      chain.administration.applyExports({ dryRun: false, replace: false }, "test"),
    ).rejects.toMatchObject({ status: 409, code: "exports_not_kept" })
    await chain.apply({ ...document, nfsServer: { kind: "auto" } })
    expect(served()).toEqual(["restic 192.168.10.0/24"])
  })
})

describe("a server that cannot be kept", () => {
  it("because exportfs is missing or hangs: what was is kept, it is said once, and done when it works", async () => {
    await declare([exported("kopia")])
    reload = () => Promise.reject(new StorageError("missing", "there is no program exportfs"))
    await declare([exported("restic")])
    await look()
    expect((await shown()).problem).toMatchObject({
      code: "missing",
      message: "there is no program exportfs",
    })
    expect(chain.logged.filter((line) => line.includes("cannot be kept"))).toHaveLength(1)
    reload = () => machine.reload()
    await look()
    expect(served()).toEqual(["restic 192.168.10.0/24"])
    expect((await shown()).problem).toBeNull()
  })

  it("because our file was changed by hand: it is not touched, and said", async () => {
    await declare([exported("kopia")])
    const changed = `${store}/kopia *(rw,sync,no_subtree_check)\n`
    writeFileSync(machine.files.own, changed)
    await declare([exported("kopia"), exported("restic")])
    const { problem } = await shown()
    expect(problem?.message).toContain("was not written by")
    expect(problem?.hint).toContain("--replace")
    await chain.administration.applyExports({ dryRun: false, replace: true }, "test")
    await look()
    expect((await shown()).problem).toBeNull()
    expect(served()).toEqual(["kopia 192.168.10.0/24", "restic 192.168.10.0/24"])
  })

  it("because another daemon of this machine has it: the first keeps its exports", async () => {
    await declare([exported("kopia")])
    const first = chain
    chain = started(scratch(), "ffffffffffffffff")
    await declare([exported("restic")])
    expect((await shown()).problem?.message).toContain("is another Cistern's of this machine")
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    await first.administration.exportKeeper.stop()
    await first.stop()
  })
})

describe("a store that does not answer", () => {
  it("keeps its exports, and those of others are kept as declared", async () => {
    const own = scratch()
    mkdirSync(join(own, "media"))
    const document = (names: readonly string[]): object => ({
      stores: [
        { name: "nas", path: store },
        { name: "own", path: own, allowRoot: true },
      ],
      clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
      exports: [...names.map((name) => exported(name)), { ...exported("media"), store: "own" }],
    })
    await chain.apply(document(["kopia"]))
    const { stores } = chain.catalog
    const checkFences = stores.checkFences.bind(stores)
    stores.checkFences = (name, fences) =>
      name === "nas" ? new Promise(() => undefined) : checkFences(name, fences)
    rmSync(join(own, "media"), { recursive: true })
    await look()
    expect(served()).toEqual(["kopia 192.168.10.0/24"])
    expect((await shown()).exports.map(({ state }) => state)).toEqual(["unknown", "withheld"])
  })
})
