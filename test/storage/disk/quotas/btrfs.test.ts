import { execFileSync } from "node:child_process"
import { mkdirSync, statfsSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  enableAccounting,
  planAccounting,
  planQuota,
  quotaOf,
  recount,
  setQuota,
} from "../../../../storage/disk/index.js"
import { hostFolders } from "../../../../storage/disk/filesystem-uuid.js"
import { btrfs, btrfsMount, commit, enableQuotas, subvolume, writeUpTo } from "../../../support/btrfs.js"
import { scratch } from "../../../support/fixtures.js"
import { until } from "../../../support/until.js"

const MIB = 1024 * 1024
const bytes = (limit: number | "none") => ({ bytes: limit, files: "none" }) as const

/** A btrfs with quotas and a subvolume in it. */
function limited(name = "repository"): { disk: string; repository: string } {
  const disk = btrfsMount()
  enableQuotas(disk)
  return { disk, repository: subvolume(join(disk, name)) }
}

function shown(path: string): string {
  return btrfs("qgroup", "show", "-ref", "--raw", path).split("\n")[2] ?? ""
}

describe("a quota on btrfs", () => {
  it("is set, is what btrfs says, and holds writers", async () => {
    const { disk, repository } = limited()
    const quota = await setQuota(repository, bytes(20 * MIB))
    expect(quota).toMatchObject({
      kind: "btrfs-qgroup",
      tree: repository,
      enforced: true,
      limitBytes: 20 * MIB,
      limitFiles: "none",
      usedFiles: { unknown: expect.any(String) as string },
      source: expect.stringMatching(/^\/sys\/fs\/btrfs\/[0-9a-f-]{36}\/qgroups\/0_\d+$/) as string,
      notices: [],
    })
    expect(shown(repository)).toMatch(/\s20971520\s+none\s+repository$/)
    const { written, refusal } = writeUpTo(join(repository, "pack"), 40 * MIB)
    expect(refusal).toBe("EDQUOT")
    expect(written).toBeGreaterThan(15 * MIB)
    expect(written).toBeLessThan(20 * MIB)
    commit(disk)
    const { usedBytes } = await quotaOf(repository)
    expect(usedBytes).toBeGreaterThan(15 * MIB)
    expect(usedBytes).toBeLessThanOrEqual(20 * MIB)
    expect(shown(repository)).toContain(` ${usedBytes as number} `)
    // Whoever asks the filesystem sees nothing of it.
    expect(statfsSync(repository).blocks).toBe(statfsSync(disk).blocks)
  })

  it("is raised and lifted, and then holds nobody", async () => {
    const { repository } = limited()
    await setQuota(repository, bytes(5 * MIB))
    expect(writeUpTo(join(repository, "a"), 10 * MIB).refusal).toBe("EDQUOT")
    expect((await setQuota(repository, bytes(30 * MIB))).limitBytes).toBe(30 * MIB)
    expect(writeUpTo(join(repository, "b"), 10 * MIB).refusal).toBeUndefined()
    expect(await setQuota(repository, bytes("none"))).toMatchObject({ limitBytes: "none", enforced: false })
    expect(writeUpTo(join(repository, "c"), 25 * MIB).refusal).toBeUndefined()
    expect(shown(repository)).toMatch(/\snone\s+none\s+repository$/)
  })

  it("is measured without a limit, and of one that somebody else set", async () => {
    const { disk, repository } = limited()
    writeUpTo(join(repository, "pack"), 3 * MIB)
    commit(disk)
    const free = await quotaOf(repository)
    expect(free).toMatchObject({ kind: "btrfs-qgroup", limitBytes: "none", enforced: false })
    expect(free.usedBytes).toBeGreaterThanOrEqual(3 * MIB)
    btrfs("qgroup", "limit", "7340032", repository)
    btrfs("qgroup", "limit", "-e", "6291456", repository)
    expect(await quotaOf(repository)).toMatchObject({
      limitBytes: 7 * MIB,
      notices: [expect.stringContaining("6291456 bytes")],
    })
  })

  it("of a folder is that of the subvolume around it, which is said, and is not set", async () => {
    const { repository } = limited()
    await setQuota(repository, bytes(20 * MIB))
    const folder = join(repository, "p/q")
    mkdirSync(folder, { recursive: true })
    expect(await quotaOf(folder)).toMatchObject({
      tree: repository,
      limitBytes: 20 * MIB,
      notices: [expect.stringContaining(repository)],
    })
    await expect(setQuota(folder, bytes(10 * MIB))).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining(repository) as string,
    })
    expect((await quotaOf(repository)).limitBytes).toBe(20 * MIB)
  })

  it("of a mounted subvolume is told without a program, and of one in it too", async () => {
    const disk = btrfsMount()
    const inner = subvolume(join(disk, "inner"))
    enableQuotas(disk)
    await setQuota(inner, bytes(9 * MIB))
    const path = process.env["PATH"]
    process.env["PATH"] = scratch()
    try {
      expect(await quotaOf(disk)).toMatchObject({ kind: "btrfs-qgroup", limitBytes: "none" })
    } finally {
      process.env["PATH"] = path
    }
    expect((await quotaOf(inner)).limitBytes).toBe(9 * MIB)
  })

  it("is told by the program where the kernel's folders cannot be seen", async () => {
    const { repository } = limited()
    await setQuota(repository, bytes(9 * MIB))
    const blind = { ...hostFolders, sys: scratch() }
    expect(await quotaOf(repository, { host: blind })).toMatchObject({
      limitBytes: 9 * MIB,
      source: "btrfs qgroup show",
      usedBytes: (await quotaOf(repository)).usedBytes,
    })
    btrfs("quota", "disable", repository)
    expect(await quotaOf(repository, { host: blind })).toMatchObject({ kind: "none", limitBytes: "none" })
  })

  it("that is inconsistent is said to be, until it was counted anew", async () => {
    const { disk, repository } = limited()
    await setQuota(repository, bytes(20 * MIB))
    writeUpTo(join(repository, "pack"), MIB)
    btrfs("qgroup", "create", "1/100", disk)
    // Reference nas-platforms.md §5.4: this makes the accounting inconsistent.
    btrfs("subvolume", "snapshot", "-i", "1/100", repository, join(disk, "snapshot"))
    const { notices } = await quotaOf(repository)
    expect(notices).toEqual([expect.stringContaining("rescan"), expect.stringContaining("1/100")])
    await recount(disk)
    await until(
      () => quotaOf(repository),
      (quota) => !quota.notices.some((notice) => notice.includes("rescan")),
      "the accounting to be consistent",
    )
  })

  it("is held in a subvolume with a hostile name", async () => {
    for (const name of ["-rf", "a b\tc", "$(touch x)", "quote\"'", "new\nline 0_5 0 0 none none", "ü#%"]) {
      const { repository } = limited(name)
      expect((await setQuota(repository, bytes(8 * MIB))).limitBytes).toBe(8 * MIB)
      expect((await quotaOf(repository, { host: { ...hostFolders, sys: scratch() } })).limitBytes).toBe(
        8 * MIB,
      )
    }
  })

  it("is not made smaller than what is used, unless that is said", async () => {
    const { disk, repository } = limited()
    writeUpTo(join(repository, "pack"), 5 * MIB)
    commit(disk)
    await expect(planQuota(repository, bytes(2 * MIB))).rejects.toMatchObject({ code: "invalid" })
    await expect(setQuota(repository, bytes(2 * MIB))).rejects.toMatchObject({ code: "invalid" })
    expect((await quotaOf(repository)).limitBytes).toBe("none")
    expect((await setQuota(repository, bytes(2 * MIB), { belowUse: true })).limitBytes).toBe(2 * MIB)
  })

  it.each([0, 1, -MIB, 1.5 * MIB + 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])(
    "of %s bytes is refused before anything is done",
    async (wrong) => {
      const { repository } = limited()
      await expect(setQuota(repository, bytes(wrong))).rejects.toMatchObject({ code: "invalid" })
      expect((await quotaOf(repository)).limitBytes).toBe("none")
    },
  )

  it("of files is refused, because btrfs has none", async () => {
    const { repository } = limited()
    await expect(setQuota(repository, { bytes: 9 * MIB, files: 1000 })).rejects.toMatchObject({
      code: "unsupported",
    })
  })

  it("is planned without being set", async () => {
    const { repository } = limited()
    const plan = await planQuota(repository, bytes(9 * MIB))
    expect(plan).toMatchObject({ directory: repository, before: { limitBytes: "none" } })
    expect(plan.steps).toHaveLength(1)
    expect((await quotaOf(repository)).limitBytes).toBe("none")
  })

  it("that does not take is an error, and what was before is put back", async () => {
    const { repository } = limited()
    await setQuota(repository, bytes(9 * MIB))
    const programs = lyingBtrfs()
    const path = process.env["PATH"]
    process.env["PATH"] = `${programs}:${String(path)}`
    try {
      await expect(setQuota(repository, bytes(20 * MIB))).rejects.toMatchObject({
        code: "io",
        message: expect.stringContaining(`${12 * MIB} bytes`) as string,
      })
    } finally {
      process.env["PATH"] = path
    }
    expect((await quotaOf(repository)).limitBytes).toBe(9 * MIB)
  })

  it("goes to the directory that a link leads to, and names it", async () => {
    const { repository } = limited()
    const link = join(scratch(), "link")
    symlinkSync(repository, link)
    expect(await setQuota(link, bytes(9 * MIB))).toMatchObject({ tree: repository, limitBytes: 9 * MIB })
  })

  it("with filesystem snapshots: what was deleted since stays in the snapshot's use, not in the repository's", async () => {
    const { disk, repository } = limited()
    await setQuota(repository, bytes(20 * MIB))
    writeUpTo(join(repository, "pack"), 10 * MIB)
    btrfs("subvolume", "snapshot", "-r", repository, join(disk, "snapshot"))
    writeFileSync(join(repository, "pack"), "")
    commit(disk)
    expect((await quotaOf(repository)).usedBytes).toBeLessThan(MIB)
    const kept = await quotaOf(join(disk, "snapshot"))
    expect(kept.usedBytes).toBeGreaterThanOrEqual(10 * MIB)
    expect(kept.limitBytes).toBe(20 * MIB)
  })
})

describe("quotas that are not enabled on a btrfs", () => {
  it("are told, limit nothing, and are enabled only when that is asked for", async () => {
    const disk = btrfsMount()
    const repository = subvolume(join(disk, "repository"))
    expect(await quotaOf(repository)).toMatchObject({
      kind: "none",
      limitBytes: "none",
      usedBytes: { unknown: expect.stringContaining("not enabled") as string },
    })
    await expect(setQuota(repository, bytes(9 * MIB))).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining("cistern quotas prepare") as string,
    })
    expect(() => btrfs("qgroup", "show", disk)).toThrow("quotas not enabled")
    const plan = await planAccounting(repository)
    expect(plan.steps).toHaveLength(2)
    expect(plan.costs).toContainEqual(expect.stringContaining("whole filesystem"))
    expect(() => btrfs("qgroup", "show", disk)).toThrow("quotas not enabled")
    await enableAccounting(repository)
    expect((await planAccounting(repository)).steps).toEqual([])
    expect((await setQuota(repository, bytes(9 * MIB))).limitBytes).toBe(9 * MIB)
    btrfs("quota", "disable", disk)
    expect((await quotaOf(repository)).kind).toBe("none")
  })

  it("cannot be enabled on another filesystem", async () => {
    await expect(planAccounting(scratch())).rejects.toMatchObject({ code: "unsupported" })
    await expect(enableAccounting(scratch())).rejects.toMatchObject({ code: "unsupported" })
  })
})

/** A btrfs that sets another limit than it was told, once, and is honest otherwise. */
function lyingBtrfs(): string {
  const folder = scratch()
  const real = execFileSync("which", ["btrfs"], { encoding: "utf8" }).trim()
  const script = `#!/bin/sh
if [ "$1 $2" = "qgroup limit" ] && [ ! -e ${folder}/lied ]; then
  touch ${folder}/lied
  exec ${real} qgroup limit -- ${12 * MIB} "$5"
fi
exec ${real} "$@"
`
  writeFileSync(join(folder, "btrfs"), script, { mode: 0o755 })
  return folder
}
