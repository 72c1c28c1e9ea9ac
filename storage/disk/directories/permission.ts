/** Who asks for something: after the squash of an export, which leaves no further groups. */
export interface User {
  readonly uid: number
  readonly gid: number
}

export interface Owned extends User {
  readonly mode: number
}

export const READ = 0o4
export const WRITE = 0o2
export const ENTER = 0o1

/** Whether mode and owner let a user do all of `wanted`, such as READ | ENTER. ACLs are not known here. */
export function may(user: User, { uid, gid, mode }: Owned, wanted: number): boolean {
  if (user.uid === 0) return true
  // Only the first that fits counts: an owner whom the mode shuts out is not let in as one of the others.
  const bits = user.uid === uid ? mode >> 6 : user.gid === gid ? mode >> 3 : mode
  return (bits & wanted) === wanted
}
