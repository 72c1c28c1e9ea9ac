// Folders are often named by what is in them. Such a name is no namespace's and no cluster's, unless others say so.

/** Never a namespace: the programs that write backups. */
const PROGRAMS = new Set(["restic", "kopia", "rclone", "rsync", "volsync"])

const ROLES = new Set([
  ...PROGRAMS,
  ..."backup backups bak repository repositories repo repos store stores pvc pvcs volume volumes data".split(
    " ",
  ),
  ..."archive archives old legacy new tmp temp test copy copies mirror mirrors sync k8s kubernetes nfs".split(
    " ",
  ),
  ..."exports export share shares s3 buckets bucket".split(" "),
])

const COPIES = new Set(["rclone", "rsync", "copy", "copies", "mirror", "mirrors", "sync"])

export function isProgramName(name: string): boolean {
  return PROGRAMS.has(name.toLowerCase())
}

/** Whether a folder's name says what it is for rather than whose it is. */
export function isRoleName(name: string): boolean {
  return ROLES.has(name.toLowerCase())
}

/** Whether plain copies of volumes may well lie in a folder of that name. */
export function isCopyName(name: string): boolean {
  return COPIES.has(name.toLowerCase())
}
