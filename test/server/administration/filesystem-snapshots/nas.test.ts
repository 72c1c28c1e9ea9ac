import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { nfsServerMaker } from "../../../../server/administration/index.js"
import {
  createSnapshotRequest,
  lookRequest,
  rollBackRequest,
} from "../../../../server/http/contract/filesystem-snapshots.js"
import { Secret } from "../../../../storage/index.js"
import { Chain, SettableClock } from "../../../support/answers.js"
import { FakeTrueNas } from "../../../support/fake-truenas.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../../../support/mounts.js"

let chain: Chain
const leaving: (() => void | Promise<void>)[] = []
afterEach(async () => {
  await chain.stop()
  for (const leave of leaving.splice(0).reverse()) await leave()
})

/** A store in a container, under the path that TrueNAS has it at. */
async function scene(clock = new SettableClock()) {
  const fake = await FakeTrueNas.start()
  const store = mkdtempSync("/mnt/cistern-test-")
  leaving.push(() => {
    rmdirSync(store)
  })
  const image = ext4Image()
  mountImage(image, store)
  leaving.push(() => {
    unmount(store)
  })
  fake.state.directories.set(store, "/mnt/tank/repos")
  const make = nfsServerMaker({
    owner: "0123456789abcdef",
    stateDirectory: scratch(),
    resolve: () => new Secret(fake.key),
    log: { warn: () => undefined },
  })
  chain = new Chain({ state: scratch(), clock, makeNfsServer: make })
  leaving.push(() => chain.administration.exportKeeper.stop())
  await chain.apply({
    stores: [
      {
        name: "nas",
        path: store,
        filesystemSnapshots: { schedule: { every: "hour" }, keep: { last: 2, minimumAge: "0m" } },
      },
    ],
    nfsServer: {
      kind: "truenas",
      url: fake.url,
      user: fake.user,
      secret: { value: fake.key },
      fingerprint: fake.fingerprint,
    },
  })
  return { fake, store, image }
}

const snapshots = () => chain.administration.filesystemSnapshots

describe("a store that TrueNAS holds", () => {
  it("gets its filesystem snapshots by the API, and loses them by the rules", async () => {
    const clock = new SettableClock()
    const { fake } = await scene(clock)
    fake.state.snapshots.set("tank/repos@auto-2026-11-21_00-00", { holds: {} })
    for (let hour = 0; hour < 4; hour++) {
      await snapshots().keeper.tick()
      clock.wallOffset += 3_600_000
      clock.monoOffset += 3_600_000
    }
    const [row] = (await snapshots().list("nas")).stores
    expect(row).toMatchObject({ by: "truenas", problem: null, trees: [{ of: "tank/repos", possible: true }] })
    expect(row?.snapshots.filter(({ ours }) => ours)).toHaveLength(2)
    expect([...fake.state.snapshots.keys()]).toContain("tank/repos@auto-2026-11-21_00-00")
    expect(fake.state.snapshots.size).toBe(3)
    await fake.stop()
  })

  it("gets none while it is fenced, whatever TrueNAS could do", async () => {
    const { fake, store, image } = await scene()
    unmount(store)
    await snapshots().keeper.tick()
    expect(fake.state.snapshots.size).toBe(0)
    const [row] = (await snapshots().list("nas")).stores
    expect(row?.schedule?.last).toMatchObject({ outcome: "skipped" })
    await expect(made()).rejects.toMatchObject({ code: "unreadable" })
    expect(fake.state.snapshots.size).toBe(0)
    mountImage(image, store)
    await fake.stop()
  })

  it("is looked at and rolled back only where the snapshot is shown in it, and it is said so", async () => {
    const { fake, store } = await scene()
    mkdirSync(join(store, "repo"))
    const name = await made()
    const look = () => snapshots().look(lookRequest.parse({ store: "nas", name, path: "repo" }))
    const roll = (dryRun: boolean) =>
      snapshots().rollBacks.rollBack(
        rollBackRequest.parse({ store: "nas", path: "repo", to: name, dryRun }),
        "test",
      )
    const notShown = { code: "unsupported", message: expect.stringContaining("is not shown at") as string }
    await expect(look()).rejects.toMatchObject(notShown)
    await expect(roll(false)).rejects.toMatchObject(notShown)
    // As ZFS shows it in the root of its dataset.
    mkdirSync(join(store, ".zfs/snapshot", name, "repo"), { recursive: true })
    writeFileSync(join(store, ".zfs/snapshot", name, "repo/file"), "then")
    await expect(look()).rejects.toMatchObject({ code: "not_a_repository" })
    expect((await roll(true)).result).toMatchObject({ method: "copy", then: { files: 1 } })
    expect((await roll(false)).result).toMatchObject({ rolledBack: true })
    rmSync(join(store, ".zfs"), { recursive: true })
    await fake.stop()
  })

  it("that does not answer is told as that, and the doctor says so", async () => {
    const { fake } = await scene()
    await fake.stop()
    await snapshots().keeper.tick()
    const checks = await snapshots().checks()
    expect(checks[0]).toMatchObject({ name: "filesystem snapshots of store nas", status: "fail" })
  })
})

async function made(): Promise<string> {
  const { result } = await snapshots().create(createSnapshotRequest.parse({ store: "nas" }), "test")
  return result?.made[0]?.name ?? ""
}
