import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { compiled } from "../../support/compiled.js"
import { expectedOf, fixture, scratch } from "../../support/fixtures.js"

let main = ""

beforeAll(() => {
  main = join(compiled("storage", "server"), "server/cli/main.js")
})

/** The command line in a process of its own. */
function cistern(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", CISTERN_STATE: "/nonexistent/cistern", ...environment },
  })
  return { exitCode: status, stdout, stderr }
}

describe("the process ends with", () => {
  it("0 and lists snapshots of a bare place, in any locale", () => {
    const name = "kopia/change-password"
    const password = expectedOf(name)["password"] as string
    const { exitCode, stdout, stderr } = cistern(
      ["snapshots", "--at", fixture(name), "--password-env", "PW", "--json"],
      { PW: password, LC_ALL: "C", LANG: "C" },
    )
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    expect((JSON.parse(stdout) as { snapshots: unknown[] }).snapshots).toHaveLength(2)
    expect(stdout).not.toContain(password)
  })

  it("1 when the place is not there", () => {
    expect(cistern(["snapshots", "--at", "/nonexistent"]).exitCode).toBe(1)
  })

  it("2 for wrong use", () => {
    expect(cistern(["nonsense"]).exitCode).toBe(2)
  })

  it("3 without a daemon", () => {
    expect(cistern(["exists", "media/radarr"]).exitCode).toBe(3)
  })

  it("3 without the password", () => {
    expect(cistern(["snapshots", "--at", fixture("kopia/format-3")]).exitCode).toBe(3)
  })

  it("0 when its reader has seen enough", () => {
    const program = '"$1" "$2" snapshots --at "$3" --json | head -c 1 > /dev/null; echo "${PIPESTATUS[0]}"'
    const { stdout, stderr } = spawnSync(
      "bash",
      ["-c", program, "bash", process.execPath, main, fixture("restic/many-800")],
      { encoding: "utf8" },
    )
    expect({ stdout, stderr }).toEqual({ stdout: "0\n", stderr: "" })
  })
})

describe("a place whose path is not ASCII", () => {
  it("is read and shown as it is", () => {
    const directory = join(scratch(), "Sicherung für Österreich 倉庫")
    mkdirSync(directory)
    writeFileSync(join(directory, "notes.txt"), "")
    const { exitCode, stderr } = cistern(["snapshots", "--at", directory], { LC_ALL: "C" })
    expect(exitCode).toBe(1)
    expect(stderr).toContain(directory)
  })
})
