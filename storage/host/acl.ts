import { StorageError } from "../errors.js"
import { runNow } from "./run-now.js"
import { given, type OpenDirectory, toolFailure } from "./tool.js"

// POSIX access control lists of one directory, by the package acl. The thread waits: whoever makes a directory gives it its lists before
// anything else happens. All throw StorageError: `missing` without the program, `unreadable` without the right to, `io`, `timeout`,
// `unsupported` where the filesystem has no such lists.

/** It looks at one directory and at nothing in it. */
const patienceMs = 5_000

/** Replaces the directory's own list. `text`: all entries in short form, with numbers, such as "user::rwx,user:568:rwx,…". */
export function setAccessAcl(directory: OpenDirectory, text: string): void {
  run("setfacl", ["--set", text, "--", given(0)], directory)
}

/** Replaces the list that what is made in the directory gets. */
export function setDefaultAcl(directory: OpenDirectory, text: string): void {
  run("setfacl", ["--default", "--set", text, "--", given(0)], directory)
}

/** Both lists, a line for each entry, with numbers. A filesystem without any shows its mode as one. Needs no rights. */
export function aclOf(directory: OpenDirectory): string {
  return run(
    "getfacl",
    ["--numeric", "--omit-header", "--no-effective", "--absolute-names", "--", given(0)],
    directory,
  )
}

function run(program: string, args: readonly string[], directory: OpenDirectory): string {
  const answer = runProgram(program, args, directory)
  if (answer.exitCode === 0) return answer.stdout
  if (/operation not supported/i.test(answer.stderr)) {
    throw new StorageError(
      "unsupported",
      `the filesystem of ${directory.path} has no POSIX access control lists`,
      {
        facts: { file: directory.path, program },
        hint: "Leave `acl` out of the repository's `owner`, or let the filesystem have them: ext4, XFS and btrfs without `noacl` among the mount options, ZFS with acltype=posix.",
      },
    )
  }
  throw toolFailure(program, args, answer, [directory])
}

function runProgram(program: string, args: readonly string[], directory: OpenDirectory) {
  try {
    return runNow(program, args, [directory.descriptor], patienceMs)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "missing") throw error
    const { message, facts } = error
    const hint = `Install the package acl, which brings ${program}, or leave \`acl\` out of the repository's \`owner\`.`
    throw new StorageError("missing", message, { facts, hint, cause: error })
  }
}
