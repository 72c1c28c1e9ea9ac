import { execFile } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { program, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { putRepository } from "../support/put-repository.js"
import { SHARED_PASSWORD } from "./fleet.js"

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The built program, as somebody would run it on the NAS. */
function cistern(args: readonly string[], state = "/nonexistent/cistern", input = ""): Promise<Ran> {
  const env = { PATH: process.env["PATH"] ?? "", CISTERN_STATE: state, NO_COLOR: "1" }
  return new Promise((resolve) => {
    const child = execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    child.stdin?.end(input)
  })
}

function passwordFile(password: string): string {
  const file = join(scratch(), "password")
  writeFileSync(file, `${password}\n`, { mode: 0o600 })
  return file
}

describe("a tree that movers wrote for years", () => {
  it("is adopted by two commands, and the daemon then answers for its volumes", async () => {
    const tank = scratch()
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    const adopted = await cistern([
      "adopt",
      tank,
      "--password-file",
      passwordFile(SHARED_PASSWORD),
      "--networks",
      "127.0.0.0/8",
    ])
    expect(adopted.exitCode).toBe(0)
    // Nothing of ours is there before somebody applies.
    expect(existsSync(join(tank, ".cistern"))).toBe(false)

    const daemon = await startDaemon()
    const applied = await cistern(["apply", "-f", "-"], daemon.state, adopted.stdout)
    expect(applied).toMatchObject({ exitCode: 0, stderr: "" })
    for (const volume of ["home/home-assistant", "media/jellyfin-config", "monitoring/grafana"]) {
      expect((await daemon.answers(volume, "restore")).decision).toBe("restore")
    }
    // What the document leaves open is never a yes or a no.
    expect((await daemon.answers("media/radarr", "similar_identity")).decision).toBe("unknown")
    expect(existsSync(join(tank, ".cistern/store.json"))).toBe(true)

    const again = await cistern(["apply", "-f", "-", "--dry-run"], daemon.state, adopted.stdout)
    expect(again).toMatchObject({ exitCode: 0, stderr: "" })
    expect(again.stdout).not.toMatch(/^[+~-] /m)
  })

  it("of one restic repository for each volume is adopted as JSON, without a password", async () => {
    const tank = putRepository("restic/movers", join(scratch(), "tank"))
    const adopted = await cistern(["adopt", tank, "--json", "--networks", "127.0.0.0/8"])
    expect(adopted.exitCode).toBe(0)
    const { document } = JSON.parse(adopted.stdout) as { document: object }
    const daemon = await startDaemon()
    expect((await cistern(["apply", "-f", "-"], daemon.state, JSON.stringify(document))).exitCode).toBe(0)
    for (const volume of ["media/radarr", "media/sonarr", "databases/postgres"]) {
      expect((await daemon.answers(volume, "restore")).decision).toBe("restore")
    }
    expect((await daemon.answers("home/initialised-only", "password_missing")).decision).toBe("unknown")
  })

  it("of both engines mixed in one folder is adopted, and what only guards keeps a volume from being fresh", async () => {
    const tank = putRepository("restic/movers", join(scratch(), "tank"))
    putRepository("kopia/cluster-shared", join(tank, "kopia"))
    mkdirSync(join(tank, "rclone"))
    const args = [
      "adopt",
      tank,
      "--password-file",
      passwordFile(SHARED_PASSWORD),
      "--networks",
      "127.0.0.0/8",
    ]
    const { stdout } = await cistern(args)
    const daemon = await startDaemon()
    expect(await cistern(["apply", "-f", "-"], daemon.state, stdout)).toMatchObject({
      exitCode: 0,
      stderr: "",
    })
    expect((await daemon.answers("monitoring/grafana", "restore")).decision).toBe("restore")
    // Only restic has backups of it, and Kopia's is what restores.
    expect((await daemon.answers("databases/postgres", "password_missing")).decision).toBe("unknown")
  })
})
