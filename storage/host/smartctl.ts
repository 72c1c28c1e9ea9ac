import { StorageError } from "../errors.js"

/** A disk that needs longer hangs, and must not hold up the others. */
const patienceMs = 10_000
/** What the kernel may call a disk; nothing else becomes a path. */
const NAME = /^[a-z][a-z0-9]{1,30}$/

/**
 * What smartmontools says of one disk ("sda"), as JSON; a sleeping disk is not woken. systeminformation would ask without `-n standby`
 * and without a time limit, so it is not used for this. Throws StorageError `missing` where there is no such program, `unreadable`, `timeout`,
 * `invalid`.
 */
export async function smartctlReport(disk: string, program = "smartctl"): Promise<string> {
  if (!NAME.test(disk)) throw new StorageError("invalid", `${JSON.stringify(disk)} is no disk's name`)
  // What starts programs takes long to load, and only who looks at disks needs it.
  const { runToEnd } = await import("./run-program.js")
  const args = ["-n", "standby", "--json=c", "-a", "--", `/dev/${disk}`]
  return (await runToEnd(program, args, patienceMs)).stdout
}
