import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmdirSync, statfsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { FakeDsm } from "../support/fake-dsm.js"
import { FakeTrueNas } from "../support/fake-truenas.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, requireRoot } from "../support/mounts.js"
import { until } from "../support/until.js"
import { documentOf } from "./fleet.js"

// Limits that a NAS system keeps: the daemon as a process, the system's own protocol over real sockets. No device has confirmed it.

const GIB = 1024 ** 3
const MIB = 1024 ** 2

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

interface Row {
  readonly kind: string
  readonly state: string
  readonly enforced: boolean
  readonly tree: string
  readonly limitBytes: number | null
  readonly usedBytes: number | null
  readonly problem: { readonly code: string; readonly message: string } | null
  readonly notices: readonly string[]
}

const made: string[] = []
// After what is mounted there was unmounted.
afterAll(() => {
  for (const folder of made.splice(0).reverse()) rmdirSync(folder)
})

function quotas(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  return new Promise((resolve) => {
    execFile(program, ["quotas", ...args], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

async function row(daemon: DaemonProcess): Promise<Row> {
  const { body } = await daemon.admin("GET", "/api/v1/quotas")
  const [first] = (JSON.parse(body) as { quotas: Row[] }).quotas
  if (first === undefined) throw new Error("there is no row")
  return first
}

const kopia = { name: "shared", engine: "kopia", path: "kopia", password: { value: "what movers have" } }

/** TrueNAS' datasets are below /mnt, so that is where the store is. */
async function onTrueNas(
  quota?: object,
): Promise<{ nas: FakeTrueNas; store: string; id: string; daemon: DaemonProcess }> {
  requireRoot()
  const nas = await FakeTrueNas.start()
  mkdirSync("/mnt", { recursive: true })
  const store = mkdtempSync("/mnt/cistern-test-")
  made.push(store)
  mountImage(ext4Image(16), store)
  const id = store.slice("/mnt/".length)
  const { bsize, blocks, bavail } = statfsSync(store)
  nas.state.dataset(store)
  nas.state.directories.set(join(store, "kopia"), store)
  nas.state.quotas.set(id, null)
  nas.state.sizes.set(id, { totalBytes: blocks * bsize, availableBytes: bavail * bsize })
  mkdirSync(join(store, "kopia"))
  const nfsServer = {
    kind: "truenas",
    url: nas.url,
    user: nas.user,
    secret: { value: nas.key },
    fingerprint: nas.fingerprint,
  }
  const declared = documentOf(store, [{ ...kopia, ...(quota && { quota }) }])
  return { nas, store, id, daemon: await startDaemon({ document: { ...declared, nfsServer } }) }
}

describe("a limit on TrueNAS", () => {
  it("is the dataset's refquota: shown, set with a plan, read back, and lifted", async () => {
    const { nas, store, id, daemon } = await onTrueNas()
    expect(await row(daemon)).toMatchObject({
      kind: "truenas-dataset",
      state: "no_limit",
      tree: store,
      limitBytes: null,
    })
    const plan = await quotas(daemon, "set", "tank:", "2GiB", "--dry-run")
    expect(plan.stdout).toContain(`have TrueNAS set refquota=${2 * GIB} on dataset ${id}`)
    expect(nas.state.quotas.get(id)).toBeNull()
    expect(await quotas(daemon, "set", "tank:", "2GiB")).toMatchObject({ exitCode: 0, stderr: "" })
    expect(nas.state.quotas.get(id)).toBe(2 * GIB)
    const limited = await row(daemon)
    expect(limited).toMatchObject({ state: "ok", enforced: true, tree: store, limitBytes: 2 * GIB })
    expect(limited.notices[0]).toContain("whole dataset")
    expect(limited.usedBytes).toBeGreaterThan(0)
    expect(await quotas(daemon, "lift", "tank:")).toMatchObject({ exitCode: 0 })
    expect(nas.state.quotas.get(id)).toBeNull()
    expect(nas.callsOf("pool.dataset.update")).toEqual([
      [id, { refquota: 2 * GIB }],
      [id, { refquota: null }],
    ])
  })

  it("is set on a dataset only, from 1 GiB on, and where the path is the same one there", async () => {
    const { nas, store, id, daemon } = await onTrueNas({ limit: "2GiB" })
    const watched = await until(
      () => row(daemon),
      ({ usedBytes }) => usedBytes !== null,
      "a walk through it",
    )
    expect(watched).toMatchObject({ kind: "own", enforced: false, limitBytes: 2 * GIB })
    expect(watched.problem).toMatchObject({ code: "not_held" })
    expect(watched.problem?.message).toContain("is no dataset")
    const folder = await quotas(daemon, "set", "tank:kopia")
    expect(folder).toMatchObject({ exitCode: 4 })
    expect(folder.stderr).toContain(`limit the one around it, ${store}`)
    const small = await quotas(daemon, "set", "tank:", "100MiB")
    expect(small).toMatchObject({ exitCode: 2 })
    expect(small.stderr).toContain("at least 1 GiB")
    nas.state.sizes.set(id, { totalBytes: 70 * GIB, availableBytes: 60 * GIB })
    const other = await quotas(daemon, "set", "tank:", "80GiB")
    expect(other).toMatchObject({ exitCode: 4 })
    expect(other.stderr).toContain("not the same")
    expect(nas.callsOf("pool.dataset.update")).toEqual([])
  })

  it("that TrueNAS refuses, loses, or does not answer about is an error, and never a figure", async () => {
    const { nas, id, daemon } = await onTrueNas()
    nas.break("pool.dataset.update", "forbidden")
    const refused = await quotas(daemon, "set", "tank:", "2GiB")
    expect(refused.exitCode).toBe(3)
    expect(refused.stderr).toContain("[unreadable]")
    // Somebody else sets another one in between.
    nas.meanwhile("pool.dataset.query", () => nas.state.quotas.set(id, 9 * GIB), 4)
    const lost = await quotas(daemon, "set", "tank:", "2GiB")
    expect(lost.exitCode).toBe(3)
    expect(lost.stderr).toContain("not what was set")
    nas.break("pool.dataset.query", "forbidden", { times: 100 })
    const failed = await row(daemon)
    expect(failed.state === "unknown" || failed.limitBytes === 9 * GIB).toBe(true)
    nas.mend()
    nas.state.wholeQuotas.set(id, 3 * GIB)
    nas.state.quotas.set(id, null)
    const lift = await quotas(daemon, "lift", "tank:", "--json")
    // The administrator's own quota stays, and is told.
    expect(JSON.parse(lift.stdout)).toMatchObject({
      applied: true,
      after: { limitBytes: 3 * GIB, enforced: true },
    })
    const prepared = await quotas(daemon, "prepare", "tank", "--yes")
    expect(prepared).toMatchObject({ exitCode: 4 })
  })
})

interface OnDsm {
  readonly dsm: FakeDsm
  readonly share: string
  readonly daemon: DaemonProcess
}

/** A shared folder of DSM: the store is one, or lies in one. */
async function onDsm(below: string, btrfs: boolean, limitMib = 0): Promise<OnDsm> {
  const dsm = await FakeDsm.start()
  const volume = scratch()
  if (btrfs) dsm.nas.btrfs.add(volume)
  dsm.nas.usedMib = 12.5
  dsm.nas.addShare("k8s-backup", volume).quota_value = limitMib
  const share = join(volume, "k8s-backup")
  const store = join(share, below)
  mkdirSync(join(store, "kopia"), { recursive: true })
  const nfsServer = {
    kind: "synology",
    url: dsm.url,
    user: "cistern",
    secret: { value: dsm.accounts.get("cistern")?.password ?? "" },
    fingerprint: dsm.fingerprint,
  }
  const declared = documentOf(store, [{ ...kopia, quota: { limit: "100MiB" } }])
  return { dsm, share, daemon: await startDaemon({ document: { ...declared, nfsServer } }) }
}

describe("a limit on DSM", () => {
  it("is the shared folder's: shown, set in whole MiB, read back, and lifted", async () => {
    const { dsm, share, daemon } = await onDsm("", true)
    const limit = () => dsm.nas.share("k8s-backup").quota_value
    const plan = await quotas(daemon, "set", "tank:", String(500 * MIB + 5), "--dry-run")
    expect(plan.stdout).toContain("have DSM limit shared folder k8s-backup to 500 MiB")
    expect(plan.stdout).toContain("rounded down")
    expect(limit()).toBe(0)
    expect(await quotas(daemon, "set", "tank:", String(500 * MIB + 5))).toMatchObject({ exitCode: 0 })
    expect(limit()).toBe(500)
    expect(await row(daemon)).toMatchObject({
      tree: join(share, "kopia"),
      kind: "own",
      limitBytes: 100 * MIB,
    })
    const below = await quotas(daemon, "set", "tank:", "12MiB")
    expect(below).toMatchObject({ exitCode: 4 })
    expect(below.stderr).toContain("--below-use")
    // Some models lose the first try.
    dsm.nas.losesQuota = 1
    expect(await quotas(daemon, "set", "tank:", "600MiB")).toMatchObject({ exitCode: 0 })
    expect(limit()).toBe(600)
    expect(await quotas(daemon, "lift", "tank:")).toMatchObject({ exitCode: 0 })
    expect(limit()).toBe(0)
  })

  it("cannot be that of a folder, or on a volume that is no btrfs, and what can be done is said", async () => {
    const { dsm, share, daemon } = await onDsm("", false)
    const folder = await quotas(daemon, "set", "tank:kopia", "50MiB")
    expect(folder).toMatchObject({ exitCode: 4 })
    expect(folder.stderr).toContain(`Limit the shared folder around it, ${share}`)
    const ext4 = await quotas(daemon, "set", "tank:", "50MiB")
    expect(ext4).toMatchObject({ exitCode: 4 })
    expect(ext4.stderr).toContain("its volume is no btrfs")
    expect(dsm.nas.share("k8s-backup").quota_value).toBe(0)
  })

  it("is full for what lies in the shared folder, too", async () => {
    const { daemon } = await onDsm("repositories", true, 12)
    const { problem } = await row(daemon)
    expect(problem).toMatchObject({ code: "full" })
    expect(problem?.message).toContain("k8s-backup holds 104 % of its limit")
  })

  it("is unknown while DSM refuses the account", async () => {
    const { dsm, daemon } = await onDsm("", true)
    dsm.accounts.clear()
    dsm.sessions.clear()
    const refused = await until(
      () => row(daemon),
      ({ state }) => state === "unknown",
      "the refusal to be told",
      30_000,
    )
    expect(refused).toMatchObject({ usedBytes: null, limitBytes: null })
    expect(refused.problem?.message).toContain("DSM refuses")
  })
})
