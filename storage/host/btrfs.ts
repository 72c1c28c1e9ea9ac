import { given, type OpenDirectory, runOn, type ToolRunner, runTool } from "./tool.js"

// btrfs-progs, by fixed argument lists (reference nas-platforms.md §5.4). All throw StorageError: `missing` without the
// program, `unreadable` without the right to, `io`, `timeout`, `unsupported`.

/** Creating and deleting wait for a commit of the filesystem, which on slow disks takes a while. */
const patienceMs = 120_000

/** The number of the subvolume that a directory lies in. Needs no rights. */
export async function btrfsSubvolumeId(directory: OpenDirectory): Promise<number> {
  const said = await btrfs(["inspect-internal", "rootid", "--", given(0)], [directory])
  const id = Number(said.trim())
  if (!Number.isSafeInteger(id) || id <= 0) throw new TypeError(`btrfs rootid said ${JSON.stringify(said)}`)
  return id
}

/** The table of the one qgroup of a directory's subvolume, as `btrfs qgroup show` writes it. */
export function btrfsQgroupTable(directory: OpenDirectory): Promise<string> {
  return btrfs(["qgroup", "show", "-ref", "--raw", "--", given(0)], [directory])
}

/** Limits what the subvolume may refer to; "none" lifts the limit. */
export async function btrfsLimit(subvolume: OpenDirectory, bytes: number | "none"): Promise<void> {
  await btrfs(["qgroup", "limit", "--", String(bytes), given(0)], [subvolume])
}

/** Begins to account for every subvolume of the filesystem. Comes back at once; counting goes on in the kernel. */
export async function btrfsQuotaEnable(directory: OpenDirectory): Promise<void> {
  await btrfs(["quota", "enable", given(0)], [directory])
}

/** Begins to count anew. Comes back at once; counting goes on in the kernel. */
export async function btrfsQuotaRescan(directory: OpenDirectory): Promise<void> {
  await btrfs(["quota", "rescan", "--", given(0)], [directory])
}

/** A read-only snapshot of a subvolume as `name` in `folder`, or a writable one. Not of the subvolumes in it. */
export async function btrfsSnapshot(
  subvolume: OpenDirectory,
  folder: OpenDirectory,
  name: string,
  { writable }: { readonly writable: boolean },
): Promise<void> {
  const readOnly = writable ? [] : ["-r"]
  await btrfs(["subvolume", "snapshot", ...readOnly, "--", given(0), inFolder(1, name)], [subvolume, folder])
}

/** Deletes the subvolume `name` of `folder`, for good when it comes back. Fails where other subvolumes are in it. */
export async function btrfsDelete(folder: OpenDirectory, name: string): Promise<void> {
  await btrfs(["subvolume", "delete", "-c", "--", inFolder(0, name)], [folder])
}

/** Whether a subvolume is read-only. */
export async function btrfsIsReadOnly(subvolume: OpenDirectory): Promise<boolean> {
  return (await btrfs(["property", "get", "-ts", given(0), "ro"], [subvolume])).trim() === "ro=true"
}

function inFolder(index: number, name: string): string {
  return `${given(index)}/${name}`
}

function btrfs(
  args: readonly string[],
  directories: readonly OpenDirectory[],
  run: ToolRunner = runTool,
): Promise<string> {
  return runOn(run, "btrfs", args, directories, { milliseconds: patienceMs })
}
