import { StorageError } from "../../errors.js"
import { aclOf, setAccessAcl, setDefaultAcl } from "../../host/index.js"
import { aclText, declaredAcl, type DirectoryAcl, type NamedRights, parseAcl, sameAcl } from "./acl.js"
import type { Pinned } from "./pinned.js"

/** The lists of a directory. Waits for the program. Throws StorageError `missing`, `unreadable`, `unsupported`, `timeout`. */
export function readAcl(directory: Pinned): DirectoryAcl {
  const said = aclOf(directory)
  const acl = parseAcl(said)
  if (acl !== undefined) return acl
  throw new StorageError("unsupported", `what getfacl says of ${directory.path} cannot be read`, {
    facts: { file: directory.path, said: said.slice(0, 600) },
    hint: "Run `getfacl -n` on it by hand, and look at what is strange there.",
  })
}

/** What is made in the directory from now on gets this list. Nobody gets a right on the directory itself. Throws StorageError. */
export function letInherit(directory: Pinned, mode: number, named: readonly NamedRights[]): void {
  setDefaultAcl(directory, aclText(declaredAcl(mode, named)))
}

/** Gives the directory itself mode, but for set-gid, and list at once. Throws StorageError. */
export function letIn(directory: Pinned, mode: number, named: readonly NamedRights[]): void {
  setAccessAcl(directory, aclText(declaredAcl(mode, named)))
}

/** Throws StorageError `unsupported` where the filesystem did not keep what it was given. */
export function requireAcl(directory: Pinned, mode: number, named: readonly NamedRights[]): void {
  const wanted = declaredAcl(mode, named)
  const { access, inherited } = readAcl(directory)
  if (sameAcl(access, wanted) && inherited !== undefined && sameAcl(inherited, wanted)) return
  const shown = inherited === undefined ? "none" : aclText(inherited)
  throw new StorageError(
    "unsupported",
    `the filesystem of ${directory.path} does not keep the access control list: it is ${aclText(access)}, and by default ${shown}`,
    { facts: { file: directory.path }, hint: NO_ACLS_HINT },
  )
}

const NO_ACLS_HINT =
  "Leave `acl` out of the repository's `owner`, or use a filesystem with POSIX access control lists."
