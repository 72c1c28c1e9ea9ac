import { mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Declared, DeclaredExports } from "../../../../server/administration/exports/declared-exports.js"
import { exportTarget } from "../../../../server/administration/exports/export-target.js"
import { KeptOut } from "../../../../server/administration/exports/kept-out.js"
import { refusedBy } from "../../../../server/administration/exports/served-exports.js"
import { StoreFences } from "../../../../server/administration/stores/store-fences.js"
import { mountOf, readMounts } from "../../../../storage/disk/index.js"
import type { NfsExport } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, mountTmpfs, unmount } from "../../../support/mounts.js"

let chain: Chain
let declared: DeclaredExports
let store: string

beforeEach(() => {
  chain = new Chain({ state: scratch() })
  const { keeper, catalog, shelf } = chain
  declared = new DeclaredExports({
    keeper,
    catalog,
    storeFences: new StoreFences({ catalog, fences: shelf.fences }),
    keptOut: new KeptOut(),
    // No export here names a host, or lets everybody write.
    hostNames: { look: () => Promise.resolve(new Map()) },
    agreements: { has: () => false },
  })
  store = scratch()
  mkdirSync(join(store, "kopia"))
})

afterEach(async () => {
  await chain.stop()
})

const LAB = "10.0.0.0/8"
const HOME = "192.168.10.0/24"

interface Asked {
  readonly store?: string
  readonly path?: string
  readonly cluster?: string
}

async function look(
  exports: readonly Asked[],
  more: Readonly<Record<string, string>> = {},
): Promise<Declared[]> {
  const stores = { nas: store, ...more }
  await chain.apply({
    stores: Object.entries(stores).map(([name, path]) => ({ name, path, allowRoot: true })),
    clusters: [{ name: "home", networks: [HOME] }, { name: "lab", networks: [LAB] }, { name: "nowhere" }],
    exports: exports.map((one) => ({ store: "nas", path: "kopia", cluster: "home", ...one })),
  })
  return declared.look()
}

const codes = (all: readonly Declared[]): string[] =>
  all.map(({ verdict }) => (verdict.kind === "wanted" ? "wanted" : `${verdict.kind} ${verdict.problem.code}`))

/** The store's thread does not answer any more. */
function silence(name: string): void {
  const { stores } = chain.catalog
  const [checkFences, locate] = [stores.checkFences.bind(stores), stores.locate.bind(stores)]
  stores.checkFences = (one, fences) =>
    one === name ? new Promise(() => undefined) : checkFences(one, fences)
  stores.locate = (one, paths) => (one === name ? new Promise(() => undefined) : locate(one, paths))
}

const asked = (all: readonly Declared[]): NfsExport[] => all.map((one) => one.asked)

describe("a declared export", () => {
  it("of a store behind a link is that of the directory itself, and stays so while the store is silent", async () => {
    const link = join(scratch(), "link")
    symlinkSync(store, link)
    store = link
    const all = await look([{}])
    expect(codes(all)).toEqual(["wanted"])
    const own = exportTarget(all, [])
    expect(own[0]?.path).not.toContain("/link/")
    silence("nas")
    const later = await declared.look()
    expect(codes(later)).toEqual(["unknown store_unknown"])
    expect(exportTarget(later, own)).toEqual(own)
  })

  it("of a silent store keeps only the clients that are declared still", async () => {
    const own = exportTarget(await look([{}, { cluster: "lab" }]), [])
    expect(own[0]?.clients.map(({ network }) => network)).toEqual([HOME, LAB])
    await look([{ cluster: "lab" }])
    silence("nas")
    const left = exportTarget(await declared.look(), own)
    expect(left[0]?.clients.map(({ network }) => network)).toEqual([LAB])
  })

  it("of a store whose filesystem is not remembered is not made, and not taken away either", async () => {
    const own = exportTarget(await look([{}]), [])
    chain.shelf.fences.remove("store", "nas")
    const all = await declared.look()
    expect(codes(all)).toEqual(["unknown store_unknown"])
    expect(exportTarget(all, [])).toEqual([])
    expect(exportTarget(all, own)).toEqual(own)
  })

  it("of a store that hangs is not asked for once more, and says so", async () => {
    await look([{}])
    const { stores } = chain.catalog
    stores.hang = () => ({ since: 0, message: "store nas does not answer", hint: "Look at its disk." })
    const ask = (): never => {
      throw new Error("asked")
    }
    stores.checkFences = ask
    stores.locate = ask
    const [one] = await declared.look()
    expect(one?.verdict).toEqual({
      kind: "unknown",
      problem: { code: "store_hangs", message: "store nas does not answer", hint: "Look at its disk." },
    })
  })

  it("of a store whose own directory cannot be looked at just now stays as it is", async () => {
    const own = exportTarget(await look([{}]), [])
    const { stores } = chain.catalog
    const locate = stores.locate.bind(stores)
    stores.locate = async (name, paths) => {
      const [, ...rest] = await locate(name, paths)
      const error = { code: "io", message: "EIO", hint: undefined, facts: {} } as const
      return [{ kind: "failed", error }, ...rest]
    }
    const all = await declared.look()
    expect(codes(all)).toEqual(["unknown store_unknown"])
    expect(exportTarget(all, own)).toEqual(own)
  })

  it("on the machine's own filesystem waits for none", async () => {
    const { mountPoint } = mountOf(store, readMounts())
    const [one] = asked(await look([{}]))
    expect(one?.mountPoint).toBe(mountPoint === "/" ? undefined : mountPoint)
  })

  it("is not looked for in stores of which nothing is exported", async () => {
    await look([{}], { other: scratch() })
    const located: string[] = []
    const { stores } = chain.catalog
    const locate = stores.locate.bind(stores)
    stores.locate = (name, paths) => {
      located.push(name)
      return locate(name, paths)
    }
    await declared.look()
    expect(located).toEqual(["nas"])
  })

  it("on a filesystem without a name of its own gets a lasting one, another for each directory", async () => {
    mountTmpfs(join(store, "memory"))
    store = join(store, "memory")
    for (const name of ["kopia", "restic"]) mkdirSync(join(store, name))
    const fsids = async (): Promise<(string | undefined)[]> =>
      asked(await look([{}, { path: "restic" }])).map(({ fsid }) => fsid)
    const [one, other] = await fsids()
    expect(one).toMatch(/^[0-9a-f-]{36}$/)
    expect(other).toMatch(/^[0-9a-f-]{36}$/)
    expect(one).not.toBe(other)
    expect(await fsids()).toEqual([one, other])
  })

  it("waits for its filesystem, where that is not the machine's own", async () => {
    mountImage(ext4Image(), join(store, "disk"))
    mkdirSync(join(store, "disk/kopia"))
    const [one] = asked(await look([{ path: "disk/kopia" }]))
    expect(one).toMatchObject({ mountPoint: join(store, "disk"), crossMounts: false, fsid: undefined })
    expect(one?.mountPoint).not.toBe("/")
  })
})

describe("exports of which one is in the way of another", () => {
  it("are refused also where nobody can tell whether the first may stay", async () => {
    const inner = join(store, "kopia")
    await look([{ path: "" }, { store: "inner", path: "" }], { inner })
    silence("nas")
    expect(codes(await declared.look())).toEqual(["unknown store_unknown", "refused invalid"])
  })

  it("are refused one by one where several are of the same directory", async () => {
    const twin = { store: "inner", path: "" }
    const all = await look([{}, { cluster: "nowhere" }, twin, { cluster: "lab" }], {
      inner: join(store, "kopia"),
    })
    expect(codes(all)).toEqual(["wanted", "refused invalid", "refused invalid", "wanted"])
    const [one, ...more] = exportTarget(all, [])
    expect(more).toEqual([])
    expect(one?.clients.map(({ network }) => network)).toEqual([HOME, LAB])
  })
})

describe("a filesystem that is mounted in a store", () => {
  it("concerns the exports around it and in it, and no others", async () => {
    const disk = join(store, "pool/disk")
    mkdirSync(join(disk, "files"), { recursive: true })
    mkdirSync(join(store, "pool-2"))
    const image = ext4Image()
    mountImage(image, disk)
    mkdirSync(join(disk, "files"))
    const paths = [{ path: "pool/disk/files" }, { path: "pool-2" }, {}]
    const all = await look(paths)
    expect(codes(all)).toEqual(["wanted", "wanted", "wanted"])
    const found = await chain.catalog.stores.locate("nas", [disk])
    if (found[0]?.kind !== "found") throw new Error("not found")
    const { realPath, mountPoint, filesystem } = found[0].location
    chain.shelf.keepMount("nas", { realPath, mountPoint, filesystem })
    unmount(disk)
    expect(codes(await declared.look())).toEqual(["withheld not_mounted", "wanted", "wanted"])
    expect(codes(await look([{ path: "pool" }, { path: "pool-2" }]))).toEqual([
      "withheld not_mounted",
      "wanted",
    ])
  })
})

describe("what the server is to export", () => {
  it("is of an export that it refused just now what it had, and nothing new", async () => {
    const own = exportTarget(await look([{}, { cluster: "lab" }]), [])
    const all = await look([{ cluster: "lab" }, { path: "" }])
    const held = (one: NfsExport): boolean => one.path === own[0]?.path
    const target = exportTarget(all, own, held)
    expect(target.map(({ path, clients }) => [path, ...clients.map(({ network }) => network)])).toEqual([
      [own[0]?.path, LAB],
    ])
    expect(exportTarget(all, [], held)).toEqual([])
  })

  it("is each directory once, also where one of two stores around it is silent", async () => {
    const inner = { inner: join(store, "kopia") }
    const twin = { store: "inner", path: "", cluster: "lab" }
    const own = exportTarget(await look([{}, twin], inner), [])
    expect(own.map(({ clients }) => clients.length)).toEqual([2])
    silence("inner")
    const later = await declared.look()
    expect(codes(later)).toEqual(["wanted", "unknown store_unknown"])
    expect(exportTarget(later, own)).toHaveLength(1)
  })
})

describe("the server in use", () => {
  it("is asked only about what is wanted, and refuses only that", async () => {
    const all = await look([{}, { path: "missing" }, { path: "" }])
    expect(codes(all)).toEqual(["wanted", "withheld missing", "refused invalid"])
    const about: string[] = []
    const refused = await refusedBy(
      {
        refusals: (wanted) => {
          about.push(...wanted.map(({ path }) => path))
          const everything = all.map(({ directory }) => directory)
          return Promise.resolve(everything.map((path) => ({ path, message: "it cannot", hint: "Do not." })))
        },
      },
      all,
    )
    expect(about).toEqual(asked(all.slice(0, 1)).map(({ path }) => path))
    expect(codes(refused)).toEqual(["refused server_cannot", "withheld missing", "refused invalid"])
  })
})
