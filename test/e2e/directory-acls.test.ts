import { execFile, execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, mountWithoutAcls } from "../support/mounts.js"
import { until } from "../support/until.js"
import { documentOf } from "./fleet.js"

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

function cistern(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  return new Promise((resolve) => {
    const child = execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    child.stdin?.end()
  })
}

const perVolume = {
  name: "per-pvc",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: "what the mover has" },
  new: true,
  owner: { uid: 568, gid: 568, mode: "0750", acl: ["user:3000:rwx", "group:4000:r-x"] },
}

function storeOn(mount: (place: string) => void): string {
  const above = scratch()
  chmodSync(above, 0o755)
  const store = join(above, "tank")
  mount(store)
  return store
}

const onExt4 = () =>
  storeOn((place) => {
    mountImage(ext4Image(32), place)
  })

const fenced = { store: { allowRoot: false } }

function listOf(path: string): string[] {
  const said = execFileSync("getfacl", ["-ncpE", path], { encoding: "utf8" })
  return said.split("\n").filter((line) => line !== "")
}

const list = ["user::rwx", "user:3000:rwx", "group::r-x", "group:4000:r-x", "mask::rwx", "other::---"]
const lists = [...list, ...list.map((entry) => `default:${entry}`)]

function as(user: number, ...command: readonly string[]): void {
  const ids = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--"]
  execFileSync("setpriv", [...ids, ...command], { stdio: "pipe" })
}

describe("an access control list that the document declares", () => {
  it("is given to a new directory, audited, and put right by the line that the audit names", async () => {
    const store = onExt4()
    const daemon = await startDaemon({ document: documentOf(store, [perVolume], fenced) })
    const directory = join(store, "restic/media/radarr")
    const made = await cistern(daemon, "directories", "create", "media/radarr")
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    expect(made.stdout).toContain(`made ${directory} (568:568, mode 0770)`)
    expect(listOf(directory)).toEqual(lists)
    const audit = () => cistern(daemon, "directories", "audit", "--repository", "per-pvc")
    await until(audit, ({ stdout }) => stdout.includes("1 right"), "the audit")
    expect(await audit()).toMatchObject({
      exitCode: 0,
      stdout: "1 right, 0 wrong, 0 not there, 0 not known.\n",
    })

    for (const damage of [
      ["chmod", "0750", directory],
      ["setfacl", "-b", directory],
      ["setfacl", "-k", directory],
      ["setfacl", "-x", "u:3000", directory],
      ["setfacl", "-m", "u:7:rwx", directory],
    ] as const) {
      execFileSync(damage[0], damage.slice(1))
      const said = await audit()
      expect(said.exitCode, damage.join(" ")).toBe(1)
      const line = /setfacl --set .*/.exec(said.stdout)?.[0] ?? "false"
      execFileSync("sh", ["-c", line])
      expect(listOf(directory), damage.join(" ")).toEqual(lists)
      expect(await audit()).toMatchObject({ exitCode: 0 })
    }

    chmodSync(directory, 0o750)
    expect(() => {
      as(3000, "touch", join(directory, "file"))
    }).toThrow("Permission denied")
    const doctor = await cistern(daemon, "doctor", "--json")
    expect(doctor.stdout).toContain("takes rights away from user:3000:rwx")
    // A repair does not make the group's digit what the mode says: it is the mask.
    execFileSync("chown", ["0:0", directory])
    execFileSync("chmod", ["0770", directory])
    expect(await cistern(daemon, "directories", "repair", "tank:restic/media/radarr")).toMatchObject({
      exitCode: 0,
    })
    expect(listOf(directory)).toEqual(lists)
    as(3000, "touch", join(directory, "file"))
  }, 60_000)

  it("is given at a first fresh", async () => {
    const store = onExt4()
    mkdirSync(join(store, "restic"))
    const repository = { ...perVolume, directories: "onFirstFresh" }
    const daemon = await startDaemon({ document: documentOf(store, [repository], fenced) })
    await daemon.answers("media/radarr", "fresh")
    const audit = () => cistern(daemon, "directories", "audit")
    await until(audit, ({ stdout }) => stdout.includes("1 right"), "the directory")
    expect(listOf(join(store, "restic/media/radarr"))).toEqual(lists)
  }, 60_000)

  it("is that of the directory in which the real engine makes a repository", async () => {
    const store = onExt4()
    mkdirSync(join(store, "restic/media"), { recursive: true })
    const daemon = await startDaemon({ document: documentOf(store, [perVolume], fenced) })
    const made = await cistern(
      daemon,
      "repositories",
      "create",
      "per-pvc",
      "--volume",
      "media/radarr",
      "--yes",
    )
    expect(made).toMatchObject({ exitCode: 0 })
    expect(made.stdout).toContain("0770")
    const directory = join(store, "restic/media/radarr")
    expect(listOf(directory)).toEqual(lists)
    expect(readdirSync(directory)).toContain("config")
    // restic closes what it makes, by the mask, until the group may read its config (docs/directories.md).
    const config = join(directory, "config")
    expect(listOf(config)).toEqual(expect.arrayContaining(["user:3000:rwx", "mask::---"]))
    const read = () => {
      as(3000, "cat", config)
    }
    expect(read).toThrow("Permission denied")
    execFileSync("chmod", ["-R", "g+rX", directory])
    read()
    const backup = ["--no-cache", "--quiet", "--repo", directory, "backup", config]
    const environment = { PATH: process.env["PATH"], HOME: scratch(), RESTIC_PASSWORD: "what the mover has" }
    execFileSync("restic", backup, { env: environment, stdio: "pipe" })
    const [snapshot = ""] = readdirSync(join(directory, "snapshots"))
    as(3000, "cat", join(directory, "snapshots", snapshot))
    // The directory's own list is as declared all the while.
    const { stdout } = await cistern(daemon, "directories", "--json")
    expect(stdout).not.toContain("acl_")
  }, 60_000)

  it("keeps a directory from being made where the filesystem has no such lists, and says so", async () => {
    const store = storeOn(mountWithoutAcls)
    const daemon = await startDaemon({ document: documentOf(store, [perVolume]) })
    const made = await cistern(daemon, "directories", "create", "media/radarr")
    expect(made.exitCode).not.toBe(0)
    expect(made.stderr).toContain("has no POSIX access control lists")
    expect(made.stderr).toContain("Leave `acl` out")
    expect(readdirSync(store)).not.toContain("restic")
  }, 60_000)
})
