import { readFileSync, statSync } from "node:fs"

/**
 * Whether a directory lies on a disk that turns, by what the kernel says of its device. Undefined where there is no one device:
 * btrfs, ZFS, the network.
 */
export function rotates(directory: string): boolean | undefined {
  try {
    const { dev } = statSync(directory, { bigint: true })
    // glibc's gnu_dev_major and gnu_dev_minor.
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
    const device = `/sys/dev/block/${major}:${minor}`
    const told = read(`${device}/queue/rotational`) ?? read(`${device}/../queue/rotational`)
    return told === undefined ? undefined : told.trim() === "1"
  } catch {
    return undefined
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}
