import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { findEntry, openRepository, Secret } from "../../../storage/index.js"
import { runRestic } from "../../support/programs.js"
import { scratch } from "../../support/fixtures.js"
import { around, plant } from "./planted.js"

const MiB = 1024 * 1024
const LONG = 10 * MiB + 5

describe("zeros that the real restic stored", () => {
  it.each(["1", "2"])("are known at every place where it cuts, in version %s", async (version) => {
    const [repository, data] = [scratch(), join(scratch(), "data")]
    const planted = plant(data, [
      0,
      1,
      2,
      4096,
      ...around(MiB / 2),
      ...(version === "2" ? around(8 * MiB, 1) : []),
      LONG,
    ])
    runRestic(repository, "secret", "init", "--repository-version", version)
    runRestic(repository, "secret", "backup", data)
    const opened = await openRepository({
      files: new DirectoryTree(repository),
      password: new Secret("secret"),
    })
    const { snapshots } = await opened.list()
    const contents = await opened.openContents()
    const [snapshot] = snapshots
    if (snapshot === undefined) throw new Error("no snapshot")
    for (const { name, isZeros } of planted) {
      const file = await findEntry(contents, snapshot, join(data, name))
      expect(`${name} ${await contents.isZeros(file)}`).toBe(`${name} ${isZeros}`)
    }
    // Where restic cuts zeros is not needed to know them; that it cuts them at its smallest chunk is in docs/anomalies.md.
    const long = await findEntry(contents, snapshot, join(data, `zeros-${LONG}`))
    expect([long.content.length, new Set(long.content).size]).toEqual([21, 2])
  })
})
