import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { ClientsReading } from "../../../../storage/nfs/index.js"
import { KernelServer, readClients } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"

let chain: Chain
let machine: ExportfsMachine
let root: string
let tank: string
let reload: () => Promise<readonly string[]>
let reading: () => ClientsReading

beforeEach(async () => {
  machine = new ExportfsMachine()
  reload = () => machine.reload()
  root = scratch()
  tank = join(root, "tank")
  for (const name of ["tank/kopia", "tank/restic", "other"]) mkdirSync(join(root, name), { recursive: true })
  const nowhere = "/nonexistent"
  const none = { nfsd: nowhere, net: nowhere, rmtab: nowhere, mountinfo: "/proc/self/mountinfo" }
  reading = () => readClients(none)
  chain = new Chain({
    state: scratch(),
    nfsServer: new KernelServer("0123456789abcdef", () => reload(), machine.files),
    nfsClients: () => reading(),
  })
  chain.administration.exportKeeper.start(3_600_000)
  await chain.apply(document())
})

afterEach(async () => {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

const document = (more: object = {}) => ({
  stores: [{ name: "tank", path: tank, allowRoot: true }],
  clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
  exports: [{ store: "tank", path: "kopia", cluster: "home", access: "readWrite" }],
  ...more,
})

const served = (): string[] =>
  machine.etab
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(`${root}/`, "").replace(/\(.*/, "").replace("\t", " "))
    .sort()

const stores = (): string[] => chain.keeper.fleet.document.stores.map(({ name }) => name)

describe("creating a store", () => {
  const create = (name: string, path: string, more: object = {}) =>
    chain.administration.createStore(
      { name, path, allowRoot: true, make: false, dryRun: false, ...more },
      "admin",
    )

  it("declares it beside what is declared, with its sentinel", async () => {
    const shown = await create("other", join(root, "other"), { dryRun: true })
    expect(shown).toMatchObject({ applied: false, made: [] })
    expect(shown.changes.map(({ kind, name }) => `${kind} ${name}`)).toContain("added other")
    expect(stores()).toEqual(["tank"])
    expect(await create("other", join(root, "other"), { basis: shown.basis })).toMatchObject({
      applied: true,
    })
    expect(stores()).toEqual(["tank", "other"])
    expect(readdirSync(join(root, "other"))).toEqual([".cistern"])
    expect(served()).toEqual(["tank/kopia 192.168.10.0/24"])
    expect(chain.logged.join("\n")).toContain("store created store=other")
  })

  it("makes the directory only when told to, and not in a dry run", async () => {
    const path = join(root, "new/store")
    await expect(create("new", path)).rejects.toMatchObject({ status: 409, code: "no_directory" })
    expect(await create("new", path, { make: true, dryRun: true })).toMatchObject({
      made: [join(root, "new"), path],
    })
    expect(existsSync(join(root, "new"))).toBe(false)
    expect(await create("new", path, { make: true })).toMatchObject({ applied: true })
    expect(readdirSync(path)).toEqual([".cistern"])
  })

  it("leaves no directory behind when the store is not declared", async () => {
    const path = join(root, "new/store")
    await expect(create("new", path, { make: true, basis: "0123" })).rejects.toMatchObject({
      code: "stale_plan",
    })
    await expect(create("new", path, { make: true, allowRoot: false })).rejects.toThrow("system itself")
    expect(existsSync(join(root, "new"))).toBe(false)
  })

  it.each([
    ["a name that is taken", "tank", "/srv/elsewhere", { status: 409, code: "store_exists" }],
    ["a name that is none", "Not A Name", "/srv/elsewhere", { status: 400, code: "invalid_document" }],
    ["a path that is not absolute", "new", "srv/elsewhere", { status: 400, code: "invalid_document" }],
  ])("refuses %s", async (_, name, path, error) => {
    await expect(create(name, path, { make: true })).rejects.toMatchObject(error)
    expect(stores()).toEqual(["tank"])
  })

  it("refuses a directory that is a store already", async () => {
    await expect(create("twin", tank)).rejects.toMatchObject({ status: 400, code: "invalid_document" })
  })
})

describe("withdrawing a store", () => {
  const withdraw = (more: object = {}, name = "tank") =>
    chain.administration.withdrawStore(
      name,
      { withRepositories: false, dryRun: false, accept: [], ...more },
      "admin",
    )

  it("takes its exports from the clients, and the store from the document, and touches nothing in it", async () => {
    writeFileSync(join(tank, "kopia/data"), "bytes")
    const sentinel = readdirSync(join(tank, ".cistern"))
    const plan = await withdraw({ dryRun: true })
    expect(
      plan.changes.filter(({ kind }) => kind === "removed").map(({ of, name }) => `${of} ${name}`),
    ).toEqual(["store tank", "export tank:kopia for home"])
    expect(served()).toHaveLength(1)
    expect(await withdraw({ basis: plan.basis })).toMatchObject({ applied: true })
    expect(served()).toEqual([])
    expect(stores()).toEqual([])
    expect(readFileSync(join(tank, "kopia/data"), "utf8")).toBe("bytes")
    expect(readdirSync(join(tank, ".cistern"))).toEqual(sentinel)
    const log = chain.logged.join("\n")
    expect(log.indexOf("exports of the store withdrawn")).toBeLessThan(
      log.indexOf("store withdrawn store=tank"),
    )
    await chain.apply(document())
    expect(served()).toEqual(["tank/kopia 192.168.10.0/24"])
  })

  it("leaves the exports of other stores to their clients", async () => {
    await chain.apply(
      document({
        stores: [...document().stores, { name: "other", path: join(root, "other"), allowRoot: true }],
        exports: [...document().exports, { store: "other", cluster: "home" }],
      }),
    )
    await withdraw()
    expect(served()).toEqual(["other 192.168.10.0/24"])
    expect(stores()).toEqual(["other"])
  })

  it("refuses one with repositories, unless they are to be detached, which is acknowledged", async () => {
    const repository = { name: "r", cluster: "home", engine: "kopia", store: "tank", path: "kopia" }
    await chain.apply(document({ repositories: [repository] }))
    await expect(withdraw()).rejects.toMatchObject({
      status: 409,
      code: "store_in_use",
      message: expect.stringContaining(": r.") as string,
    })
    const asked = await withdraw({ withRepositories: true })
    expect(asked).toMatchObject({ applied: false, acknowledgements: [{ accepted: false }] })
    expect(served()).toHaveLength(1)
    const accept = asked.acknowledgements.map(({ id }) => id)
    expect(await withdraw({ withRepositories: true, accept })).toMatchObject({ applied: true })
    expect(served()).toEqual([])
    expect(chain.administration.document().document).toMatchObject({
      stores: [],
      repositories: [],
      exports: [],
    })
  })

  it("keeps the store when its exports are not seen to be gone", async () => {
    reload = () => Promise.resolve([])
    await expect(withdraw()).rejects.toMatchObject({ status: 409, code: "still_exported" })
    expect(stores()).toEqual(["tank"])
    expect(served()).toHaveLength(1)
    reload = () => machine.reload()
    expect(machine.load().exitCode).toBe(0)
    expect(await withdraw()).toMatchObject({ applied: true })
    expect(served()).toEqual([])
  })

  it("says what somebody else exports there", async () => {
    machine.exports(`${tank}/restic 10.0.0.0/8(ro,sync,no_subtree_check)\n`)
    machine.load()
    const { applied, notices } = await withdraw()
    expect(applied).toBe(true)
    expect(notices).toContain(`${tank}/restic is exported to 10.0.0.0/8 by somebody else, and stays so.`)
  })

  it("names who is mounted, before anything changes", async () => {
    const folder = scratch()
    const nfsd = join(folder, "nfsd/clients/7")
    mkdirSync(nfsd, { recursive: true })
    writeFileSync(join(folder, "nfsd/threads"), "8\n")
    writeFileSync(
      join(nfsd, "info"),
      'clientid: 0x1\naddress: "192.168.10.7:800"\nstatus: confirmed\nname: "Linux NFSv4.2 mover"\nminor version: 2\n',
    )
    writeFileSync(join(nfsd, "states"), "")
    const net = join(folder, "net")
    mkdirSync(net)
    const files = {
      nfsd: join(folder, "nfsd"),
      net,
      rmtab: join(folder, "rmtab"),
      mountinfo: "/proc/self/mountinfo",
    }
    reading = () => readClients(files)
    const { clients } = await withdraw({ dryRun: true })
    expect(clients.join("\n")).toContain(
      "192.168.10.7 of cluster home is connected, and may have it mounted.",
    )
  })

  it("knows no store of another name", async () => {
    await expect(withdraw({}, "nothing")).rejects.toMatchObject({ status: 404 })
  })

  it("refuses a plan that was made before something else was applied", async () => {
    const { basis } = await withdraw({ dryRun: true })
    await chain.apply(document({ exports: [] }))
    await expect(withdraw({ basis })).rejects.toMatchObject({ status: 409, code: "stale_plan" })
    expect(stores()).toEqual(["tank"])
  })
})
