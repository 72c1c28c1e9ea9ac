import { isNetwork, type Location, type Mount, mountOf, readMounts } from "../disk/index.js"

/** Filesystems in which the kernel shows itself, and into which nobody writes backups. */
const KERNEL_ONLY = new Set(
  (
    "proc sysfs devtmpfs devpts cgroup cgroup2 securityfs debugfs tracefs bpf mqueue hugetlbfs pstore configfs " +
    "efivarfs fusectl binfmt_misc nsfs rpc_pipefs nfsd selinuxfs"
  ).split(" "),
)

export interface MountBelow {
  /** Absolute. */
  readonly path: string
  readonly type: string
  /** The device, the dataset, or server:/path. */
  readonly source: string
  /** Why it is not looked into; undefined: it is. */
  readonly closed: { readonly code: "mount" | "kernel"; readonly why: string } | undefined
}

/** What is mounted below a place, from the table of mounts alone: a dead server holds up nobody here. By path. */
export function mountsBelow({ mountsBelow: paths }: Location): ReadonlyMap<string, MountBelow> {
  const mounts = readMounts()
  return new Map([...new Set(paths)].map((path) => [path, described(path, mountOf(path, mounts))]))
}

function described(path: string, mount: Mount): MountBelow {
  const { type, source } = mount
  return { path, type, source, closed: whyClosed(mount) }
}

function whyClosed({ type, source }: Mount): MountBelow["closed"] {
  if (KERNEL_ONLY.has(type)) return { code: "kernel", why: `the kernel's own ${type} is mounted there` }
  if (type === "autofs") return { code: "mount", why: "an automounter would mount something there" }
  // It may not answer, and whoever asked would wait for ever.
  if (isNetwork({ type })) {
    return { code: "mount", why: `${type} ${source} is mounted there: run the command with this path` }
  }
  return undefined
}
