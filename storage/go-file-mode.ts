const SETUID = 2 ** 23
const SETGID = 2 ** 22
const STICKY = 2 ** 20

/**
 * The permissions in a Go FileMode, which both engines write (kopia-repository-format §12.2, restic-repository-format §9), as the
 * system has them: 0 to 0o7777. Its values exceed 2³¹, so that no bit operators are used.
 */
export function permissionsOf(mode: number): number {
  const has = (bit: number): boolean => Math.floor(mode / bit) % 2 === 1
  return (
    (mode % 0o1000) + (has(SETUID) ? 0o4000 : 0) + (has(SETGID) ? 0o2000 : 0) + (has(STICKY) ? 0o1000 : 0)
  )
}
