import { execFileSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach } from "vitest"
import { scratch } from "./fixtures.js"

// Real mounts, because a fence that was only tried on invented tables of mounts is not tried at all.

const mounted: string[] = []
const hung: (() => void)[] = []

afterEach(() => {
  for (const release of hung.splice(0)) release()
  // Newest first, and lazily: a test that failed half-way may have left something open in there.
  for (const place of mounted.splice(0).reverse()) execFileSync("umount", ["-l", place])
})

/** Called by the tests that mount. Missing rights fail them: skipping would leave the fence untried without a word. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new Error("this test mounts real filesystems: run it as root, with CAP_SYS_ADMIN in a container")
  }
}

/** A new ext4 filesystem in an image file, with a UUID of its own. */
export function ext4Image(megabytes = 4): string {
  // Small filesystems would get blocks smaller than a page of memory, as no NAS has.
  return image("ext4.img", megabytes, ["mkfs.ext4", "-q", "-O", "^has_journal", "-b", "4096"])
}

/** A new XFS filesystem. The image is sparse: XFS wants 300 MB and writes next to nothing. */
export function xfsImage(): string {
  return image("xfs.img", 320, ["mkfs.xfs", "-q"])
}

/** A new btrfs filesystem, for subvolumes. */
export function btrfsImage(megabytes = 128): string {
  return image("btrfs.img", megabytes, ["mkfs.btrfs", "-q"])
}

function image(name: string, megabytes: number, [program, ...options]: [string, ...string[]]): string {
  requireRoot()
  const file = join(scratch(), name)
  writeFileSync(file, "")
  truncateSync(file, megabytes * 1024 * 1024)
  execFileSync(program, [...options, file], { stdio: ["ignore", "ignore", "inherit"] })
  return file
}

/** Mounts the image at `place`, which is created where it is not there. Undone after the test. */
export function mountImage(image: string, place: string, options = "rw"): void {
  patiently(() => {
    mount(["-o", `loop,${options}`, image], place)
  })
}

/**
 * Mounts or unmounts once more for a while: the loop device that was free a moment ago may be taken by another test file, and a
 * daemon may just be looking at what is to go.
 */
export function patiently(mountIt: () => void): void {
  for (let tries = 1; ; tries++) {
    try {
      mountIt()
      return
    } catch (error) {
      if (tries === 30 || !/busy|loop device/.test(String(error))) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    }
  }
}

/** A disk that is well until `fail` is called: from then on whatever lies behind its first megabyte answers EIO. */
export function mountFailingDisk(place: string, megabytes: number): { fail: () => void } {
  const file = ext4Image(megabytes)
  // Directly, because through the page cache a loop device reads zeros behind the end of its file.
  const device = execFileSync("losetup", ["--find", "--show", "--direct-io=on", file], {
    encoding: "utf8",
  }).trim()
  mount([device], place)
  // From now on it goes with its mount.
  execFileSync("losetup", ["--detach", device])
  return {
    fail: () => {
      execFileSync("sync", ["--file-system", place])
      truncateSync(file, 1024 * 1024)
      writeFileSync("/proc/sys/vm/drop_caches", "3")
    },
  }
}

export function mountTmpfs(place: string, size = "2m"): void {
  mount(["-t", "tmpfs", "-o", `size=${size}`, "tmpfs"], place)
}

/** A filesystem that keeps owners and modes and has no access control lists, as one with `noacl` among its options. */
export function mountWithoutAcls(place: string): void {
  mount(["-t", "ramfs", "ramfs"], place)
}

export function mountBind(from: string, place: string): void {
  mount(["--bind", from, place], place, [])
}

/**
 * A mount that never answers, as an NFS mount does whose server is gone: a FUSE filesystem without a program behind it.
 * Whoever touches it waits until `release` is called; so never touch it from the thread of a test.
 */
export function mountHung(place: string): { release: () => void } {
  requireRoot()
  mkdirSync(place, { recursive: true })
  const fuse = openSync("/dev/fuse", "r+")
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0"
  execFileSync("mount", ["-i", "-t", "fuse.hung", "-o", options, "hung", place], {
    stdio: ["ignore", "inherit", "inherit", fuse],
  })
  let held = true
  const release = () => {
    if (held) closeSync(fuse)
    held = false
  }
  hung.push(release)
  mounted.push(place)
  return { release }
}

function mount(options: readonly string[], place: string, target: readonly string[] = [place]): void {
  requireRoot()
  mkdirSync(place, { recursive: true })
  execFileSync("mount", [...options, ...target])
  mounted.push(place)
}

/** Unmounts the topmost filesystem at `place`, as an administrator or a failing disk would. By force: though it is in use. */
export function unmount(
  place: string,
  how: "when nothing uses it" | "by force" = "when nothing uses it",
): void {
  patiently(() => execFileSync("umount", how === "by force" ? ["-l", place] : [place]))
  mounted.splice(mounted.lastIndexOf(place), 1)
}
