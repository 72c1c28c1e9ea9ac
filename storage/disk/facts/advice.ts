import type { Space } from "../space.js"
import type { FilesystemFacts } from "./filesystem-facts.js"
import { isLayer, isMemory, isRemote } from "./mount-facts.js"

/** Something that an administrator should know of a store's filesystem. */
export interface Advice {
  readonly code: string
  /** `fail`: backups are in danger now. `warn`: they will be. `info`: good to know. */
  readonly severity: "info" | "warn" | "fail"
  readonly message: string
  readonly hint: string
}

/** Parts of the whole below which there is little room, and below which there is none. */
const LITTLE = 0.05
const NONE = 0.01
/** Seconds. The kernels' own default is 5, btrfs' is 30. */
const LONG_COMMIT_S = 30

/** Pure: the worst first. Of what is not known, nothing is said. */
export function adviceFor(facts: FilesystemFacts): Advice[] {
  const order = ["fail", "warn", "info"]
  return [
    ...placeAdvice(facts),
    ...healthAdvice(facts),
    ...roomAdvice(facts.space),
    ...safetyAdvice(facts),
    ...habitAdvice(facts),
  ].sort((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity))
}

function placeAdvice({ type, mountPoint, sync }: FilesystemFacts): Advice[] {
  if (isMemory(type)) {
    const hint = "Move it to a disk."
    return [advice("in_memory", "fail", `the store lies in memory (${type}): a restart empties it`, hint)]
  }
  if (isLayer(type)) {
    const message = `the store lies in a container's own layer (${type}) and goes with the container`
    return [advice("container_layer", "fail", message, "Mount a directory of the machine there.")]
  }
  if (isRemote(type)) {
    const message = `the store is another machine's, by ${type}: ${sync.why ?? "its disks cannot be looked at"}`
    const hint = "Look at that machine for its checksums, its disks and whether it exports with `sync`."
    return [advice("network_store", "info", message, hint)]
  }
  if (type.startsWith("fuse")) {
    const message = `the store lies behind a program (${type}): what a power cut leaves depends on it`
    return [advice("program_store", "info", message, "See that the disks under it are watched too.")]
  }
  if (mountPoint !== "/") return []
  const message = "the store is on the system's own filesystem: a full store stops the system"
  return [advice("root_filesystem", "info", message, "Give it a filesystem of its own.")]
}

function healthAdvice({ errors, redundancy, readOnly, type, source, deviceGone }: FilesystemFacts): Advice[] {
  const found: Advice[] = []
  if (deviceGone) {
    const message = `its disk has disappeared: ${source} is mounted, and the machine has no such device any more`
    const hint = "Look at the cable and the disk; what is read there now comes from memory, if from anywhere."
    found.push(advice("disk_gone", "fail", message, hint))
  }
  if (readOnly) {
    const message = "it is mounted read-only: movers cannot write"
    const hint = "If nobody mounted it so, the kernel did after an error: look at its log (`dmesg`)."
    found.push(advice("read_only", "warn", message, hint))
  }
  if (errors !== undefined && errors.count > 0) {
    const hint =
      type === "btrfs"
        ? "Run `btrfs scrub start`, look at the disks, then `btrfs device stats --reset`."
        : "Look at the kernel's log and at the disk; run `e2fsck -f` on it while it is not mounted."
    found.push(advice("errors_counted", "warn", `the filesystem counted ${errors.kinds.join(", ")}`, hint))
  }
  for (const { name, level } of redundancy.filter(({ degraded }) => degraded === true)) {
    const message = `${name}${level === undefined ? "" : ` (${level})`} is degraded: a device is missing`
    found.push(advice("degraded", "fail", message, "Replace the device before the next one fails."))
  }
  const parity = redundancy.find(
    ({ name, level }) => name === "btrfs" && (level === "raid5" || level === "raid6"),
  )
  if (parity !== undefined) {
    const message = `btrfs keeps data as ${parity.level ?? ""}: a power cut may damage what was written before`
    const hint =
      "Convert it to raid1 (`btrfs balance start -dconvert=raid1`), or use md below a single btrfs."
    found.push(advice("btrfs_parity", "warn", message, hint))
  }
  return found
}

function roomAdvice({ totalBytes, availableBytes, totalFiles, availableFiles }: Space): Advice[] {
  return [
    ...roomOf("nearly_full", "its bytes", availableBytes, totalBytes, "Make room before the movers fail."),
    ...roomOf(
      "few_inodes",
      "its inodes, one for each file",
      availableFiles,
      totalFiles,
      "Remove small files. ext4 cannot get more inodes: it has to be made anew with more (`mkfs.ext4 -i`).",
    ),
  ]
}

/** A whole of 0 is none that could run out: btrfs and ZFS make inodes as they need them. */
function roomOf(code: string, what: string, left: number, whole: number, hint: string): Advice[] {
  if (left >= whole * LITTLE) return []
  const percent = ((left / whole) * 100).toFixed(1)
  const severity = left < whole * NONE ? "fail" : "warn"
  return [advice(code, severity, `${percent} % of ${what} are free`, hint)]
}

function safetyAdvice({ type, options, checksums, sync }: FilesystemFacts): Advice[] {
  const found: Advice[] = []
  if (checksums === "none" && type === "btrfs") {
    const message = "btrfs keeps no checksums of the files here (nodatacow, nodatasum or `chattr +C`)"
    const hint =
      "Mount it without, use `chattr -C` on the directories, and copy the files: those that are there keep what they have."
    found.push(advice("checksums_off", "warn", message, hint))
  } else if ((checksums === "none" && !isMemory(type)) || checksums === "metadata") {
    const message = `${type} keeps no checksums of files: rot on the disk shows only when files are read and checked`
    const hint = "Have every repository read and checked now and then (a scrub): nothing else finds it."
    found.push(advice("no_data_checksums", "info", message, hint))
  }
  if (sync.kind === "uncertain") {
    const message = `what a mover was told is on the disk may be lost in a power cut: ${sync.why ?? ""}`
    const hint =
      "Mount it with barriers, unless all disks have a cache with a battery. For ext4, `tune2fs -l` shows its own defaults."
    found.push(advice("no_barriers", "warn", message, hint))
  }
  if (options.includes("data=writeback")) {
    const message = "with data=writeback, files that were not synced may hold old blocks after a power cut"
    found.push(advice("writeback_journal", "info", message, "Mount it with data=ordered, the default."))
  }
  return found
}

function habitAdvice({ type, options }: FilesystemFacts): Advice[] {
  const found: Advice[] = []
  const commit = Number(options.find((option) => option.startsWith("commit="))?.slice("commit=".length) ?? 0)
  if (commit > LONG_COMMIT_S) {
    const message = `what is not synced reaches the disk only after ${commit} s (commit=${commit})`
    found.push(advice("long_commit", "info", message, "A crash loses that much; what is synced is safe."))
  }
  if (options.includes("sync")) {
    const message = "it is mounted with sync: every write waits for the disk"
    found.push(advice("sync_mount", "info", message, "Movers sync what has to be: mount it without."))
  }
  const local = /^(ext[234]|xfs|btrfs)$/.test(type)
  const noted = !options.includes("noatime") && !options.includes("ro")
  // With relatime a file is marked once a day at most. On btrfs that is a copy of metadata, which a snapshot then keeps.
  if (local && noted && (type === "btrfs" || !options.includes("relatime"))) {
    const message = "reading a file writes the time of it to the disk"
    found.push(
      advice("access_times", "info", message, "Mount it with noatime: nobody needs these times here."),
    )
  }
  return found
}

function advice(code: string, severity: Advice["severity"], message: string, hint: string): Advice {
  return { code, severity, message, hint }
}
