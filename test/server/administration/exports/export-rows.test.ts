import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { ExportJson, ExportsJson } from "../../../../server/http/contract/admin.js"
import { KernelServer } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"

let chain: Chain
let store: string
let machine: ExportfsMachine

beforeEach(() => {
  store = scratch()
  machine = new ExportfsMachine()
  mkdirSync(join(store, "kopia"))
  const nfsServer = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
  chain = new Chain({ state: scratch(), nfsServer })
})

afterEach(async () => {
  await chain.stop()
})

const movers = {
  store: "nas",
  path: "kopia",
  cluster: "home",
  access: "readWrite",
  squash: { uid: 568, gid: 568 },
}

async function declare(...exports: readonly object[]): Promise<void> {
  await chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [
      { name: "home", networks: ["192.168.10.0/24"] },
      { name: "lab", networks: ["192.168.20.0/24", "fd00:20::/64"] },
      { name: "nowhere" },
    ],
    exports,
  })
}

/** The NFS server runs, and the real exportfs has loaded this. */
function serve(table: string): void {
  machine.exports(table)
  expect(machine.load().exitCode).toBe(0)
}

async function shown(): Promise<ExportsJson> {
  return chain.administration.exports()
}

async function row(path = "kopia", cluster = "home"): Promise<ExportJson> {
  const { exports } = await shown()
  const found = exports.find((one) => one.path === path && one.cluster === cluster)
  if (found === undefined) throw new Error(`no export ${path} for ${cluster}`)
  return found
}

describe("a declared export", () => {
  it("is as declared once exportfs has loaded what is shown", async () => {
    await declare(movers)
    serve((await shown()).file)
    expect(await shown()).toMatchObject({
      server: { running: true },
      exports: [
        {
          store: "nas",
          path: "kopia",
          cluster: "home",
          directory: join(store, "kopia"),
          networks: ["192.168.10.0/24"],
          access: "readWrite",
          squash: { uid: 568, gid: 568 },
          state: "exported",
          problem: null,
        },
      ],
    })
  })

  it("is unknown where no NFS server can be seen", async () => {
    await declare(movers)
    rmSync(machine.files.etab)
    rmSync(machine.files.threads)
    expect(await shown()).toMatchObject({ server: null })
    expect(await row()).toMatchObject({ state: "unknown", problem: { code: "no_nfs_server" } })
  })

  it("is unknown where the server's table cannot be read whole", async () => {
    await declare(movers)
    serve((await shown()).file)
    writeFileSync(machine.files.etab, "half a li")
    expect(await row()).toMatchObject({ state: "unknown", problem: { code: "nfs_server_unreadable" } })
  })

  it("is missing while the server is stopped", async () => {
    await declare(movers)
    serve((await shown()).file)
    machine.runs(0)
    expect(await row()).toMatchObject({ state: "missing", problem: { code: "nfs_server_stopped" } })
  })

  it("is missing where nobody has loaded it", async () => {
    await declare(movers)
    serve("")
    const { state, problem } = await row()
    expect({ state, code: problem?.code }).toEqual({ state: "missing", code: "not_exported" })
    expect(problem?.message).toBe(`192.168.10.0/24 cannot mount ${join(store, "kopia")}`)
  })

  it("is judged for each cluster by its own networks", async () => {
    await declare(movers)
    const before = (await shown()).file
    await declare(movers, { ...movers, cluster: "lab", access: "readOnly", squash: undefined })
    serve(before)
    expect(await row()).toMatchObject({ state: "exported" })
    expect(await row("kopia", "lab")).toMatchObject({ state: "missing" })
    serve((await shown()).file)
    expect(await row()).toMatchObject({ state: "exported" })
    expect(await row("kopia", "lab")).toMatchObject({ state: "exported", squash: null })
  })

  it("is different where somebody changed it by hand", async () => {
    await declare(movers)
    serve((await shown()).file.replace("sync", "async").replace("root_squash", "no_root_squash"))
    const { state, problem } = await row()
    expect(state).toBe("different")
    expect(problem?.message).toBe(
      "for 192.168.10.0/24 it has async,no_root_squash instead of sync,root_squash",
    )
  })

  it("is different where somebody else may mount it, or what is around it", async () => {
    await declare(movers)
    serve(`${(await shown()).file}\n${store} *(rw,sync,no_subtree_check)\n`)
    const { state, problem } = await row()
    expect(state).toBe("different")
    expect(problem?.message).toBe(`everybody may mount ${store}, and write there, though nobody declared it`)
  })

  it("of a path with blanks and quotes is as declared, too", async () => {
    mkdirSync(join(store, `a "b" \\ #c`))
    await declare({ ...movers, path: `a "b" \\ #c` })
    serve((await shown()).file)
    expect(await row(`a "b" \\ #c`)).toMatchObject({ state: "exported" })
  })
})

describe("what must not be exported", () => {
  it.each([
    [
      "a link",
      (path: string) => {
        symlinkSync("/etc", path)
      },
    ],
    [
      "a link to a directory of the same store",
      (path: string) => {
        symlinkSync("kopia", path)
      },
    ],
  ])("is refused: %s", async (_, make) => {
    make(join(store, "link"))
    await declare({ ...movers, path: "link" }, movers)
    expect(await row("link")).toMatchObject({ state: "refused", problem: { code: "link" } })
    expect((await shown()).file).not.toContain("/etc")
    serve((await shown()).file)
    expect(await row()).toMatchObject({ state: "exported" })
  })

  it("is refused: a directory in another exported one", async () => {
    await declare({ ...movers, path: "" }, movers)
    serve((await shown()).file)
    expect(await row("")).toMatchObject({ state: "exported" })
    expect(await row()).toMatchObject({ state: "refused", problem: { code: "exported_all_the_same" } })
  })

  it("is refused: what nobody may mount, and what has a control character in its name", async () => {
    mkdirSync(join(store, "a\n/etc *(rw)"), { recursive: true })
    await declare({ ...movers, cluster: "nowhere" }, { ...movers, path: "a\n/etc *(rw)" })
    expect(await row("kopia", "nowhere")).toMatchObject({ state: "refused", problem: { code: "invalid" } })
    expect(await row("a\n/etc *(rw)")).toMatchObject({ state: "refused", problem: { code: "invalid" } })
    expect((await shown()).file.split("\n").filter((line) => line !== "")).toHaveLength(1)
  })

  it("is withheld: a directory that is not there", async () => {
    await declare({ ...movers, path: "restic" })
    expect(await row("restic")).toMatchObject({ state: "withheld", problem: { code: "missing" } })
    expect((await shown()).file).not.toContain("restic")
  })

  it("is withheld: a fenced store, and it is said when the server exports it all the same", async () => {
    await declare(movers)
    const before = (await shown()).file
    rmSync(join(store, ".cistern"), { recursive: true })
    serve("")
    expect(await row()).toMatchObject({ state: "withheld", problem: { code: "sentinel_missing" } })
    expect((await shown()).file).not.toContain(store)
    serve(before)
    const { state, problem } = await row()
    expect({ state, code: problem?.code }).toEqual({ state: "withheld", code: "exported_all_the_same" })
    expect(problem?.message).toContain("the NFS server exports it all the same")
  })
})

describe("applying what is declared", () => {
  const apply = (request: { dryRun?: boolean; basis?: string } = {}) =>
    chain.administration.applyExports({ dryRun: false, replace: false, ...request }, "admin")

  it("exports it, and then there is nothing to do", async () => {
    await declare(movers)
    const plan = await apply({ dryRun: true })
    expect(plan).toMatchObject({ applied: false, added: [expect.stringContaining(store)], removed: [] })
    expect(machine.etab).toBe("")
    expect(await apply({ basis: plan.basis })).toEqual({ ...plan, applied: true })
    expect(await row()).toMatchObject({ state: "exported" })
    expect(await apply()).toMatchObject({ applied: false, added: [], removed: [], notLoaded: false })
  })

  it("loads it again where the server has lost it", async () => {
    await declare(movers)
    await apply()
    writeFileSync(machine.files.etab, "")
    expect(await apply({ dryRun: true })).toMatchObject({ added: [], removed: [], notLoaded: true })
    expect(await apply()).toMatchObject({ applied: true, notLoaded: true })
    expect(await row()).toMatchObject({ state: "exported" })
  })

  it("withdraws what must not be exported any more, and leaves the rest", async () => {
    mkdirSync(join(store, "restic"))
    await declare(movers, { ...movers, path: "restic" })
    await apply()
    rmSync(join(store, "kopia"), { recursive: true })
    expect(await apply()).toMatchObject({
      removed: [expect.stringContaining(join(store, "kopia"))],
      withheld: [expect.stringContaining("nas:kopia for home")],
    })
    expect(await row("restic")).toMatchObject({ state: "exported" })
    expect(machine.etab).not.toContain(join(store, "kopia"))
  })

  it("is refused when something changed since it was shown", async () => {
    await declare(movers)
    const { basis } = await apply({ dryRun: true })
    await declare({ ...movers, access: "readOnly" })
    await expect(apply({ basis })).rejects.toMatchObject({ status: 409, code: "stale_plan" })
    expect(machine.etab).toBe("")
  })

  it("is refused where somebody changed the file, until that is said to be meant", async () => {
    await declare(movers)
    writeFileSync(machine.files.own, "/srv 10.0.0.1(ro,sync,no_subtree_check)\n")
    await expect(apply()).rejects.toMatchObject({ status: 409, code: "foreign_exports" })
    const replaced = await chain.administration.applyExports({ dryRun: false, replace: true }, "admin")
    expect(replaced).toMatchObject({ applied: true, removed: [expect.stringContaining("/srv ")] })
  })

  it("is done once where two ask for it at once", async () => {
    await declare(movers)
    const [first, second] = await Promise.all([apply(), apply()])
    expect([first.applied, second.applied]).toEqual([true, false])
  })

  it("leaves as it is what cannot be looked at now, and says so", async () => {
    await declare(movers)
    await apply()
    const { stores } = chain.catalog
    stores.locate = () => new Promise(() => undefined)
    expect(await apply()).toMatchObject({
      applied: false,
      added: [],
      removed: [],
      withheld: ["nas:kopia for home: stays as it is: store nas does not tell what is there"],
    })
    expect(machine.etab).toContain(join(store, "kopia"))
    await declare()
    expect(await apply()).toMatchObject({ removed: [expect.stringContaining(join(store, "kopia"))] })
  })
})

describe("the doctor", () => {
  it("names each export that is not as declared, and counts the others", async () => {
    mkdirSync(join(store, "restic"))
    await declare(movers)
    serve((await shown()).file)
    await declare(movers, { ...movers, path: "restic" })
    const { checks } = await chain.administration.doctor()
    expect(checks).toContainEqual({ name: "NFS server", status: "ok", detail: "kernel, running", hint: null })
    expect(checks.filter(({ name }) => name.startsWith("export"))).toEqual([
      { name: "exports", status: "ok", detail: "1 of 2 are as declared", hint: null },
      {
        name: "export nas:restic for home",
        status: "warn",
        detail: `192.168.10.0/24 cannot mount ${join(store, "restic")}`,
        hint: expect.stringContaining("cistern exports apply") as string,
      },
    ])
  })

  it("is silent about exports where none is declared", async () => {
    await declare()
    const { checks } = await chain.administration.doctor()
    expect(checks.filter(({ name }) => name.startsWith("export"))).toEqual([])
  })
})

describe("a repository of another cluster", () => {
  it("is not exported, though a link hides from the document that it lies there", async () => {
    const inner = join(store, "shared")
    mkdirSync(join(inner, "kopia"), { recursive: true })
    const link = join(scratch(), "elsewhere")
    symlinkSync(inner, link)
    await chain.apply({
      stores: [
        { name: "nas", path: store, allowRoot: true },
        { name: "other", path: link, allowRoot: true },
      ],
      clusters: [
        { name: "home", networks: ["192.168.10.0/24"] },
        { name: "lab", networks: ["192.168.20.0/24"] },
      ],
      repositories: [{ name: "labs", cluster: "lab", engine: "kopia", store: "other", path: "kopia" }],
      exports: [{ ...movers, path: "shared" }, movers],
    })
    expect(await row("shared")).toMatchObject({ state: "refused", problem: { code: "foreign_repository" } })
    const { exports, file } = await shown()
    expect(exports.find(({ path }) => path === "kopia")?.state).toBe("missing")
    expect(file).not.toContain(`${inner} `)
  })
})
