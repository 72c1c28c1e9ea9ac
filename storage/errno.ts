// Linux's numbers (asm-generic/errno.h) of failures that disks and network filesystems report and that Node, whose list
// covers what all its platforms share, calls "Unknown system error -116".
const UNKNOWN_TO_NODE: Readonly<Record<number, string>> = {
  37: "ENOLCK",
  74: "EBADMSG",
  116: "ESTALE",
  117: "EUCLEAN",
  122: "EDQUOT",
}

/** The symbolic name of the system call's failure, such as "ENOENT"; undefined where `cause` is not one. */
export function errnoOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const { errno, code } = cause as NodeJS.ErrnoException
  return (errno === undefined ? undefined : UNKNOWN_TO_NODE[-errno]) ?? code
}
