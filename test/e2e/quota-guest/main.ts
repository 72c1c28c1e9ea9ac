import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, chownSync, mkdirSync, readdirSync, statfsSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { planQuota, quotaOf, setQuota, type SetQuotaOptions } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/errors.js"
import { MARK, report } from "../nfs-guest/report.js"
import { throughTheDaemon } from "./daemon.js"
import { MemoryProjectIds } from "./project-ids.js"

// The program that runs inside the guest. It judges nothing: it sets and reads quotas, writes up to them, and reports.

const MIB = 1024 * 1024
const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"]
const places = { xfs: "/mnt/xfs quotas", ext4: "/mnt/ext4" } as const
type Kind = keyof typeof places

/** What became of it: its result, or the code, message and hint of the error. */
async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StorageError)) return { bug: String(error), stack: (error as Error).stack }
    const { code, message, hint } = error
    return { code, message, hint }
  }
}

function directory(kind: Kind, name: string): string {
  const path = join(places[kind], name)
  mkdirSync(path)
  chownSync(path, 65534, 65534)
  return path
}

/** Writes so many MiB, as the user of the clients or as root. */
function write(file: string, megabytes: number, who: "nobody" | "root"): { bytes: number; refusal: string } {
  const dd = ["dd", "if=/dev/zero", `of=${file}`, "bs=1M", `count=${megabytes}`, "conv=fsync"]
  const [program = "", ...args] = who === "nobody" ? ["setpriv", ...NOBODY, ...dd] : dd
  const { stderr } = spawnSync(program, args, { encoding: "utf8" })
  const refusal = /No space left on device|Disk quota exceeded/.exec(stderr)?.[0] ?? ""
  return { bytes: Number(/^(\d+) bytes/m.exec(stderr)?.[1] ?? "0"), refusal }
}

function lsattr(path: string): string {
  return execFileSync("lsattr", ["-pd", path], { encoding: "utf8" }).trim().split(/\s+/).slice(0, 2).join(" ")
}

/** Asks for a quota in a process without rights. */
function asNobody(path: string): unknown {
  const { stdout } = spawnSync("setpriv", [...NOBODY, process.execPath, process.argv[1] ?? "", path], {
    encoding: "utf8",
  })
  return JSON.parse(stdout)
}

async function limited(kind: Kind): Promise<void> {
  const projects = new MemoryProjectIds(1000)
  const path = directory(kind, "-rf $(x) 'new\nline\"")
  const set = await outcome(() => setQuota(path, { bytes: 20 * MIB, files: 200 }, { projects }))
  const tagged = lsattr(path)
  const empty = { unprivileged: asNobody(path) }
  const part = write(join(path, "a"), 10, "nobody")
  const half = {
    root: await outcome(() => quotaOf(path)),
    unprivileged: asNobody(path),
    statfs: statfsSync(path).blocks,
  }
  const nobody = write(join(path, "b"), 30, "nobody")
  const full = { root: await outcome(() => quotaOf(path)), unprivileged: asNobody(path) }
  const root = write(join(path, "c"), 30, "root")
  const over = await outcome(() => quotaOf(path))
  report({ scenario: "limited", kind, set, tagged, empty, part, half, nobody, full, root, over })
}

async function files(kind: Kind): Promise<void> {
  const projects = new MemoryProjectIds(1100)
  const path = directory(kind, "files")
  await setQuota(path, { bytes: "none", files: 100 }, { projects })
  const script = 'for i in $(seq 200); do : > "$1/$i" || exit; done'
  const { stderr } = spawnSync("setpriv", [...NOBODY, "sh", "-c", script, "sh", path], { encoding: "utf8" })
  const made = readdirSync(path).length
  report({ scenario: "files", kind, made, stderr, quota: await outcome(() => quotaOf(path)) })
}

async function changed(kind: Kind): Promise<void> {
  const projects = new MemoryProjectIds(1200)
  const path = directory(kind, "changed")
  const limit = (bytes: number | "none", options: SetQuotaOptions = {}) =>
    outcome(() => setQuota(path, { bytes, files: "none" }, { projects, ...options }))
  await limit(5 * MIB)
  const raised = await limit(30 * MIB + 1023)
  const written = write(join(path, "a"), 15, "nobody")
  const below = await limit(10 * MIB)
  const huge = await limit(4 * 1024 ** 4)
  const lifted = await limit("none")
  const free = write(join(path, "b"), 40, "nobody")
  const plan = await outcome(() => planQuota(path, { bytes: 90 * MIB, files: "none" }))
  const again = await limit(100 * MIB)
  report({
    scenario: "changed",
    kind,
    raised,
    written,
    below,
    huge,
    lifted,
    free,
    plan,
    again,
    released: projects.released,
  })
}

async function inside(kind: Kind): Promise<void> {
  const projects = new MemoryProjectIds(1300)
  const path = directory(kind, "outer")
  await setQuota(path, { bytes: 20 * MIB, files: "none" }, { projects })
  const inner = directory(kind, "outer/inner")
  const inherited = await outcome(() => quotaOf(inner))
  const lifting = await outcome(() => setQuota(inner, { bytes: "none", files: "none" }, { projects }))
  const own = await outcome(() => setQuota(inner, { bytes: 40 * MIB, files: "none" }, { projects }))
  const outer = await outcome(() => quotaOf(path))
  report({ scenario: "inside", kind, inherited, lifting, own, outer, tags: [lsattr(path), lsattr(inner)] })
}

async function occupied(kind: Kind): Promise<void> {
  const projects = new MemoryProjectIds(1400)
  const path = directory(kind, "occupied")
  const outside = directory(kind, "outside")
  mkdirSync(join(path, "p"))
  writeFileSync(join(path, "p/pack"), Buffer.alloc(3 * MIB))
  symlinkSync(outside, join(path, "link"))
  execFileSync("mkfifo", [join(path, "pipe")])
  const limit = { bytes: 20 * MIB, files: "none" } as const
  const refused = await outcome(() => setQuota(path, limit, { projects }))
  const without = await outcome(() => setQuota(path, limit))
  const before = lsattr(path)
  const taken = await outcome(() => setQuota(path, limit, { projects, existing: true }))
  const tags = [path, join(path, "p"), outside].map(lsattr)
  report({ scenario: "occupied", kind, refused, without, before, taken, tags })
}

async function inUse(kind: Kind): Promise<void> {
  const other = directory(kind, "other")
  await setQuota(other, { bytes: 20 * MIB, files: "none" }, { projects: new MemoryProjectIds(1500) })
  const path = directory(kind, "second")
  const projects = new MemoryProjectIds(1500)
  const set = await outcome(() => setQuota(path, { bytes: 90 * MIB, files: "none" }, { projects }))
  const [tag, quota] = [lsattr(path), await outcome(() => quotaOf(other))]
  report({ scenario: "in use", kind, set, tag, other: quota, released: projects.released })
}

/** A program that claims to have set the limit. */
async function lied(kind: Kind): Promise<void> {
  const programs = "/tmp/programs"
  mkdirSync(programs, { recursive: true })
  for (const name of ["setquota", "xfs_quota"]) {
    const real = execFileSync("which", [name], { encoding: "utf8" }).trim()
    const script = `#!/bin/sh\ncase "$*" in *20480*) exit 0;; esac\nexec ${real} "$@"\n`
    writeFileSync(join(programs, name), script)
    chmodSync(join(programs, name), 0o755)
  }
  const path = directory(kind, "lied")
  const projects = new MemoryProjectIds(1600)
  const before = process.env["PATH"]
  process.env["PATH"] = `${programs}:${String(before)}`
  const set = await outcome(() => setQuota(path, { bytes: 20 * MIB, files: "none" }, { projects }))
  process.env["PATH"] = before
  report({ scenario: "lied", kind, set, tag: lsattr(path), released: projects.released })
}

async function off(): Promise<void> {
  for (const mount of ["/mnt/xfs-plain", "/mnt/ext4-plain", "/mnt/xfs-counting"]) {
    const path = join(mount, "a")
    mkdirSync(path)
    const projects = new MemoryProjectIds(1)
    const set = await outcome(() => setQuota(path, { bytes: 20 * MIB, files: "none" }, { projects }))
    report({ scenario: "off", mount, quota: await outcome(() => quotaOf(path)), set, tag: lsattr(path) })
  }
}

async function main(): Promise<void> {
  for (const kind of ["xfs", "ext4"] as const) {
    for (const scenario of [limited, files, changed, inside, occupied, inUse, lied]) await scenario(kind)
    await throughTheDaemon(kind, places[kind])
  }
  await off()
  report({ scenario: "end" })
}

const [, , asked] = process.argv
try {
  if (asked === undefined) await main()
  else console.log(JSON.stringify(await outcome(() => quotaOf(asked))))
} catch (error) {
  console.log(
    `${MARK}${JSON.stringify({ scenario: "failed", error: String(error), stack: (error as Error).stack })}`,
  )
  process.exit(1)
}
