import { isDeepStrictEqual } from "node:util"

// What a fake DSM keeps and does behind its envelope: NFS rules, shared folders, filesystem snapshots. Written by hand from what
// Synology's published drivers send and what people have seen of DSM 7 (nas-platforms.md §3); the real one is closed.

export interface FakeShare {
  name: string
  vol_path: string
  uuid: string
  quota_value: number
  rules: FakeRule[]
  snapshots: { time: string; desc: string; lock: boolean; worm: boolean }[]
}

export type FakeRule = Record<string, unknown>
type Values = Readonly<Record<string, unknown>>
/** The data of a good answer, or a code. */
export type Outcome = { data?: unknown } | { code: number }

const SQUASHES = ["root", "admin", "guest", "all_admin", "all_guest"]
const FLAVORS = ["kerberos", "kerberos_integrity", "kerberos_privacy", "sys"]

/** A rule as DSM's own dialog makes it: nobody is mapped, and the NAS answers before the disk has it. */
export function ruleByHand(client: string, changes: FakeRule = {}): FakeRule {
  return {
    client,
    privilege: "rw",
    root_squash: "root",
    async: true,
    insecure: false,
    crossmnt: false,
    security_flavor: { kerberos: false, kerberos_integrity: false, kerberos_privacy: false, sys: true },
    ...changes,
  }
}

export class FakeNas {
  readonly shares: FakeShare[] = [
    this.#share("backup", "/volume1"),
    this.#share("media", "/volume2"),
    this.#share("usbshare1", "/volumeUSB1"),
  ]
  nfsEnabled = true
  readonly volumes = [
    {
      id: "volume_1",
      vol_path: "/volume1",
      fs_type: "btrfs",
      status: "normal",
      pool_path: "reuse_1",
      size: { total: "7676309151744", used: "3937719029760", free_inode: "0" },
    },
  ]
  poolStatus = "normal"
  diskStatus = "normal"
  smartStatus = "normal"
  /** Unix milliseconds, of the NAS's clock. */
  now = Date.UTC(2026, 0, 2, 2, 4, 5)
  /** What becomes of a list on its way to where DSM keeps it. */
  onSave: (rules: FakeRule[], share: FakeShare) => FakeRule[] = (rules) => rules
  /** Volumes on btrfs. */
  readonly btrfs = new Set(["/volume1"])
  /** MiB that are in every shared folder. */
  usedMib = 1024.5
  /** How often the limit of a folder is lost. */
  losesQuota = 0

  #share(name: string, vol_path: string): FakeShare {
    const uuid = `uuid-of-${name}-${vol_path}`
    return { name, vol_path, uuid, quota_value: 0, rules: [], snapshots: [] }
  }

  addShare(name: string, volume = "/volume1"): FakeShare {
    const share = this.#share(name, volume)
    this.shares.push(share)
    return share
  }

  /** Has a method always answer so. */
  answers(api: string, method: string, outcome: Outcome): void {
    const known = this.apis[api]
    if (known === undefined) throw new Error(`the fake has no ${api}`)
    known.methods[method] = () => outcome
  }

  share(name: unknown): FakeShare {
    const found = this.shares.find((share) => share.name === name)
    if (found === undefined) throw new Error(`the test has no share ${String(name)}`)
    return found
  }

  readonly apis: Readonly<
    Record<string, { versions: [number, number]; methods: Record<string, (values: Values) => Outcome> }>
  > = {
    "SYNO.Core.FileServ.NFS": {
      versions: [1, 3],
      methods: {
        get: () => ({
          data: {
            enable_nfs: this.nfsEnabled,
            enable_nfs_v4: true,
            enabled_minor_ver: 1,
            nfs_v4_domain: "",
            read_size: 8192,
            support_encrypt_share: 1,
            support_major_ver: 4,
            support_minor_ver: 1,
            unix_pri_enable: true,
            write_size: 8192,
          },
        }),
      },
    },
    "SYNO.Core.FileServ.NFS.SharePrivilege": {
      versions: [1, 1],
      methods: { load: (values) => this.#load(values), save: (values) => this.#save(values) },
    },
    "SYNO.Core.Share": {
      versions: [1, 1],
      methods: {
        list: (values) => ({
          data: { shares: this.shares.map((share) => this.#shown(share, values)), total: this.shares.length },
        }),
        get: (values) => this.#withShare(values, (share) => ({ data: this.#shown(share, values) })),
        set: (values) => this.#withShare(values, (share) => this.#setShare(share, values["shareinfo"])),
      },
    },
    "SYNO.Core.Share.Snapshot": {
      versions: [1, 2],
      methods: {
        create: (values) => this.#withShare(values, (share) => this.#snapshot(share, values["snapinfo"])),
        list: (values) =>
          this.#withShare(values, ({ snapshots }) => ({
            data: {
              snapshots: snapshots.map(({ time, desc, lock }) => ({ time, desc, lock })),
              total: snapshots.length,
            },
          })),
        delete: (values) =>
          this.#withShare(values, (share) => this.#deleteSnapshots(share, values["snapshots"])),
        set: (values) => this.#withShare(values, (share) => this.#setSnapshot(share, values)),
      },
    },
    "SYNO.Core.Storage.Volume": {
      versions: [1, 1],
      methods: {
        list: () => ({
          data: {
            volumes: [
              {
                display_name: "Volume 1",
                volume_path: "/volume1",
                fs_type: "btrfs",
                status: "normal",
                size_total_byte: "7676309151744",
                size_free_byte: "3738590121984",
                container: "internal",
                location: "internal",
              },
            ],
          },
        }),
      },
    },
    "SYNO.Storage.CGI.Storage": {
      versions: [1, 1],
      methods: {
        load_info: () => ({
          data: {
            volumes: this.volumes,
            storagePools: [
              { id: "reuse_1", num_id: 1, status: this.poolStatus, disks: ["sata1", "nvme0n1"] },
            ],
            disks: [
              {
                id: "sata1",
                device: "/dev/sata1",
                model: "ST8000VN004-2M2101      ",
                serial: "WKD0AAAA",
                size_total: "8001563222016",
                isSsd: false,
                used_by: "reuse_1",
                status: this.diskStatus,
                smart_status: this.smartStatus,
                temp: 38,
                remain_life: { trustable: true, value: -1 },
                unc: 0,
              },
              {
                id: "nvme0n1",
                device: "/dev/nvme0n1",
                model: "SNV3400",
                serial: "NV000001",
                size_total: "400088457216",
                isSsd: true,
                used_by: "",
                status: "normal",
                temp: 41,
                remain_life: 97,
                unc: "3",
              },
            ],
          },
        }),
      },
    },
    "SYNO.Core.CurrentConnection": {
      versions: [1, 1],
      methods: {
        list: () => ({
          data: {
            items: [
              {
                protocol: "NFS",
                type: "NFS",
                from: "10.20.0.7",
                descr: "backup",
                who: "-",
                time: "2026/01/02 03:00:00",
              },
              { protocol: "HTTP/HTTPS", type: "HTTP/HTTPS", from: "127.0.0.1", descr: "-", who: "cistern" },
            ],
            total: 2,
          },
        }),
      },
    },
    "SYNO.Core.System": {
      versions: [1, 3],
      methods: {
        info: () => ({
          data: {
            model: "DS923+",
            firmware_ver: "DSM 7.2.1-69057 Update 5",
            serial: "0000AAA000000",
            ram_size: 4096,
            sys_temp: 41,
            up_time: "120:5:9",
          },
        }),
      },
    },
  }

  #load({ share_name }: Values): Outcome {
    if (typeof share_name !== "string") return { code: 2301 }
    const share = this.shares.find(({ name }) => name === share_name)
    // The same as while NFS is busy.
    if (share === undefined) return { code: 2370 }
    return { data: share.rules.length === 0 ? {} : { rule: structuredClone(share.rules) } }
  }

  #save({ share_name, rule }: Values): Outcome {
    const share = this.shares.find(({ name }) => name === share_name)
    if (share === undefined) return { code: 2370 }
    if (!Array.isArray(rule) || !rule.every((one: unknown) => isRule(one))) return { code: 2301 }
    share.rules = this.onSave(structuredClone(rule as FakeRule[]), share)
    return {}
  }

  #withShare({ name }: Values, work: (share: FakeShare) => Outcome): Outcome {
    const share = this.shares.find((one) => one.name === name)
    return share === undefined ? { code: 402 } : work(share)
  }

  #shown({ name, vol_path, uuid, quota_value }: FakeShare, { additional }: Values): FakeRule {
    const more = new Set(Array.isArray(additional) ? additional : [])
    const btrfs = this.btrfs.has(vol_path)
    return {
      name,
      vol_path,
      uuid,
      desc: "",
      ...(more.has("encryption") && { encryption: 0 }),
      ...(more.has("enable_share_cow") && { enable_share_cow: btrfs }),
      ...(more.has("recyclebin") && { enable_recycle_bin: false, recycle_bin_admin_only: false }),
      ...(more.has("support_snapshot") && { support_snapshot: btrfs }),
      ...(more.has("share_quota") && {
        quota_value,
        share_quota_used: this.usedMib,
        share_quota_logical_size: 2048,
      }),
    }
  }

  #setShare(share: FakeShare, info: unknown): Outcome {
    const { name, vol_path, share_quota } = (info ?? {}) as FakeRule
    if (name !== share.name || vol_path !== share.vol_path || typeof share_quota !== "number")
      return { code: 403 }
    // ext4 says yes and does nothing.
    if (this.btrfs.has(share.vol_path) && this.losesQuota-- <= 0) share.quota_value = share_quota
    return {}
  }

  #snapshot(share: FakeShare, info: unknown): Outcome {
    const { desc, lock } = (info ?? {}) as FakeRule
    if (typeof desc !== "string" || typeof lock !== "boolean") return { code: 403 }
    const [date = "", time = ""] = new Date(this.now + 3_600_000).toISOString().split(/[T.]/)
    const id = `GMT+01-${date.replaceAll("-", ".")}-${time.replaceAll(":", ".")}`
    if (share.snapshots.some((one) => one.time === id)) return { code: 3300 }
    share.snapshots.unshift({ time: id, desc, lock, worm: false })
    return { data: id }
  }

  #deleteSnapshots(share: FakeShare, ids: unknown): Outcome {
    const failed = share.snapshots.filter(({ time, worm }) => worm && (ids as unknown[]).includes(time))
    share.snapshots = share.snapshots.filter(
      (one) => failed.includes(one) || !(ids as unknown[]).includes(one.time),
    )
    return { data: failed.map(({ time }) => ({ [time]: 3300 })) }
  }

  #setSnapshot(share: FakeShare, { snapshot, snapinfo }: Values): Outcome {
    const found = share.snapshots.find(({ time }) => time === snapshot)
    const { lock } = (snapinfo ?? {}) as FakeRule
    if (found !== undefined && typeof lock === "boolean") found.lock = lock
    return {}
  }
}

/** DSM wants every field, and each of the kind that it is. */
function isRule(value: unknown): boolean {
  const rule = (value ?? {}) as FakeRule
  const flavors = (rule["security_flavor"] ?? {}) as FakeRule
  return (
    typeof rule["client"] === "string" &&
    /^\S+$/.test(rule["client"]) &&
    ["rw", "ro"].includes(rule["privilege"] as string) &&
    SQUASHES.includes(rule["root_squash"] as string) &&
    ["async", "insecure", "crossmnt"].every((name) => typeof rule[name] === "boolean") &&
    isDeepStrictEqual(Object.keys(flavors).sort(), FLAVORS) &&
    Object.values(flavors).every((one) => typeof one === "boolean")
  )
}
