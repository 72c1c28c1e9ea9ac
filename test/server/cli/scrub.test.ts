import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import type { ScrubReport } from "../../../storage/scrub/index.js"
import { MIB, writePacks } from "../../storage/scrub/scrub-here.js"
import { builtProgram } from "../../support/built.js"
import { damages, filesBelow } from "../../support/damage.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { until } from "../../support/until.js"

const environment = { PATH: process.env["PATH"] ?? "", CISTERN_STATE: "/nonexistent/cistern" }

/** In a process of its own, as it is installed. */
function cisternScrub(...args: readonly string[]) {
  const words = [join(builtProgram(), "cistern.js"), "scrub", ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: "utf8",
    env: environment,
  })
  return { exitCode: status, stdout, stderr }
}

function reportOf(...args: readonly string[]): ScrubReport & { exitCode: number | null } {
  const { exitCode, stdout } = cisternScrub(...args, "--json")
  return { exitCode, ...(JSON.parse(stdout) as ScrubReport) }
}

describe("cistern scrub", () => {
  it("needs no password and says with 0 that nothing is damaged, also of what is unknown", () => {
    const restic = fixture("restic/full-tree-by-0.19")
    expect(reportOf("--at", restic)).toMatchObject({ exitCode: 0, bad: [], unknown: ["config"], checked: 13 })
    const kopia = reportOf("--at", fixture("kopia/epochs"))
    expect(kopia).toMatchObject({ exitCode: 0, bad: [], checked: 4, stopped: null })
    expect(kopia.unknown).toContain("kopia.repository.f")
    expect(kopia.bytes).toBeGreaterThan(500_000)
    expect(kopia.seconds).toBeGreaterThan(0)
  })

  it("says with 1 and by name what is damaged, for people and for programs", () => {
    const directory = fixtureCopy("restic/full-tree-by-0.19")
    const file = filesBelow(directory, /^data\//)[0] ?? ""
    damages["changed in one bit"](file)
    const bad = [{ blob: relative(directory, file), code: "corrupt" }]
    expect(reportOf("--at", directory)).toMatchObject({ exitCode: 1, bad })
    const { exitCode, stdout } = cisternScrub("--at", directory)
    expect(exitCode).toBe(1)
    expect(stdout).toContain(`${relative(directory, file)} [corrupt]`)
    expect(stdout).toMatch(/1 file damaged\.\n$/)
  })

  it("finds with a ledger what rots in Kopia's packs", () => {
    const directory = fixtureCopy("kopia/epochs")
    const ledger = join(scratch(), "ledger")
    const [pack = ""] = filesBelow(directory, /^p\//)
    expect(reportOf("--at", directory, "--ledger", ledger)).toMatchObject({
      exitCode: 0,
      checked: 4,
      unknown: [],
    })
    damages["changed in one bit"](pack)
    const bad = [{ blob: relative(directory, pack), code: "corrupt" }]
    expect(reportOf("--at", directory, "--ledger", ledger)).toMatchObject({ exitCode: 1, bad })
    expect(reportOf("--at", directory, "--ledger", ledger, "--every", "1d")).toMatchObject({
      exitCode: 1,
      bad,
      checked: 1,
    })
  })

  it("ends with 2 for wrong use and 1 for a place that holds nothing", () => {
    const directory = fixture("kopia/epochs")
    expect(cisternScrub("--at", directory, "--every", "30d").exitCode).toBe(2)
    expect(cisternScrub("--at", directory, "--ledger", join(directory, "ledger")).exitCode).toBe(2)
    expect(existsSync(join(directory, "ledger"))).toBe(false)
    expect(cisternScrub("--at", directory, "--limit", "fast").exitCode).toBe(2)
    expect(cisternScrub("--at", directory, "--manifest", "x", "--engine", "kopia").exitCode).toBe(2)
    expect(cisternScrub("--at", scratch()).exitCode).toBe(1)
    expect(cisternScrub().exitCode).toBe(2)
  })

  it("tells on standard error how far it is, as lines of JSON", () => {
    const { stderr } = cisternScrub("--at", fixture("restic/full-tree-by-0.19"), "--json")
    const last = stderr.trimEnd().split("\n").at(-1) ?? ""
    const { progress } = JSON.parse(last) as { progress: { done: number; total: number } }
    expect(progress.done).toBe(progress.total)
    expect(cisternScrub("--at", fixture("kopia/epochs"), "--progress", "none").stderr).toBe("")
  })

  it("goes on where it was killed, as often as it is, and its ledger is never torn", async () => {
    const directory = join(scratch(), "repository")
    writePacks(directory, 12)
    const file = join(scratch(), "ledger")
    const args = ["--at", directory, "--ledger", file, "--readers", "1"]
    const known = (): number => (existsSync(file) ? readFileSync(file, "utf8").split("\n").length : 0)
    for (let kill = 0; kill < 3; kill++) {
      const before = known()
      const words = [join(builtProgram(), "cistern.js"), "scrub", ...args, "--limit", "3MiB"]
      const child = spawn(process.execPath, words, { env: environment, stdio: "ignore" })
      await until(known, (lines) => lines > before + 2, "more of the ledger")
      child.kill("SIGKILL")
      await once(child, "close")
    }
    const rest = reportOf(...args)
    expect(rest).toMatchObject({ exitCode: 0, bad: [], stopped: null })
    expect(rest.skipped).toBeGreaterThan(4)
    expect(rest.bytes).toBeLessThan(9 * MIB)
    expect(rest.checked + rest.recorded + rest.skipped).toBe(14)
    expect(reportOf(...args)).toMatchObject({ skipped: 0, checked: 14 })
  }, 120_000)

  it("does not run twice on one ledger", async () => {
    const directory = join(scratch(), "repository")
    writePacks(directory, 4)
    const file = join(scratch(), "ledger")
    const words = [
      join(builtProgram(), "cistern.js"),
      "scrub",
      "--at",
      directory,
      "--ledger",
      file,
      "--limit",
      "256KiB",
    ]
    const child = spawn(process.execPath, words, { env: environment, stdio: "ignore" })
    await until(() => existsSync(file) && readFileSync(file).length > 0, Boolean, "the ledger")
    const { exitCode, stderr } = cisternScrub("--at", directory, "--ledger", file)
    child.kill("SIGKILL")
    await once(child, "close")
    expect({ exitCode, isSaid: stderr.includes("another scrub uses the ledger") }).toEqual({
      exitCode: 2,
      isSaid: true,
    })
  })

  it("learns again what a damaged line of the ledger said, and tells so", () => {
    const directory = fixtureCopy("restic/full-tree-by-0.19")
    const file = join(scratch(), "ledger")
    cisternScrub("--at", directory, "--ledger", file)
    writeFileSync(file, readFileSync(file, "utf8").replace('"/config"', '"/konfig"'))
    const { exitCode, stderr } = cisternScrub("--at", directory, "--ledger", file, "--progress", "none")
    expect(exitCode).toBe(0)
    expect(stderr).toContain("1 lines of the ledger are damaged")
    rmSync(file)
  })
})
