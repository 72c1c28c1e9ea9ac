import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, lutimesSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** A folder like a repository's, with everything that a copy may get wrong. */
export function writeOddTree(top: string, content = "old"): void {
  mkdirSync(join(top, "p/00/-rf"), { recursive: true })
  writeFileSync(join(top, "kopia.repository"), content, { mode: 0o400 })
  writeFileSync(join(top, "p/00/pack"), Buffer.alloc(300_000, content), { mode: 0o640 })
  writeFileSync(join(top, "p/00/-rf/new\nline"), "")
  writeFileSync(join(top, "p/ü #%$(touch x)"), "name")
  chownSync(join(top, "p/00/pack"), 568, 569)
  symlinkSync("/etc/passwd", join(top, "outside"))
  symlinkSync("..", join(top, "p/up"))
  execFileSync("mkfifo", [join(top, "p/pipe")])
  mkdirSync(join(top, "sealed"))
  // mkdir sets no set-group-id bit.
  chmodSync(join(top, "sealed"), 0o2710)
  utimesSync(join(top, "p/00/pack"), 1_000_000_000.123, 1_000_000_000.123)
  lutimesSync(join(top, "outside"), 1_100_000_000, 1_100_000_000)
  utimesSync(join(top, "p"), 1_200_000_000, 1_200_000_000)
}

/** Everything about a tree that a copy has to keep, a line for each entry, and the bytes of its files. */
export function listing(top: string): string {
  const lines = execFileSync("find", [".", "-printf", "%P %y %m %U:%G %s %T@ %l\\0"], {
    cwd: top,
    encoding: "utf8",
  })
  const sums = execFileSync("sh", ["-c", "find . -type f -print0 | sort -z | xargs -0r sha256sum -z"], {
    cwd: top,
    encoding: "utf8",
  })
  // btrfs tells the size of a folder by its names, others otherwise.
  return [...lines.split("\0").map((line) => line.replace(/^(.* d \S+ \S+) \d+ /s, "$1 ")), sums]
    .sort()
    .join("\n")
}
