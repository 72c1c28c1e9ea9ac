import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { builtProgram } from "../../support/built.js"
import { damages, filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { mountFailingDisk } from "../../support/mounts.js"

// The built program: its reading threads are a part of it.

interface Verified {
  readonly exitCode: number | null
  readonly level: string
  readonly ok: boolean
  readonly snapshots: readonly { id: string; ok: boolean; damaged: string[]; reasons: string[] }[]
  readonly bad: readonly { blob: string; code: string; contents: number }[]
  readonly unindexed: readonly { blob: string; bytes: number }[]
  readonly counts: Readonly<Record<string, number>>
}

const name = "restic/many-indexes"

function cisternVerify(directory: string, ...args: readonly string[]) {
  const words = [
    join(builtProgram(), "cistern.js"),
    "verify",
    "--at",
    directory,
    "--password-env",
    "PASSWORD",
    ...args,
  ]
  const env = { PATH: process.env["PATH"] ?? "", PASSWORD: expectedOf(name).password as string }
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", env })
  return { exitCode: status, stdout, stderr }
}

function json(directory: string, ...args: readonly string[]): Verified {
  const { exitCode, stdout } = cisternVerify(directory, "--json", ...args)
  return { exitCode, ...(JSON.parse(stdout) as Omit<Verified, "exitCode">) }
}

const largestPack = (directory: string): string =>
  filesBelow(directory, /^data\/../).sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? ""

describe("cistern verify", () => {
  it("says with 0 that every snapshot can be restored, for people and for programs", () => {
    const found = json(fixture(name))
    expect(found).toMatchObject({ exitCode: 0, level: "reachable", ok: true, bad: [], unindexed: [] })
    expect(found.counts["read"]).toBe(0)
    expect(found.snapshots.map(({ ok }) => ok)).not.toContain(false)
    const { exitCode, stdout } = cisternVerify(fixture(name))
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^(\d+) of \1 snapshots can be restored \(reachable; /)
  })

  it("says with 1 what a deleted pack costs", () => {
    const directory = fixtureCopy(name)
    rmSync(largestPack(directory))
    const found = json(directory)
    expect(found).toMatchObject({ exitCode: 1, ok: false })
    expect(found.bad).toMatchObject([{ code: "missing" }])
    const damaged = found.snapshots.filter(({ ok }) => !ok)
    expect(damaged.length).toBeGreaterThan(0)
    for (const { damaged: paths, reasons } of damaged) {
      expect(paths.length).toBeGreaterThan(0)
      expect(reasons).toEqual(["missing"])
    }
    expect(cisternVerify(directory).stdout).toContain("[missing]")
  })

  it("finds a flipped bit with --deep alone", () => {
    const directory = fixtureCopy(name)
    damages["changed in one bit"](largestPack(directory))
    expect(json(directory).exitCode).toBe(0)
    const deep = json(directory, "--deep")
    expect(deep).toMatchObject({ exitCode: 1, level: "read" })
    expect(deep.bad).toMatchObject([{ code: "corrupt" }])
  })

  it("says with 3 that it could not tell: a disk that fails, a wrong password; and not with 0 what is none", () => {
    const directory = join(scratch(), "disk")
    const disk = mountFailingDisk(directory, 64)
    execFileSync("cp", ["-a", fixture(name), join(directory, "repository")])
    disk.fail()
    const failed = cisternVerify(join(directory, "repository"), "--deep")
    expect(failed).toMatchObject({ exitCode: 3, stdout: "" })
    expect(failed.stderr).toContain("EIO")
    const words = ["verify", "--at", fixture(name), "--password-env", "WRONG"]
    const wrong = spawnSync(process.execPath, [join(builtProgram(), "cistern.js"), ...words], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", WRONG: "not the password" },
    })
    expect(wrong.status).toBe(3)
    expect(wrong.stdout).toBe("")
    expect(cisternVerify(scratch()).exitCode).not.toBe(0)
  })

  it("with --memory reads only what is new, and everything where the file is damaged", () => {
    const memory = join(scratch(), "memory")
    const first = json(fixture(name), "--deep", "--memory", memory)
    expect(first.counts["read"]).toBeGreaterThan(0)
    expect(existsSync(memory)).toBe(true)
    const second = json(fixture(name), "--deep", "--memory", memory)
    expect(second).toMatchObject({ exitCode: 0, counts: { read: 0, bytesRead: 0, directories: 0 } })
    writeFileSync(memory, "damaged")
    expect(json(fixture(name), "--deep", "--memory", memory).counts).toEqual(first.counts)
    expect(cisternVerify(fixture(name), "--deep", "--memory", "/nonexistent/memory").exitCode).toBe(2)
  })

  it("names packs that no index names, once they are a day old", () => {
    const directory = fixtureCopy(name)
    const old = new Date(Date.now() - 3 * 86_400_000)
    for (const pack of filesBelow(directory, /^data\/../)) utimesSync(pack, old, old)
    rmSync(filesBelow(directory, /^index\//)[0] ?? "")
    const found = json(directory)
    expect(found.exitCode).toBe(1)
    expect(found.unindexed.length).toBeGreaterThan(0)
    expect(found.bad.some(({ code }) => code === "not_indexed")).toBe(true)
  })
})
