import { FakeError, raise } from "./fake-truenas-models.js"
import {
  fakeDefaults,
  type FakeMachine,
  type FakeShare,
  type FakeShareData,
  isLocked,
  renderShares,
  validateShare,
} from "./fake-truenas-shares.js"

const GIB = 1024 ** 3

/** A healthy one. */
export function fakePool(name: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...{ id: 1, name, guid: "1", path: `/mnt/${name}`, status: "ONLINE", healthy: true, warning: false },
    ...{ status_code: "OK", status_detail: null, size: 100 * GIB, allocated: GIB, free: 99 * GIB },
    scan: { function: "SCRUB", state: "FINISHED", percentage: 100, start_time: { $date: 1 } },
    ...changes,
  }
}

export function fakeDisk(
  name: string,
  serial: string,
  pool: string | null,
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    identifier: `{serial}${serial}`,
    name,
    serial,
    model: null,
    size: GIB,
    type: "HDD",
    pool,
    ...changes,
  }
}

const documentedNfs4Client = {
  id: "4",
  info: {
    clientid: 6273260596088110000,
    address: "192.168.40.247:790",
    status: "confirmed",
    "seconds from last renew": 45,
    name: "Linux NFSv4.2 debian12-hv",
    "minor version": 2,
    "Implementation domain": "kernel.org",
    "Implementation name": "Linux 6.1.0-12-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.52-1 (2023-09-07) x86_64",
    "Implementation time": [0, 0],
    "callback state": "UP",
    "callback address": "192.168.40.247:0",
  },
  states: [
    {
      "94850248556250062041657638912": {
        type: "deleg",
        access: "r",
        superblock: "00:39:5",
        filename: "/debian12-hv",
      },
    },
    {
      "94850248556250062041741524992": {
        type: "open",
        access: "rw",
        deny: "--",
        superblock: "00:39:137",
        filename: "/.debian12-hv.swp",
        owner: "open id:8þÀ²3",
      },
    },
  ],
}

/** A TrueNAS' state and what its methods do with it. Knows nothing of connections. */
export class FakeState implements FakeMachine {
  readonly shares = new Map<number, FakeShare>()
  readonly users = new Map([
    ["root", 0],
    ["apps", 568],
    ["mover", 3000],
  ])
  readonly groups = new Map([
    ["root", 0],
    ["apps", 568],
    ["mover", 3000],
  ])
  readonly directories = new Map<string, string>()
  readonly locked = new Set<string>()
  refusesZero = true
  mostNetworks = Infinity
  allowNonRoot = false
  running = true
  /** nfsd does not come up after a change, which is then in the database all the same. */
  reloadFails = false
  alerts: { klass: string; args: unknown }[] = []
  /** Raised whatever is rendered. */
  readonly standingAlerts: { klass: string; args: unknown; level?: string; formatted?: string }[] = []
  pools: Record<string, unknown>[] = [fakePool("tank")]
  disks: Record<string, unknown>[] = [fakeDisk("sda", "S1", "tank")]
  temperatures: Record<string, number | null> = { sda: 31, sdb: null }
  /** rmtab: the line's own prefix is repeated in the path. */
  nfs3Clients: Record<string, unknown>[] = [{ ip: "192.0.2.9", export: "192.0.2.9:/mnt/tank/a" }]
  /** The example of the API's own documentation, and one that has just gone. */
  nfs4Clients: Record<string, unknown>[] = [documentedNfs4Client, { id: "5", info: {}, states: [] }]
  readonly snapshots = new Map<string, { holds: Record<string, number> }>()
  readonly quotas = new Map<string, number | null>()
  /** Of a dataset with all below it, and with filesystem snapshots. */
  readonly wholeQuotas = new Map<string, number>()
  /** What the filesystem of a dataset has in all, and free. */
  readonly sizes = new Map<string, { totalBytes: number; availableBytes: number }>()
  /** What nfsd was given last: options by "PATH CLIENT". */
  exported = new Map<string, string>()
  #nextId = 1

  dataset(path: string): void {
    this.directories.set(path, path)
  }

  /** What somebody makes in the web interface. */
  addShare(share: Partial<FakeShare> & { path: string }): FakeShare {
    const id = this.#nextId++
    const made = { ...fakeDefaults, locked: false, ...share, id }
    this.shares.set(id, made)
    this.render()
    return made
  }

  render(): void {
    if (!this.running) return
    const { lines, invalid } = renderShares(this)
    this.exported = lines
    const list = [...invalid].map(([path, names]) => `(${path}: ${names.join(",")})`).join(",")
    // A job of its own raises it, so it comes after the answer to the call.
    setTimeout(() => {
      this.alerts = list === "" ? [] : [{ klass: "NFSexportMappingInvalidNames", args: { share_list: list } }]
    }, 3).unref()
  }

  call(method: string, params: readonly unknown[]): unknown {
    const [first, second] = params
    switch (method) {
      case "core.ping":
        return "pong"
      case "sharing.nfs.query":
        return query(
          [...this.shares.values()].map((share) => this.#entry(share)),
          params,
        )
      case "sharing.nfs.create":
        return this.#create({ ...fakeDefaults, ...(first as FakeShareData) })
      case "sharing.nfs.update":
        return this.#update(Number(first), second as Partial<FakeShareData>)
      case "sharing.nfs.delete":
        this.#instance(Number(first))
        this.shares.delete(Number(first))
        this.#reload()
        return true
      case "service.query":
        return query(
          [
            { id: 4, service: "nfs", enable: true, state: this.running ? "RUNNING" : "STOPPED", pids: [] },
            { id: 5, service: "ssh", enable: false, state: "STOPPED", pids: [] },
          ],
          params,
        )
      case "nfs.config":
        return {
          ...{
            id: 1,
            servers: 4,
            allow_nonroot: this.allowNonRoot,
            protocols: ["NFSV3", "NFSV4"],
            v4_krb: false,
          },
          ...{ v4_krb_enabled: false, bindip: [], managed_nfsd: true },
        }
      case "nfs.get_nfs3_clients":
        return query(this.nfs3Clients, params)
      case "nfs.get_nfs4_clients":
        return query(this.nfs4Clients, params)
      case "user.query":
        return query(
          [...this.users].map(([username, uid]) => ({ id: uid + 1, uid, username, unixhash: "$6$secret" })),
          params,
        )
      case "group.query":
        return query(
          [...this.groups].map(([group, gid]) => ({ id: gid + 1, gid, group, name: group })),
          params,
        )
      case "filesystem.statfs":
        return this.#statfs(String(first))
      case "alert.list":
        return [...this.alerts, ...this.standingAlerts].map((alert, at) => ({
          ...{ uuid: `alert-${at}`, source: "", level: "WARNING", formatted: "Something", text: "Something" },
          ...{ datetime: { $date: 1_767_225_600_000 }, dismissed: false, one_shot: true, ...alert },
        }))
      case "system.info":
        return {
          ...{
            version: "25.10.2",
            hostname: "truenas",
            uptime_seconds: 12.5,
            physmem: 32 * GIB,
            ecc_memory: true,
          },
          ...{ buildtime: { $date: 1_767_225_600_000 }, timezone: "Europe/Berlin" },
        }
      case "pool.query":
        return query(this.pools, params)
      case "disk.query":
        return query(this.disks, params)
      case "disk.temperatures":
        return this.temperatures
      case "pool.dataset.query":
        return query(
          [...this.quotas.keys()].map((id) => this.#dataset(id)),
          params,
        )
      case "pool.dataset.update":
        this.quotas.set(String(first), (second as { refquota?: number | null }).refquota ?? null)
        return this.#dataset(String(first))
      default:
        return this.#snapshot(method.split(".").at(-1) ?? "", params)
    }
  }

  #create(share: FakeShareData): unknown {
    validateShare(this, share, "sharingnfs_create")
    const made = { ...share, id: this.#nextId++, locked: false }
    this.shares.set(made.id, made)
    this.#reload()
    return this.#entry(made)
  }

  #update(id: number, changes: Partial<FakeShareData>): unknown {
    const share = { ...this.#instance(id), ...changes }
    validateShare(this, share, "sharingnfs_update", id)
    this.shares.set(id, share)
    this.#reload()
    return this.#entry(this.#instance(id))
  }

  /** The database has it by then, whatever comes of it. */
  #reload(): void {
    if (this.running && this.reloadFails)
      throw new FakeError("ESERVICESTARTFAILURE", "The nfs service failed to start")
    this.render()
  }

  #instance(id: number): FakeShare {
    const share = this.shares.get(id)
    if (share !== undefined) return share
    const message = `Share ${id} does not exist`
    throw new FakeError("EINVAL", `[ENOENT] None: ${message}\n`, [[null, message, 2]])
  }

  #entry(share: FakeShare): FakeShare {
    return { ...share, locked: isLocked(this, share.path) }
  }

  #statfs(path: string): unknown {
    if (!path.startsWith("/mnt/")) throw new FakeError("EFAULT", '[EFAULT] Path must start with "/mnt/"')
    const dest = this.directories.get(path)
    if (dest === undefined) throw new FakeError("ENOENT", "[ENOENT] Path not found.")
    const size = this.sizes.get(dest.slice("/mnt/".length))
    const [total_bytes, avail_bytes] = [size?.totalBytes ?? 10 * GIB, size?.availableBytes ?? 9 * GIB]
    return {
      source: dest.slice("/mnt/".length),
      dest,
      fstype: "zfs",
      total_bytes,
      avail_bytes,
      flags: ["RW"],
    }
  }

  #dataset(id: string): unknown {
    const property = (parsed: unknown) => ({ parsed, rawvalue: String(parsed), value: "x", source: "LOCAL" })
    return {
      ...{ id, type: "FILESYSTEM", name: id, pool: "tank", mountpoint: `/mnt/${id}`, children: [] },
      ...{ used: property(GIB), available: property(5 * GIB), usedbysnapshots: property(7) },
      ...{ quota: property(this.wholeQuotas.get(id) ?? 0), refquota: property(this.quotas.get(id) ?? null) },
    }
  }

  #snapshot(verb: string, params: readonly unknown[]): unknown {
    const [first] = params
    if (verb === "query")
      return query(
        [...this.snapshots.keys()].map((id) => this.#snapshotEntry(id)),
        params,
      )
    if (verb === "create") {
      const { dataset, name } = first as { dataset: string; name: string }
      const id = `${dataset}@${name}`
      if (this.snapshots.has(id)) throw new FakeError("EEXIST", `[EEXIST] Snapshot ${id} exists`)
      this.snapshots.set(id, { holds: {} })
      return this.#snapshotEntry(id)
    }
    const id = String(first)
    const found = this.snapshots.get(id)
    if (found === undefined) raise([["id", "Snapshot not found", 2]])
    if (verb === "hold") this.snapshots.set(id, { holds: { truenas: 1 } })
    else if (verb === "release") this.snapshots.set(id, { holds: {} })
    else if (Object.keys(found?.holds ?? {}).length > 0)
      throw new FakeError("EBUSY", "[EBUSY] dataset is busy")
    else this.snapshots.delete(id)
    return verb === "delete" ? true : null
  }

  #snapshotEntry(id: string): unknown {
    const [dataset, snapshot_name] = id.split("@")
    const holds = this.snapshots.get(id)?.holds ?? {}
    return { id, dataset, snapshot_name, pool: "tank", name: id, type: "SNAPSHOT", properties: {}, holds }
  }
}

/** query-filters and query-options, as far as anything here uses them. */
function query(rows: readonly unknown[], [filters, options]: readonly unknown[]): unknown[] {
  const { select } = (options ?? {}) as { select?: string[] }
  const found = (rows as Record<string, unknown>[]).filter((row) =>
    ((filters ?? []) as [string, string, unknown][]).every(([field, operator, value]) => {
      if (operator === "=") return row[field] === value
      if (operator === "in") return (value as unknown[]).includes(row[field])
      throw new FakeError("EINVAL", `[EINVAL] no operator ${operator}`)
    }),
  )
  if (select === undefined) return found
  return found.map((row) => Object.fromEntries(select.map((field) => [field, row[field]])))
}
