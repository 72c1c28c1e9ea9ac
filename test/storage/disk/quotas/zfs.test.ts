import { describe, expect, it } from "vitest"
import type { Location } from "../../../../storage/disk/index.js"
import type { LimitPlan } from "../../../../storage/disk/quotas/quota-filesystem.js"
import type { Target } from "../../../../storage/disk/quotas/target.js"
import { zfsDatasets } from "../../../../storage/disk/quotas/zfs-dataset.js"
import { parseZfsGet } from "../../../../storage/disk/quotas/zfs-table.js"
import { zfsProgram } from "../../../../storage/host/index.js"
import { ScriptedZfs } from "../../../support/scripted-zfs.js"

const GET = "get -Hp -o property,value used,available,referenced,quota,refquota,usedbysnapshots tank/repos"
const GIB = 1024 ** 3

function answering(figures: Readonly<Record<string, number | string>>): string {
  const all = {
    used: 7 * GIB,
    available: 93 * GIB,
    referenced: 5 * GIB,
    quota: 0,
    refquota: 0,
    usedbysnapshots: 2 * GIB,
  }
  return Object.entries({ ...all, ...figures })
    .map(([property, value]) => `${property}\t${value}\n`)
    .join("")
}

function at(realPath: string): Target {
  const filesystem = { type: "zfs", source: "tank/repos", root: "/", uuid: "1/2", strength: "uuid" } as const
  const location: Location = {
    realPath,
    mountPoint: "/mnt/tank/repos",
    readOnly: false,
    device: "1",
    filesystem,
    mountsBelow: [],
  }
  // What ZFS is asked is told by the location alone.
  return { location } as Target
}

const dataset = at("/mnt/tank/repos")

describe("a quota on ZFS, by answers of the documented shape", () => {
  it("is the refquota, with what is there now", async () => {
    const zfs = new ScriptedZfs({ [GET]: answering({ refquota: 10 * GIB, available: 5 * GIB }) })
    expect(await zfsDatasets(zfsProgram(zfs.run)).quotaOf(dataset)).toEqual({
      kind: "zfs-dataset",
      tree: "/mnt/tank/repos",
      enforced: true,
      limitBytes: 10 * GIB,
      usedBytes: 5 * GIB,
      limitFiles: "none",
      usedFiles: { unknown: expect.any(String) as string },
      source: "zfs get refquota",
      notices: [],
    })
  })

  it("is the quota where there is only that, with filesystem snapshots and datasets below", async () => {
    const zfs = new ScriptedZfs({ [GET]: answering({ quota: 10 * GIB }) })
    expect(await zfsDatasets(zfsProgram(zfs.run)).quotaOf(dataset)).toMatchObject({
      limitBytes: 10 * GIB,
      usedBytes: 7 * GIB,
      source: "zfs get quota",
      notices: [expect.stringContaining(String(2 * GIB))],
    })
  })

  it("is none without either, and says what else limits it", async () => {
    const quotaFor = async (figures: Readonly<Record<string, number>>, target = dataset) => {
      const zfs = new ScriptedZfs({ [GET]: answering(figures) })
      return zfsDatasets(zfsProgram(zfs.run)).quotaOf(target)
    }
    expect(await quotaFor({})).toMatchObject({ limitBytes: "none", enforced: false, notices: [] })
    const tight = await quotaFor({ refquota: 10 * GIB, quota: 20 * GIB, available: GIB })
    expect(tight.notices).toEqual([
      expect.stringContaining(`${7 * GIB} of ${20 * GIB} bytes`),
      expect.stringContaining(`only ${GIB} bytes`),
    ])
    expect((await quotaFor({}, at("/mnt/tank/repos/a"))).notices).toEqual([
      expect.stringContaining("whole dataset"),
    ])
  })

  it("is set as a refquota of the dataset, lifted, and put back", async () => {
    const zfs = new ScriptedZfs({
      [GET]: answering({ refquota: 10 * GIB }),
      "set refquota=21474836480 tank/repos": "",
      "set refquota=10737418240 tank/repos": "",
      "set refquota=none tank/repos": "",
    })
    const quotas = zfsDatasets(zfsProgram(zfs.run))
    const limit = { bytes: 20 * GIB, files: "none" } as const
    const plan: LimitPlan = await quotas.plan(dataset, limit, {})
    expect(plan.steps).toEqual(["zfs set refquota=21474836480 tank/repos"])
    expect(zfs.asked).toEqual([GET])
    await quotas.apply(dataset, limit, {}, plan)
    await quotas.apply(dataset, { bytes: "none", files: "none" }, {}, plan)
    await quotas.undo(dataset, {}, plan)
    expect(zfs.asked.slice(1)).toEqual([
      "set refquota=21474836480 tank/repos",
      "set refquota=none tank/repos",
      "set refquota=10737418240 tank/repos",
    ])
  })

  it("is put back to none where what was before was a quota", async () => {
    const zfs = new ScriptedZfs({ [GET]: answering({ quota: 10 * GIB }), "set refquota=none tank/repos": "" })
    const quotas = zfsDatasets(zfsProgram(zfs.run))
    const plan = await quotas.plan(dataset, { bytes: GIB, files: "none" }, {})
    await quotas.undo(dataset, {}, plan)
    expect(zfs.asked.at(-1)).toBe("set refquota=none tank/repos")
  })

  it("is refused for a folder in a dataset, and for files", async () => {
    const quotas = zfsDatasets(zfsProgram(new ScriptedZfs({}).run))
    const limit = { bytes: GIB, files: "none" } as const
    await expect(quotas.plan(at("/mnt/tank/repos/a"), limit, {})).rejects.toMatchObject({
      code: "unsupported",
    })
    await expect(quotas.plan(dataset, { bytes: GIB, files: 1000 }, {})).rejects.toMatchObject({
      code: "unsupported",
    })
  })

  it("tells what zfs complains of", async () => {
    for (const [said, code] of [
      ["cannot set property for 'tank/repos': permission denied", "unreadable"],
      ["cannot open 'tank/repos': dataset does not exist", "unsupported"],
    ] as const) {
      const zfs = new ScriptedZfs({ [GET]: `! ${said}` })
      await expect(zfsDatasets(zfsProgram(zfs.run)).quotaOf(dataset)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(said) as string,
      })
    }
  })

  it("is not read out of an answer that lacks a figure", () => {
    const whole = answering({})
    const lines = whole.split("\n")
    for (const [index] of lines.slice(0, -1).entries()) {
      const cut = lines.filter((_, other) => other !== index).join("\n")
      expect(() => parseZfsGet(cut)).toThrow(expect.objectContaining({ code: "corrupt" }))
    }
    for (const wrong of ["-", "none", "7G", "-1", ""])
      expect(() => parseZfsGet(answering({ used: wrong }))).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      )
  })
})
