import { execFileSync } from "node:child_process"
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { errnoOf } from "../../storage/errno.js"
import { scratch } from "./fixtures.js"
import { btrfsImage, mountImage } from "./mounts.js"

/** A new btrfs, mounted. */
export function btrfsMount(options = "rw"): string {
  const place = join(scratch(), "disk")
  mountImage(btrfsImage(), place, options)
  return place
}

/** Runs btrfs and gives what it said. */
export function btrfs(...command: readonly string[]): string {
  return execFileSync("btrfs", command, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
}

/** A new subvolume at a path. */
export function subvolume(path: string): string {
  btrfs("subvolume", "create", "--", path)
  return path
}

/** Has quotas counted on the whole filesystem, to the end. */
export function enableQuotas(place: string): void {
  btrfs("quota", "enable", place)
  btrfs("quota", "rescan", "-w", place)
}

/** Commits what was written, so that the accounting knows it. */
export function commit(place: string): void {
  execFileSync("sync", ["--file-system", place])
}

/** Writes until the filesystem refuses or `bytes` are on the disk. Gives how many were taken, and the refusal. */
export function writeUpTo(file: string, bytes: number): { written: number; refusal: string | undefined } {
  const descriptor = openSync(file, "w")
  const block = Buffer.alloc(256 * 1024, 1)
  let written = 0
  try {
    while (written < bytes) {
      written += writeSync(descriptor, block)
      fsyncSync(descriptor)
    }
    return { written, refusal: undefined }
  } catch (error) {
    return { written, refusal: errnoOf(error) }
  } finally {
    closeSync(descriptor)
  }
}
