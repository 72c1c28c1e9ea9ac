import { isIP } from "node:net"
import { FakeError, raise } from "./fake-truenas-models.js"

// TrueNAS' NFS shares as its published source treats them (25.10.2): plugins/nfs.py, plugins/nfs_/validators.py and
// etc_files/exports.mako. Written from those, and from nothing of Cistern's.

export interface FakeShare {
  id: number
  path: string
  aliases: string[]
  comment: string
  networks: string[]
  hosts: string[]
  ro: boolean
  maproot_user: string | null
  maproot_group: string | null
  mapall_user: string | null
  mapall_group: string | null
  security: string[]
  enabled: boolean
  locked: boolean
  expose_snapshots: boolean
}

export type FakeShareData = Omit<FakeShare, "id" | "locked">

export interface FakeMachine {
  readonly shares: Map<number, FakeShare>
  readonly users: Map<string, number>
  readonly groups: Map<string, number>
  /** Directories below /mnt, and which dataset's mount point each is in. */
  readonly directories: Map<string, string>
  readonly locked: Set<string>
  /** From 25.10 on, a network that begins at zero is refused. */
  refusesZero: boolean
  /** 25.04 and 25.10.0: 42. */
  mostNetworks: number
  allowNonRoot: boolean
}

export const fakeDefaults: Omit<FakeShareData, "path"> = {
  aliases: [],
  comment: "",
  networks: [],
  hosts: [],
  ro: false,
  maproot_user: null,
  maproot_group: null,
  mapall_user: null,
  mapall_group: null,
  security: [],
  enabled: true,
  expose_snapshots: false,
}

/** Throws what TrueNAS answers. Normalises the networks in place. */
export function validateShare(machine: FakeMachine, share: FakeShareData, schema: string, id?: number): void {
  let fields: [string, string, number][] = []
  const wrong = (field: string, message: string): void => {
    fields.push([`${schema}.${field}`, message, 22])
  }
  const stop = (): void => {
    const found = fields
    fields = []
    raise(found)
  }
  if (share.networks.length > machine.mostNetworks) wrong("networks", "List should have at most 42 items")
  if (share.comment.length > 120) wrong("comment", "Value is longer than the column")
  if (new Set(share.networks).size < share.networks.length) wrong("networks", "Entries must be unique")
  const ranges = share.networks.map(parseCidr)
  if (ranges.includes(undefined))
    wrong("networks", "The following do not appear to be valid IPv4 or IPv6 networks")
  if (machine.refusesZero && ranges.some((range) => range?.first === 0n)) {
    wrong("networks", "Do not use 0.0.0.0/0 to represent all-networks.")
  }
  stop()
  share.networks = ranges.map((range) => (range === undefined ? "" : formatCidr(range)))
  if (
    ![...machine.directories.values()].some((pool) =>
      share.path.startsWith(pool.split("/").slice(0, 3).join("/")),
    )
  ) {
    wrong("path", "The path must reside within a pool mount point")
  }
  stop()
  for (const [at, one] of ranges.entries()) {
    if (ranges.slice(0, at).some((other) => overlaps(one, other)))
      wrong("networks", "ERROR - Overlapped subnets")
  }
  stop()
  if (!machine.directories.has(share.path))
    throw new FakeError("ENOENT", `[ENOENT] Path ${share.path} not found`)
  for (const other of machine.shares.values()) {
    if (other.id === id || other.path !== share.path) continue
    const everybody = other.networks.length === 0 && other.hosts.length === 0
    const used = everybody ? ["0.0.0.0/0", "::/0"] : other.networks
    for (const range of ranges) {
      if (used.some((network) => overlaps(range, parseCidr(network)))) {
        wrong("networks", `ERROR - This or another NFS share exports ${share.path} and overlaps`)
      }
    }
  }
  stop()
  for (const kind of ["maproot", "mapall"] as const) {
    const [user, group] = [share[`${kind}_user`], share[`${kind}_group`]]
    if (!user && group) wrong(`${kind}_user`, "This field is required when map group is specified")
    if (user && !machine.users.has(user)) wrong(`${kind}_user`, `User not found: ${user}`)
    if (user && group && !machine.groups.has(group)) wrong(`${kind}_group`, `Group not found: ${group}`)
  }
  if (share.maproot_user && share.mapall_user) wrong("mapall_user", "maproot_user disqualifies mapall_user")
  stop()
}

/** What it would write to /etc/exports: options by "PATH CLIENT"; and the shares that it leaves out because of names. */
export function renderShares(machine: FakeMachine): {
  lines: Map<string, string>
  invalid: Map<string, string[]>
} {
  const lines = new Map<string, string>()
  const invalid = new Map<string, string[]>()
  for (const share of machine.shares.values()) {
    if (!share.enabled || isLocked(machine, share.path) || !machine.directories.has(share.path)) continue
    const options = [
      `sec=${(share.security.length === 0 ? ["SYS"] : share.security).join(":").toLowerCase()}`,
    ]
    if (!share.ro) options.push("rw")
    const missing: string[] = []
    const mapped = (kind: "mapall" | "maproot"): string[] => {
      const [user, group] = [share[`${kind}_user`], share[`${kind}_group`]]
      const [uid, gid] = [machine.users.get(user ?? ""), machine.groups.get(group ?? "")]
      if (user && uid === undefined) missing.push(user)
      if (group && gid === undefined) missing.push(group)
      return [
        ...(uid === undefined ? [] : [`anonuid=${uid}`]),
        ...(gid === undefined ? [] : [`anongid=${gid}`]),
      ]
    }
    const all = mapped("mapall")
    if (all.length > 0) options.push(...all, "all_squash")
    const root = mapped("maproot")
    if (root.join() === "anonuid=0,anongid=0") options.push("no_root_squash")
    else options.push(...root)
    if (missing.length > 0) {
      invalid.set(share.path, [...(invalid.get(share.path) ?? []), ...missing])
      continue
    }
    if (machine.allowNonRoot) options.push("insecure")
    options.push(machine.directories.get(share.path) === share.path ? "no_subtree_check" : "subtree_check")
    const clients = [...share.hosts, ...share.networks]
    for (const client of clients.length === 0 ? ["*"] : clients)
      lines.set(`${share.path} ${client}`, options.join(","))
  }
  return { lines, invalid }
}

export function isLocked(machine: FakeMachine, path: string): boolean {
  return machine.locked.has(machine.directories.get(path) ?? "")
}

interface Range {
  readonly bits: 32 | 128
  readonly first: bigint
  readonly prefix: number
}

/** As Python's ip_network(text, strict=False). */
function parseCidr(text: string): Range | undefined {
  const [address = "", prefixText] = text.split("/")
  const family = isIP(address)
  if (family === 0) return undefined
  const bits = family === 4 ? 32 : 128
  const prefix = prefixText === undefined ? bits : Number(prefixText)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) return undefined
  const free = BigInt(bits - prefix)
  return { bits, prefix, first: (valueOf(address, family) >> free) << free }
}

function valueOf(address: string, family: number): bigint {
  if (family === 4) return address.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n)
  const [head = "", tail] = address.split("::")
  const [left, right] = [head, tail ?? ""].map((part) => part.split(":").filter((group) => group !== ""))
  const filled = [
    ...(left ?? []),
    ...Array<string>(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill("0"),
    ...(right ?? []),
  ]
  return filled.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n)
}

function formatCidr({ bits, first, prefix }: Range): string {
  const parts = (count: number, size: bigint) =>
    Array.from({ length: count }, (_, at) => (first >> (size * BigInt(count - 1 - at))) & ((1n << size) - 1n))
  if (bits === 32) return `${parts(4, 8n).join(".")}/${prefix}`
  const text = parts(8, 16n)
    .map((group) => group.toString(16))
    .join(":")
  return `${new URL(`http://[${text}]/`).hostname.slice(1, -1)}/${prefix}`
}

function overlaps(one: Range | undefined, other: Range | undefined): boolean {
  if (one === undefined || other === undefined || one.bits !== other.bits) return false
  const free = BigInt(one.bits - Math.min(one.prefix, other.prefix))
  return one.first >> free === other.first >> free
}
