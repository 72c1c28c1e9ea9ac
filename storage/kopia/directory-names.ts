// What filesystems, NAS systems and snapshots leave in any directory (design, "The first backup"). Such names are no
// content: a place that holds only these is empty.
const ignored = new Set(["lost+found", "@eaDir", "#recycle", "#snapshot", ".zfs", ".snapshot", ".snapshots"])

export function isIgnoredName(name: string): boolean {
  return ignored.has(name) || name.startsWith(".nfs")
}
