import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import {
  type DirectoryJson,
  type RepairDirectoryRequest,
  repairDirectoryRequest,
  type RetireDirectoryRequest,
  retireDirectoryRequest,
} from "../../../../server/http/contract/directories.js"
import type { NfsServer, NfsServerState } from "../../../../storage/nfs/index.js"
import { Chain, type ChainOptions, SettableClock } from "../../../support/answers.js"
import { ownersBelow } from "../../../support/directories.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountBind, mountImage, requireRoot, unmount } from "../../../support/mounts.js"
import { writeSyntheticKopia } from "../../../support/synthetic-kopia.js"
import { until } from "../../../support/until.js"

const app = { user: "app", host: "home", path: "/data" }
const owner = { uid: 568, gid: 568 }

let chain: Chain
afterEach(() => chain.stop())

interface Scene {
  readonly repositories?: readonly object[]
  readonly exports?: readonly object[]
  readonly options?: Partial<ChainOptions>
  readonly prepare?: (store: string) => void
}

const tree = {
  name: "per-pvc",
  cluster: "home",
  engine: "restic",
  store: "nas",
  path: "restic/{namespace}/{pvc}",
}

async function scene({
  repositories = [tree],
  exports = [],
  options = {},
  prepare,
}: Scene = {}): Promise<string> {
  requireRoot()
  const store = scratch()
  chmodSync(store, 0o755)
  prepare?.(store)
  chain = new Chain({ state: scratch(), ...options })
  await chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
    repositories,
    exports,
  })
  return store
}

function exportOf(path: string, squash?: object): object {
  return { store: "nas", path, cluster: "home", access: "readWrite", ...(squash && { squash }) }
}

const administration = () => chain.administration.directories

async function repair(request: RepairDirectoryRequest) {
  const { result } = await administration().repairs.repair(repairDirectoryRequest.parse(request), "test")
  if (result === null) throw new Error("the repair is not done yet")
  return result
}

async function retire(request: RetireDirectoryRequest) {
  return administration().retirement.retire(retireDirectoryRequest.parse(request), "test")
}

function refused(code: string): Error {
  return expect.objectContaining({ code }) as Error
}

describe("a volume's directory", () => {
  it("is made ahead of the mover, as the document says, and is fresh or restored from as before", async () => {
    const store = await scene({
      repositories: [{ ...tree, owner: { uid: 1000, gid: 1000, mode: "2770" }, new: true }],
    })
    const { directories } = await administration().create({ namespace: "media", pvc: "radarr" }, "test")
    const made = { made: true, uid: 1000, gid: 1000, mode: "2770" }
    expect(directories).toEqual([
      { directory: `${store}/restic`, ...made },
      { directory: `${store}/restic/media`, ...made },
      { directory: `${store}/restic/media/radarr`, ...made },
    ])
    const again = await administration().create({ namespace: "media", pvc: "radarr" }, "test")
    expect(again.directories.map(({ made }) => made)).toEqual([false, false, false])
    expect(await chain.verdict("media/radarr")).toBe("fresh")
    expect(chain.logged.filter((line) => line.startsWith("directory created"))).toHaveLength(2)
  })

  it("is whom the export makes everybody, where the document does not say more, and closed to others", async () => {
    const store = await scene({ exports: [exportOf("restic", owner)] })
    await administration().create({ store: "nas", path: "restic/media/radarr" }, "test")
    expect(ownersBelow(join(store, "restic"))).toEqual({
      ".": "568:568 700",
      media: "568:568 700",
      "media/radarr": "568:568 700",
    })
  })

  it.each([
    ["nobody said whose", { namespace: "media", pvc: "radarr" }, "no_owner"],
    ["it is none of a repository", { store: "nas", path: "else/where" }, "no_repository"],
    ["it leads to several", { store: "nas", path: "restic/media" }, "no_repository"],
    ["it lies in one", { store: "nas", path: "restic/media/radarr/data" }, "no_repository"],
    ["the name is no volume's", { store: "nas", path: "restic/media/UPPER CASE" }, "no_repository"],
    ["the path leaves the store", { store: "nas", path: "restic/../../etc" }, "invalid"],
    ["it is ours", { store: "nas", path: ".cistern/quarantine" }, "invalid"],
    ["the name cannot be shown", { store: "nas", path: "restic/media/a\nb" }, "invalid"],
    ["the store is not declared", { store: "other", path: "restic/media/radarr" }, "not_found"],
    ["nothing is named", {}, "which_directory"],
    ["two things are named", { store: "nas", path: "x", namespace: "a", pvc: "b" }, "which_directory"],
    ["the volume is none", { namespace: "..", pvc: "radarr" }, "invalid"],
    ["the cluster is unknown", { namespace: "media", pvc: "radarr", cluster: "work" }, "which_cluster"],
    ["the repository is unknown", { namespace: "media", pvc: "radarr", repository: "none" }, "not_found"],
  ])("is refused where %s", async (_, request, code) => {
    const store = await scene()
    await expect(administration().create(request, "test")).rejects.toThrow(refused(code))
    expect(Object.keys(ownersBelow(store)).sort()).toEqual([".", ".cistern", ".cistern/store.json"])
  })

  it("of a repository that all share is named as such", async () => {
    await scene({ repositories: [{ ...tree, engine: "kopia", path: "kopia", owner }] })
    await expect(administration().create({ namespace: "media", pvc: "radarr" }, "test")).rejects.toThrow(
      expect.objectContaining({ code: "which_directory", hint: "Name its directory: nas:kopia." }) as Error,
    )
    const { directories } = await administration().create({ store: "nas", path: "kopia" }, "test")
    expect(directories).toHaveLength(1)
  })

  it("is not made where the store is fenced, whatever is there", async () => {
    const store = scratch()
    const image = ext4Image()
    mountImage(image, store)
    chain = new Chain({ state: scratch() })
    await chain.apply({
      stores: [{ name: "nas", path: store }],
      clusters: [{ name: "home" }],
      repositories: [{ ...tree, owner }],
    })
    unmount(store)
    const create = () => administration().create({ namespace: "media", pvc: "radarr" }, "test")
    await expect(create()).rejects.toThrow(refused("unreadable"))
    expect(existsSync(join(store, "restic"))).toBe(false)
    mountImage(image, store)
    await create()
    expect(existsSync(join(store, "restic/media/radarr"))).toBe(true)
  })

  it("is made on a filesystem on the way only when it is known, or named", async () => {
    const store = await scene({ repositories: [{ ...tree, owner }] })
    mountImage(ext4Image(), join(store, "restic"))
    const request = { namespace: "media", pvc: "radarr" }
    await expect(administration().create(request, "test")).rejects.toThrow(
      expect.objectContaining({
        status: 409,
        code: "other_filesystem",
        hint: expect.stringContaining(`--accept-mount ${store}/restic`) as string,
      }) as Error,
    )
    await administration().create({ ...request, acceptMount: `${store}/restic` }, "test")
    expect(existsSync(join(store, "restic/media/radarr"))).toBe(true)
  })
})

function put(store: string, path: string, [uid, gid]: [number, number], mode: number, file?: string): void {
  const place = join(store, path)
  if (file === undefined) mkdirSync(place, { recursive: true })
  else writeFileSync(place, file)
  chownSync(place, uid, gid)
  chmodSync(place, mode)
}

/** When as many are found as there are. */
function rows(count: number): Promise<DirectoryJson[]> {
  return until(
    async () => (await administration().list({})).directories,
    (found) => found.length === count,
    "the directories",
  )
}

describe("the rows", () => {
  it("tell each directory that is right, wrong, not there, and whose nobody said", async () => {
    const store = await scene({
      repositories: [
        { ...tree, decides: "restore" },
        { name: "shared", cluster: "home", engine: "kopia", store: "nas", path: "kopia", decides: "guard" },
      ],
      exports: [exportOf("restic", owner)],
      prepare: (store) => {
        put(store, "restic", [0, 0], 0o755)
        put(store, "restic/media", [568, 568], 0o700)
        put(store, "restic/media/good", [568, 568], 0o700)
        put(store, "restic/media/rooted", [0, 0], 0o755)
        put(store, "kopia", [1000, 1000], 0o700)
      },
    })
    await chain.ask("media/asked")
    const all = await rows(4)
    expect(all.map(({ path, state, problem }) => [path, state, problem?.code])).toEqual([
      ["restic/media/asked", "missing", "missing"],
      ["restic/media/good", "ok", undefined],
      ["restic/media/rooted", "wrong", "not_writable"],
      ["kopia", "unknown", "no_owner"],
    ])
    expect(all[2]).toEqual({
      store: "nas",
      repository: "per-pvc",
      path: "restic/media/rooted",
      directory: `${store}/restic/media/rooted`,
      volume: { namespace: "media", pvc: "rooted" },
      state: "wrong",
      expected: { uid: 568, gid: 568, mode: null, from: "export" },
      actual: { uid: 0, gid: 0, mode: "0755" },
      problem: {
        code: "not_writable",
        message: `568:568, whom the export makes everybody, may not work in ${store}/restic/media/rooted: it is 0:0, mode 0755`,
        hint: "`cistern directories repair nas:restic/media/rooted` shows what it changes, and asks.",
      },
      findings: [expect.objectContaining({ code: "not_writable", severity: "fail" })],
    })
    const { checks } = await chain.administration.doctor()
    expect(checks.filter(({ name }) => name.startsWith("director"))).toEqual([
      { name: "directories", status: "ok", detail: "1 belongs to whom it should: 568:568", hint: null },
      expect.objectContaining({ name: "directory nas:restic/media/rooted", status: "fail" }),
    ])
    await expect(administration().list({ store: "none" })).rejects.toThrow(refused("not_found"))
    await expect(administration().list({ repository: "none" })).rejects.toThrow(refused("not_found"))
    expect((await administration().list({ repository: "shared" })).directories).toHaveLength(1)
  })

  it("say of a fenced store that nobody knows, and look at nothing there", async () => {
    const store = scratch()
    mountImage(ext4Image(), store)
    mkdirSync(join(store, "kopia"))
    chain = new Chain({ state: scratch() })
    await chain.apply({
      stores: [{ name: "nas", path: store }],
      clusters: [{ name: "home" }],
      repositories: [{ ...tree, engine: "kopia", path: "kopia", owner }],
    })
    expect((await rows(1))[0]).toMatchObject({ state: "wrong" })
    unmount(store)
    mkdirSync(join(store, "kopia"))
    expect((await rows(1))[0]).toMatchObject({
      state: "unknown",
      actual: null,
      problem: { code: "not_mounted" },
    })
  })

  it("that are wrong are told by the doctor up to twenty, the worst among them, and counted beyond", async () => {
    await scene({
      exports: [exportOf("restic", owner)],
      prepare: (store) => {
        for (let at = 0; at < 24; at++) put(store, `restic/media/v${at}`, [568, 568], 0o777)
        put(store, "restic/media/zzz", [0, 0], 0o700)
      },
    })
    await rows(25)
    const { checks } = await chain.administration.doctor()
    const own = checks.filter(({ name }) => name.startsWith("director"))
    expect(own).toHaveLength(21)
    expect(own[0]).toMatchObject({ name: "directory nas:restic/media/zzz", status: "fail" })
    expect(own[20]).toMatchObject({ detail: "5 more are wrong" })
  })
})

/** The repository that all share, as another user's mover left it. */
function sharedOfRoot(store: string): void {
  writeSyntheticKopia(join(store, "kopia"), { password: "files", snapshots: 3, identities: [app] })
  execFileSync("chown", ["-R", "0:0", join(store, "kopia")])
}

const shared = {
  name: "shared",
  cluster: "home",
  engine: "kopia",
  store: "nas",
  path: "kopia",
  password: { value: "files" },
  conventions: ["{pvc}@{namespace}:/data"],
}

describe("a repair", () => {
  it("is shown, agreed to, done and undone, and the repository is the same for every answer", async () => {
    const store = await scene({ repositories: [{ ...shared, owner }], prepare: sharedOfRoot })
    expect(await chain.verdict("home/app")).toBe("restore")
    const before = ownersBelow(join(store, "kopia"))
    const target = { store: "nas", path: "kopia", recursive: true }
    const plan = await repair({ ...target, dryRun: true })
    expect(plan).toMatchObject({ applied: false, id: null, changed: 0, changes: Object.keys(before).length })
    expect(ownersBelow(join(store, "kopia"))).toEqual(before)
    const done = await repair({ ...target, basis: plan.basis })
    expect(done).toMatchObject({
      applied: true,
      changed: plan.changes,
      otherwise: { count: 0, example: null },
    })
    expect(Object.values(ownersBelow(join(store, "kopia"))).every((one) => one.startsWith("568:568 "))).toBe(
      true,
    )
    expect((await rows(1))[0]).toMatchObject({ state: "ok" })
    expect(await chain.verdict("home/app")).toBe("restore")
    const { repairs } = await administration().repairs.list()
    expect(repairs).toEqual([
      {
        store: "nas",
        id: done.id,
        at: expect.any(String) as string,
        by: "test",
        path: "kopia",
        recursive: true,
      },
    ])
    const undone = await administration().repairs.undo("nas", done.id ?? "", "test")
    expect(undone.result).toMatchObject({ changed: plan.changes, path: "kopia" })
    expect(ownersBelow(join(store, "kopia"))).toEqual(before)
    await expect(administration().repairs.undo("nas", done.id ?? "", "test")).rejects.toThrow(
      refused("not_found"),
    )
    await expect(administration().repairs.undo("nas", "../../store", "test")).rejects.toThrow(
      refused("not_found"),
    )
  })

  it("of another plan than the one that was agreed to changes nothing", async () => {
    const store = await scene({ repositories: [{ ...shared, owner }], prepare: sharedOfRoot })
    const target = { store: "nas", path: "kopia", recursive: true }
    const { basis } = await repair({ ...target, dryRun: true })
    writeFileSync(join(store, "kopia/qnew.f"), "")
    const before = ownersBelow(join(store, "kopia"))
    await expect(repair({ ...target, basis })).rejects.toThrow(refused("stale_plan"))
    await expect(repair({ store: "nas", path: "kopia", basis })).rejects.toThrow(refused("stale_plan"))
    expect(ownersBelow(join(store, "kopia"))).toEqual(before)
  })

  it("of a directory that leads to repositories changes that one, and no mode that was said of those", async () => {
    const store = await scene({
      repositories: [{ ...tree, owner: { ...owner, mode: "0770" } }],
      prepare: (store) => {
        put(store, "restic/media/radarr", [0, 0], 0o700)
        put(store, "restic/media", [0, 0], 0o500)
      },
    })
    await expect(repair({ store: "nas", path: "restic/media", recursive: true })).rejects.toThrow(
      refused("above_repositories"),
    )
    await repair({ store: "nas", path: "restic/media" })
    await repair({ namespace: "media", pvc: "radarr" })
    expect(ownersBelow(join(store, "restic"))).toMatchObject({
      ".": "0:0 755",
      media: "568:568 700",
      "media/radarr": "568:568 770",
    })
  })

  it.each([
    ["is none of a repository", { store: "nas", path: "other" }, "no_repository"],
    ["is the whole store", { store: "nas", path: "", recursive: true }, "above_repositories"],
    ["is ours", { store: "nas", path: ".cistern" }, "invalid"],
    ["has an owner that nobody said", { store: "nas", path: "restic/media/radarr" }, "no_owner"],
    ["leads to repositories of different owners", { store: "nas", path: "kopia" }, "several_owners"],
    ["is not there", { store: "nas", path: "kopia/a" }, "missing"],
  ])("is refused where the directory %s", async (_, request, code) => {
    const kopia = { cluster: "home", engine: "kopia", store: "nas", decides: "no" }
    const store = await scene({
      repositories: [
        { ...tree, decides: "restore" },
        { ...kopia, name: "a", path: "kopia/a", owner },
        { ...kopia, name: "b", path: "kopia/b", owner: { uid: 1000, gid: 1000 } },
      ],
      prepare: (store) => {
        put(store, "other", [0, 0], 0o755)
        put(store, "restic/media/radarr", [0, 0], 0o755)
      },
    })
    const before = ownersBelow(store)
    await expect(repair(request)).rejects.toThrow(refused(code))
    expect(ownersBelow(store)).toEqual(before)
  })

  it("waits for an engine that writes there, unless it is forced", async () => {
    await scene({
      repositories: [{ ...tree, password: { value: "x" }, owner }],
      prepare: (store) => {
        execFileSync("restic", ["init", "--repo", join(store, "restic/media/radarr")], {
          env: { PATH: process.env.PATH, RESTIC_PASSWORD: "x", HOME: store },
          stdio: "ignore",
        })
        // A lock that cannot be understood may be one of an engine at work.
        const content = "sealed by another key"
        const name = createHash("sha256").update(content).digest("hex")
        put(store, `restic/media/radarr/locks/${name}`, [0, 0], 0o400, content)
      },
    })
    await rows(1)
    const target = { namespace: "media", pvc: "radarr" }
    await expect(repair(target)).rejects.toThrow(refused("writing"))
    await expect(retire({ ...target })).rejects.toThrow(refused("writing"))
    expect(await repair({ ...target, force: true })).toMatchObject({ applied: true })
  })
})

describe("a retirement", () => {
  const perVolume = (store: string): void => {
    for (const pvc of ["radarr", "sonarr"]) {
      put(store, `restic/media/${pvc}`, [568, 568], 0o700)
      put(store, `restic/media/${pvc}/file`, [568, 568], 0o600, "what is no repository")
    }
  }

  it("is shown, done, listed, taken back, and purged after its time, each on record", async () => {
    const clock = new SettableClock()
    const store = await scene({
      repositories: [{ ...shared, owner }],
      prepare: sharedOfRoot,
      options: { clock },
    })
    expect(await chain.verdict("home/app")).toBe("restore")
    const target = { store: "nas", path: "kopia" }
    const plan = await retire({ ...target, dryRun: true })
    expect(plan.acknowledgements.map(({ id, accepted }) => [id, accepted])).toEqual([
      ["repository/shared", false],
      ["home/app", false],
    ])
    expect(await retire({ ...target, accept: ["repository/shared"] })).toMatchObject({
      retired: false,
      id: null,
    })
    expect(existsSync(join(store, "kopia"))).toBe(true)
    const accept = ["repository/shared", "home/app"]
    const { id, retired } = await retire({ ...target, accept, basis: plan.basis })
    expect(retired).toBe(true)
    expect(existsSync(join(store, "kopia"))).toBe(false)
    // Never fresh, whatever is not there any more.
    expect(await chain.ask("home/app")).toMatchObject({ decision: "unknown" })
    const { directories } = await administration().retirement.list()
    expect(directories).toMatchObject([{ store: "nas", id, path: "kopia", state: "held", by: "test" }])

    await administration().retirement.restore("nas", id ?? "", "test")
    expect(await chain.verdict("home/app")).toBe("restore")

    const again = await retire({ ...target, accept })
    const name = again.id ?? ""
    await expect(administration().retirement.purge("nas", name, "test")).rejects.toThrow(refused("held"))
    clock.wallOffset = 31 * 86_400_000
    expect((await administration().retirement.list()).directories).toMatchObject([{ state: "due" }])
    const { result } = await administration().retirement.purge("nas", name, "test")
    expect(result?.files).toBeGreaterThan(3)
    expect((await administration().retirement.list()).directories).toEqual([])
    await expect(administration().retirement.purge("nas", name, "test")).rejects.toThrow(refused("not_found"))
    await expect(administration().retirement.restore("nas", name, "test")).rejects.toThrow(
      refused("not_found"),
    )
    expect(await chain.ask("home/app")).toMatchObject({ decision: "unknown" })
    expect(chain.logged.join("\n")).toMatch(/directory retired.*\n(.*\n)*.*restored.*\n(.*\n)*.*deleted/)
  })

  it("of what was not read has to be acknowledged, too, and leaves the neighbours alone", async () => {
    const store = await scene({ prepare: perVolume })
    await rows(2)
    const directory = join(store, "restic/media/radarr")
    const plan = await retire({ store: "nas", path: "restic/media/radarr" })
    expect(plan).toMatchObject({ retired: false, acknowledgements: [{ id: directory, accepted: false }] })
    const done = await retire({ store: "nas", path: "restic/media/radarr", accept: [directory], holdDays: 3 })
    expect(done).toMatchObject({ retired: true })
    expect(Date.parse(done.holdUntil) - Date.now()).toBeLessThan(3 * 86_400_000 + 1_000)
    expect(existsSync(directory)).toBe(false)
    expect(existsSync(join(store, "restic/media/sonarr/file"))).toBe(true)
  })

  it("of another directory than the one that was shown is refused", async () => {
    const store = await scene({
      prepare: (store) => {
        put(store, "old", [0, 0], 0o755)
      },
    })
    const { basis } = await retire({ store: "nas", path: "old", dryRun: true })
    execFileSync("mv", [join(store, "old"), join(store, "older")])
    put(store, "old", [0, 0], 0o755)
    await expect(retire({ store: "nas", path: "old", basis })).rejects.toThrow(refused("stale_plan"))
  })

  it("of a part of a repository, of the store, of ours, or of what is not there is refused", async () => {
    const store = await scene({ prepare: perVolume })
    const before = ownersBelow(store)
    for (const [path, code] of [
      ["restic/media/radarr/file", "in_repository"],
      ["", "invalid"],
      [".cistern", "invalid"],
      ["../x", "invalid"],
      ["none", "missing"],
    ] as const) {
      await expect(retire({ store: "nas", path }), path).rejects.toThrow(refused(code))
    }
    expect(ownersBelow(store)).toEqual(before)
  })

  it.each([
    ["exported", "kopia", "exported"],
    ["around what is exported", "kopia/inner", "exported"],
    ["in a store that is exported as a whole", "", "quarantine_exported"],
  ])("of a directory that is %s is refused", async (_, exported, code) => {
    await scene({
      exports: [exportOf(exported)],
      prepare: (store) => {
        put(store, "kopia/inner", [0, 0], 0o755)
      },
    })
    await expect(retire({ store: "nas", path: "kopia" })).rejects.toThrow(refused(code))
  })

  it("of what the NFS server exports, though nobody declared it, is refused too", async () => {
    let active: string[] = []
    const state = (): Promise<NfsServerState> =>
      Promise.resolve({
        running: true,
        settings: undefined,
        active: active.map((path) => ({ path, client: "*", options: [] })),
      } as unknown as NfsServerState)
    const nfsServer: NfsServer = {
      kind: "kernel",
      state,
      refusals: () => Promise.resolve([]),
      plan: () => Promise.resolve({ added: [], removed: [] }),
      apply: () => Promise.resolve(),
    }
    const store = await scene({
      options: { nfsServer },
      prepare: (store) => {
        put(store, "old/inner", [0, 0], 0o755)
      },
    })
    for (const [path, code] of [
      [`${store}/old/inner`, "exported"],
      [`${store}/old`, "exported"],
      [store, "quarantine_exported"],
      ["/", "quarantine_exported"],
    ] as const) {
      active = [path]
      await expect(retire({ store: "nas", path: "old" }), path).rejects.toThrow(refused(code))
    }
    active = [`${store}/older`]
    expect(await retire({ store: "nas", path: "old" })).toMatchObject({ retired: true })
  })

  it("of a mounted filesystem is refused", async () => {
    const store = await scene({
      prepare: (store) => {
        put(store, "old/data", [0, 0], 0o755)
      },
    })
    mountBind(scratch(), join(store, "old/data"))
    await expect(retire({ store: "nas", path: "old" })).rejects.toThrow(refused("unsupported"))
  })
})

describe("two changes of one store at once", () => {
  it("are one after the other, by refusing the second", async () => {
    await scene({
      repositories: [{ ...shared, owner }],
      prepare: sharedOfRoot,
    })
    const target = { store: "nas", path: "kopia", recursive: true }
    const results = await Promise.allSettled([repair(target), repair(target)])
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    expect(results.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "busy" } })
  })
})
