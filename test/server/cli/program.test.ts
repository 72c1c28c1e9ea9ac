import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { cli } from "../../support/cli.js"
import { scratch } from "../../support/fixtures.js"

const commands = [
  "serve",
  "adopt",
  "apply",
  "export",
  "exists",
  "volumes",
  "snapshots",
  "repositories",
  "stores",
  "exports",
  "directories",
  "fresh-once",
  "doctor",
  "schema",
  "completion",
]

describe("cistern --help", () => {
  it("names every command, every exit code and every variable", async () => {
    const { exitCode, stdout } = await cli(["--help"])
    expect(exitCode).toBe(0)
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"))
    for (const code of [0, 1, 2, 3, 4]) expect(stdout).toMatch(new RegExp(`^  ${code}  \\S`, "m"))
    for (const name of [
      "CISTERN_STATE",
      "CISTERN_LISTEN",
      "CISTERN_CONFIG",
      "CISTERN_KOPIA",
      "CISTERN_RESTIC",
    ]) {
      expect(stdout).toContain(`  ${name} `)
    }
  })

  it.each(commands)("%s has help of its own", async (command) => {
    const { exitCode, stdout } = await cli([command, "--help"])
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`Usage: cistern ${command}`)
  })

  it("has --json on every reading command", async () => {
    for (const command of [
      "exists",
      "volumes",
      "snapshots",
      "export",
      "doctor",
      "repositories list",
      "stores list",
      "exports list",
      "adopt",
      "directories list",
      "directories audit",
      "directories repairs",
      "directories quarantine",
    ]) {
      expect((await cli([...command.split(" "), "--help"])).stdout).toContain("--json")
    }
  })
})

describe("cistern --version", () => {
  it("prints the package's version", async () => {
    expect(await cli(["--version"])).toMatchObject({ exitCode: 0, stdout: "0.1.0\n", stderr: "" })
  })
})

describe("wrong use ends with 2 and prints nothing to standard output", () => {
  it.each([
    [["nonsense"]],
    [["volumes", "--nonsense"]],
    [["exists"]],
    [["exists", "a/b", "c"]],
    [["apply"]],
    [["completion", "tcsh"]],
    [["serve", "--ready-fd", "1"]],
    [["snapshots", "--engine", "borg", "--at", "/x"]],
    [["snapshots", "--password-env", "X"]],
    [["stores", "accept"]],
    [["adopt"]],
    [["adopt", "/nonexistent", "--depth", "0"]],
    [["adopt", "/nonexistent", "--seconds", "soon"]],
    [["adopt", "/nonexistent", "--networks", "10.0.0.0"]],
    [["adopt", "/nonexistent", "--cluster", "Home"]],
    [["adopt", "/nonexistent", "--namespace", "a/b"]],
    [["adopt", "/nonexistent", "--password-env", "not a name"]],
    [[]],
  ])("%j", async (args) => {
    const { exitCode, stdout, stderr } = await cli(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" })
    expect(stderr).not.toBe("")
    expect(stderr).not.toContain("    at ")
  })
})

describe("the stack of a failure", () => {
  const args = ["snapshots", "--at", "/nonexistent/place"]

  it("is not printed", async () => {
    expect((await cli(args)).stderr).not.toContain("    at ")
  })

  it("is printed where somebody debugs", async () => {
    expect((await cli(args, { environment: { LOG_LEVEL: "debug" } })).stderr).toContain("    at ")
  })
})

describe("the completion for bash", () => {
  async function candidates(...words: string[]): Promise<string[]> {
    const script = join(scratch(), "cistern.bash")
    writeFileSync(script, (await cli(["completion", "bash"])).stdout)
    const line = words.map((word) => `'${word}'`).join(" ")
    const program = `set -eu; source "$1"; COMP_WORDS=(cistern ${line}); COMP_CWORD=${words.length}; _cistern; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync("bash", ["-c", program, "bash", script], { encoding: "utf8" }).trim().split("\n")
  }

  it("offers commands", async () => {
    expect(await candidates("ex")).toEqual(["export", "exists", "exports"])
  })

  it("offers the commands below a command", async () => {
    expect(await candidates("stores", "")).toEqual(["list", "show", "create", "withdraw", "accept", "--help"])
  })

  it("offers the options of a command", async () => {
    expect(await candidates("snapshots", "--pass")).toEqual(["--password-file", "--password-env"])
    expect(await candidates("apply", "--dry-run", "--re")).toEqual(["--remove"])
  })

  it("offers files and options where a path is wanted", async () => {
    const file = join(scratch(), "tank")
    writeFileSync(file, "")
    expect(await candidates("adopt", file.slice(0, -2))).toEqual([file])
    expect(await candidates("adopt", "--clu")).toEqual(["--cluster"])
  })

  it("offers files where a file is wanted", async () => {
    const file = join(scratch(), "document.yaml")
    writeFileSync(file, "")
    expect(await candidates("apply", "-f", file.slice(0, -3))).toEqual([file])
  })
})

describe("the completion for zsh and fish", () => {
  it.each(["zsh", "fish"])("names every command: %s", async (shell) => {
    const { stdout } = await cli(["completion", shell])
    for (const command of commands) expect(stdout).toContain(`'${command}`)
  })

  it.each(["bash", "zsh"])("is well-formed for a shell: %s", async (shell) => {
    // bash reads what both have in common; zsh's own expansions are in quotes or braces.
    const { stdout } = await cli(["completion", shell])
    expect(() =>
      execFileSync("bash", ["-n"], { input: stdout.replace(/^.*funcstack.*$/m, "") }),
    ).not.toThrow()
  })
})
