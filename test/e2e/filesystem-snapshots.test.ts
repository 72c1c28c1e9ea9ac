import { execFile, execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { runRestic } from "../support/programs.js"
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
  const env = { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  return new Promise((resolve) => {
    execFile(program, ["filesystem-snapshots", ...args], { env }, (error, stdout, stderr) => {
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
    ["is emptied", (directory: string) => emptied(directory)],
    ["is removed with all above it", (directory: string) => rmSync(join(directory, "../.."), { recursive: true })],
    ["is overwritten", (directory: string) => overwritten(directory)],
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

function emptied(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true })
}

function overwritten(directory: string): void {
  for (const name of readdirSync(join(directory, "snapshots"))) {
    rmSync(join(directory, "snapshots", name))
    writeFileSync(join(directory, "snapshots", name), "ransom")
  }
}
