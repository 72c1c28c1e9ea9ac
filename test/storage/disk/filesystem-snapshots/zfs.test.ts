import { describe, expect, it } from "vitest"
import type { SnapshotPlace } from "../../../../storage/disk/index.js"
import { zfsSnapshots } from "../../../../storage/disk/filesystem-snapshots/zfs-snapshots.js"
import { parseZfsHolds, parseZfsSnapshots } from "../../../../storage/disk/filesystem-snapshots/zfs-tables.js"
import { zfsProgram } from "../../../../storage/host/index.js"
import { ScriptedZfs } from "../../../support/scripted-zfs.js"

const place: Extract<SnapshotPlace, { kind: "zfs" }> = {
  kind: "zfs",
  dataset: "tank/repos",
  store: "/mnt/tank/repos",
  tree: "/mnt/tank/repos",
  folder: "/mnt/tank/repos/.zfs/snapshot",
  notices: [],
}
const LIST =
  "list -Hp -t snapshot -d 1 -o name,creation,used,userrefs,cistern:reason,cistern:expires tank/repos"
const OURS = "cistern-20261121T204500Z-before-prune"
const HELD = "cistern-20261120T030000Z-daily"
const rows = [
  ["tank/repos@auto-2026-11-19_00-00", 1795046400, 0, 0, "-", "-"],
  [`tank/repos@${HELD}`, 1795143600, 4096, 2, "daily", "-"],
  [`tank/repos@${OURS}`, 1795293900, 1048576, 0, "before-prune", "2026-11-22T20:45:00.000Z"],
]
const listed = rows.map((row) => `${row.join("\t")}\n`).join("")
const holds = `tank/repos@${HELD}\tcistern:run-1\tSat Nov 20  3:00 2026\ntank/repos@${HELD}\trepl\tSat Nov 20  3:01 2026\n`

function answering(more: Readonly<Record<string, string>> = {}) {
  const zfs = new ScriptedZfs({
    [LIST]: listed,
    [`holds -H tank/repos@${HELD}`]: holds,
    [`holds -H tank/repos@${OURS}`]: "",
    ...more,
  })
  return { zfs, snapshots: zfsSnapshots(place, zfsProgram(zfs.run)) }
}

describe("filesystem snapshots on ZFS, by answers of the documented shape", () => {
  it("are listed newest first, with who holds them, those of others too", async () => {
    const seen = await answering().snapshots.list()
    expect(seen).toEqual([
      {
        name: OURS,
        ours: true,
        createdAt: 1795293900_000,
        reason: "before-prune",
        expiresAt: Date.parse("2026-11-22T20:45:00Z"),
        holds: [],
        path: `/mnt/tank/repos/.zfs/snapshot/${OURS}`,
        state: "whole",
        ownBytes: 1048576,
      },
      expect.objectContaining({ name: HELD, ours: true, holds: ["run-1", "repl"] }),
      expect.objectContaining({ name: "auto-2026-11-19_00-00", ours: false, reason: undefined }),
    ])
  })

  it("are held by somebody although nobody is told", async () => {
    const { snapshots } = answering({ [`holds -H tank/repos@${HELD}`]: "" })
    expect((await snapshots.list()).find(({ name }) => name === HELD)?.holds).toEqual(["somebody"])
    await expect(snapshots.remove(HELD)).rejects.toMatchObject({ code: "invalid" })
  })

  it("are made under a free name, with reason and expiry as properties, and held", async () => {
    const name = "cistern-20261121T204501Z-before-prune"
    const properties = "-o cistern:reason=before-prune -o cistern:expires=2026-11-22T20:45:00.000Z"
    const { zfs, snapshots } = answering({
      [`snapshot ${properties} tank/repos@${name}`]: "",
      [`hold cistern:run-2 tank/repos@${name}`]: "",
      [`holds -H tank/repos@${name}`]: `tank/repos@${name}\tcistern:run-2\tSat Nov 21 20:45 2026\n`,
    })
    const row = [`tank/repos@${name}`, 1795293901, 0, 1, "before-prune", "2026-11-22T20:45:00.000Z"]
    const { run } = zfs
    const watching = zfsSnapshots(
      place,
      zfsProgram(async (program, args) => {
        if (args[0] === "snapshot") zfs.answer(LIST, `${listed}${row.join("\t")}\n`)
        return run(program, args)
      }),
    )
    const made = await watching.create({
      reason: "before-prune",
      hold: "run-2",
      now: new Date("2026-11-21T20:45:00Z"),
      expiresAt: Date.parse("2026-11-22T20:45:00Z"),
    })
    expect(made).toMatchObject({ name, holds: ["run-2"], reason: "before-prune" })
    await expect(snapshots.create({ reason: "a b" })).rejects.toMatchObject({ code: "invalid" })
  })

  it("are held and released once", async () => {
    const { zfs, snapshots } = answering({
      [`hold cistern:run-9 tank/repos@${HELD}`]: "",
      [`release cistern:run-1 tank/repos@${HELD}`]: "",
    })
    await snapshots.hold(HELD, "run-1")
    await snapshots.release(HELD, "run-9")
    expect(zfs.asked.filter((command) => /^(hold|release) /.test(command))).toEqual([])
    await snapshots.hold(HELD, "run-9")
    await snapshots.release(HELD, "run-1")
    expect(zfs.asked.filter((command) => /^(hold|release) /.test(command))).toHaveLength(2)
  })

  it("are destroyed one by one, only ours, never held ones", async () => {
    const { zfs, snapshots } = answering({ [`destroy tank/repos@${OURS}`]: "" })
    await snapshots.remove(OURS)
    for (const name of [HELD, "auto-2026-11-19_00-00", "", `${OURS},${HELD}`, `${OURS}%${HELD}`, "-r"])
      await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "invalid" })
    await expect(snapshots.remove("cistern-20200101T000000Z-x")).rejects.toMatchObject({ code: "missing" })
    expect(zfs.asked.filter((command) => command.startsWith("destroy"))).toEqual([
      `destroy tank/repos@${OURS}`,
    ])
    await expect(zfsProgram(zfs.run).destroySnapshot("tank/repos")).rejects.toThrow("no filesystem snapshot")
  })

  it("are not read out of lines of another shape", () => {
    const [line = ""] = listed.split("\n")
    const fields = line.split("\t")
    for (const [index] of fields.entries()) {
      const cut = fields.filter((_, other) => other !== index).join("\t")
      expect(() => parseZfsSnapshots(cut, "tank/repos"), cut).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      )
    }
    expect(() => parseZfsSnapshots(listed, "tank/other")).toThrow(
      expect.objectContaining({ code: "corrupt" }),
    )
    expect(parseZfsSnapshots("", "tank/repos")).toEqual([])
    expect(() => parseZfsHolds("tank/repos@a")).toThrow(expect.objectContaining({ code: "corrupt" }))
  })
})
