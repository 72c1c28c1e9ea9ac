import { execFile, execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { runRestic } from "../support/programs.js"
import { compiled } from "../support/compiled.js"
import { until } from "../support/until.js"
import { btrfsMount, subvolume } from "../support/btrfs.js"
import { requireRoot } from "../support/mounts.js"
import { listing } from "../support/tree.js"
import { documentOf } from "./fleet.js"

// The only defence against a mover with write access, on a real btrfs, through the daemon and the command line as a user has them.

const PASSWORD = "what the mover has"

const repository = {
  name: "per-pvc",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: PASSWORD },
  new: true,
}

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

function cistern(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  return run(["filesystem-snapshots", ...args], daemon)
}

function run(args: readonly string[], daemon: DaemonProcess): Promise<Ran> {
  const env = { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  return new Promise((resolve) => {
    execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** As VolSync's mover names a snapshot: of /data. */
function backup(directory: string, what: string): void {
  const words = ["--no-cache", "--repo", directory, "backup", "--host", "volsync", "--stdin"]
  execFileSync("restic", [...words, "--stdin-filename", "data"], {
    env: { PATH: process.env["PATH"], RESTIC_PASSWORD: PASSWORD },
    input: what,
    stdio: ["pipe", "ignore", "inherit"],
  })
}

/** A store that is a subvolume, with the repository of a volume in it. */
function btrfsStore(): { store: string; directory: string } {
  requireRoot()
  const store = subvolume(join(btrfsMount(), "tank"))
  const directory = join(store, "restic/media/radarr")
  mkdirSync(join(store, "restic/media"), { recursive: true })
  runRestic(directory, PASSWORD, "init")
  backup(directory, "precious")
  return { store, directory }
}

const fenced = { store: { allowRoot: false } }

function nameIn(text: string): string {
  const [name] = /cistern-\d{8}T\d{6}Z-[A-Za-z0-9-]+/.exec(text) ?? []
  if (name === undefined) throw new Error(`no name in ${text}`)
  return name
}

describe("a repository that a hostile mover destroys", () => {
  it.each([
    [
      "is emptied",
      (directory: string) => {
        emptied(directory)
      },
    ],
    [
      "is removed with all above it",
      (directory: string) => {
        rmSync(join(directory, "../.."), { recursive: true })
      },
    ],
    [
      "is overwritten",
      (directory: string) => {
        overwritten(directory)
      },
    ],
  ])("%s, is looked at as it was, rolled back and restored from again", async (_, destroy) => {
    const { store, directory } = btrfsStore()
    const daemon = await startDaemon({ document: documentOf(store, [repository], fenced) })
    await daemon.answers("media/radarr", "restore")
    const before = listing(directory)
    const made = await cistern(daemon, "create", "tank", "--reason", "before-trouble")
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    const name = nameIn(made.stdout)

    destroy(directory)
    const after = existsSync(directory) ? listing(directory) : undefined
    await daemon.answers("media/radarr", "unknown")

    const look = await cistern(daemon, "look", `tank@${name}:restic/media/radarr`)
    expect(look).toMatchObject({ exitCode: 0, stderr: "" })
    expect(look.stdout).toContain("media/radarr")
    expect(look.stdout).toContain("complete")

    const roll = ["roll-back", "tank:restic/media/radarr", "--to", name]
    const plan = await cistern(daemon, ...roll, "--dry-run")
    expect(plan).toMatchObject({ exitCode: 0, stderr: "" })
    expect(plan.stdout).toContain("is kept")
    expect(existsSync(directory) ? listing(directory) : undefined).toBe(after)

    const done = await cistern(daemon, ...roll, "--yes")
    expect(done).toMatchObject({ exitCode: 0, stderr: "" })
    expect(listing(directory)).toBe(before)
    await daemon.answers("media/radarr", "restore")
    const aside = /What was there is at (\S+)\.\n/.exec(done.stdout)?.[1] ?? ""
    expect(aside.startsWith(join(store, ".cistern/set-aside/"))).toBe(true)
    if (after !== undefined) expect(listing(aside)).toBe(after)
    runRestic(directory, PASSWORD, "check", "--read-data")
    expect((await cistern(daemon, "roll-backs")).exitCode).toBe(0)
  })
})

/** Ends a process of its own between the two renames of a roll back, by SIGKILL. */
function killedBetween(store: string, directory: string, snapshot: string): void {
  const script = join(compiled("storage"), "roll-back.js")
  writeFileSync(
    script,
    `import { filesystemSnapshots, rollBack, snapshotPlace } from "./storage/disk/index.js"
const [store, directory, name] = process.argv.slice(2)
const place = snapshotPlace(directory, { store, exported: [] })
const list = filesystemSnapshots(place)
const snapshot = (await list.list()).find((one) => one.name === name)
await list.hold(name, "roll-back")
await rollBack(place, snapshot, directory, {
  onStep: (step) => { if (step === "set_aside") process.kill(process.pid, "SIGKILL") },
})
`,
  )
  const { signal } = spawnSync(process.execPath, [script, store, directory, snapshot])
  expect(signal).toBe("SIGKILL")
}

describe("a roll back that a crash ended between its two renames", () => {
  it("is named by the next start, answered with unknown, and settled, and nothing is lost", async () => {
    const { store, directory } = btrfsStore()
    const document = documentOf(store, [repository], fenced)
    const first = await startDaemon({ document })
    await first.answers("media/radarr", "restore")
    const name = nameIn((await cistern(first, "create", "tank")).stdout)
    backup(directory, "newer")
    const before = listing(directory)
    await first.answers("media/radarr", "restore")
    await first.kill()
    killedBetween(store, directory, name)
    expect(existsSync(directory)).toBe(false)

    const daemon = await startDaemon({ document, state: first.state })
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "unknown", exists: false })
    await until(
      () => Promise.resolve(daemon.log),
      (log) => log.some(({ msg }) => String(msg).startsWith("a roll back was interrupted.")),
      "the log to name it",
    )
    const listed = await cistern(daemon, "roll-backs", "--json")
    expect(listed.exitCode).toBe(1)
    const { rollBacks } = JSON.parse(listed.stdout) as {
      rollBacks: { id: string; state: string; aside: string }[]
    }
    const [one] = rollBacks
    expect(rollBacks).toMatchObject([{ state: "between", directory }])
    expect(listing(one?.aside ?? "")).toBe(before)
    expect((await cistern(daemon, "list")).stdout).toContain("roll-back")
    const doctor = await run(["doctor"], daemon)
    expect(doctor.stdout).toContain(`cistern filesystem-snapshots settle tank ${one?.id ?? ""}`)
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "unknown" })

    const settled = await cistern(daemon, "settle", "tank", one?.id ?? "")
    expect(settled).toMatchObject({ exitCode: 0, stderr: "" })
    expect(listing(directory)).toBe(before)
    await daemon.answers("media/radarr", "restore")
    expect((await cistern(daemon, "roll-backs")).exitCode).toBe(0)
    expect((await cistern(daemon, "list")).stdout).not.toContain("roll-back")
    expect((await cistern(daemon, "settle", "tank", one?.id ?? "")).exitCode).toBe(1)
    // And the way is free for the roll back itself.
    const roll = await cistern(
      daemon,
      "roll-back",
      "tank:restic/media/radarr",
      "--to",
      `tank@${name}`,
      "--yes",
    )
    expect(roll).toMatchObject({ exitCode: 0 })
    // The newest backup that was ever seen is not there any more: that is not decided by itself.
    await daemon.answers("media/radarr", "unknown")
  })
})

describe("the schedule of a daemon", () => {
  it("makes one by itself, and guards the newest and what is held", async () => {
    const { store } = btrfsStore()
    const filesystemSnapshots = { schedule: { every: "day", at: "03:30" } }
    const document = documentOf(store, [repository], { store: { allowRoot: false, filesystemSnapshots } })
    const daemon = await startDaemon({ document })
    const list = await until(
      () => cistern(daemon, "list"),
      ({ stdout }) => stdout.includes("-scheduled"),
      "the first one",
    )
    expect(list.stdout).toContain("Store tank: btrfs, every day at 03:30 UTC")
    const id = `tank@${nameIn(list.stdout)}`
    expect(await cistern(daemon, "remove", id, "--yes")).toMatchObject({ exitCode: 4 })
    expect(await cistern(daemon, "create", "tank")).toMatchObject({ exitCode: 0 })
    expect(await cistern(daemon, "hold", id)).toMatchObject({ exitCode: 0 })
    const held = await cistern(daemon, "remove", id, "--yes")
    expect(held.exitCode).toBe(4)
    expect(held.stderr).toContain("is held by administrator")
    expect(await cistern(daemon, "release", id)).toMatchObject({ exitCode: 0 })
    const retention = await cistern(daemon, "retention", "tank")
    expect(retention.stdout).toContain("younger than the minimum age")
    expect(await cistern(daemon, "remove", id, "--dry-run")).toMatchObject({ exitCode: 0 })
    expect(await cistern(daemon, "remove", id, "--yes")).toMatchObject({ exitCode: 0, stderr: "" })
    expect(await cistern(daemon, "remove", id, "--yes")).toMatchObject({ exitCode: 1 })
    expect(await cistern(daemon, "create", "tank", "--reason", "$(reboot)")).toMatchObject({ exitCode: 2 })
    expect(await cistern(daemon, "look", "nonsense")).toMatchObject({ exitCode: 2 })
    expect(await cistern(daemon, "retention", "other")).toMatchObject({ exitCode: 1 })
  })
})

function emptied(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true })
}

function overwritten(directory: string): void {
  for (const name of readdirSync(join(directory, "snapshots"))) {
    rmSync(join(directory, "snapshots", name))
    writeFileSync(join(directory, "snapshots", name), "ransom")
  }
}
