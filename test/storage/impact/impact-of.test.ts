import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { impactOf } from "../../../storage/impact/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import { expectedOf, fixture } from "../../support/fixtures.js"
import { readAll } from "../../support/restored.js"

describe.each(["kopia/full-tree", "kopia/format-1", "restic/v2-by-0.18"])("in %s", (name) => {
  it("the loss of one content costs exactly the paths that have it, in every snapshot", async () => {
    const repository = await openRepository({
      files: new DirectoryTree(fixture(name)),
      password: new Secret(expectedOf(name).password as string),
    })
    const { snapshots } = await repository.list()
    const contents = await repository.openContents()
    const needing = new Map<string, Set<string>>()
    for (const snapshot of snapshots) {
      for (const { path, entry } of await readAll(contents, snapshot)) {
        if (entry.kind === "directory") continue
        for await (const part of contents.parts(entry)) {
          const paths = needing.get(part) ?? new Set()
          paths.add(`${snapshot.id} ${path}`)
          needing.set(part, paths)
        }
      }
    }
    expect(needing.size).toBeGreaterThan(20)
    for (const [lost, paths] of [...needing].slice(0, 15)) {
      const impact = await impactOf(contents, snapshots, (content) => content === lost, { most: 10_000 })
      const named = impact.snapshots.flatMap(({ snapshot, paths }) =>
        paths.map(({ path }) => `${snapshot.id} ${Buffer.from(path).toString("hex")}`),
      )
      expect(named.sort()).toEqual([...paths].sort())
      for (const { paths, beyond, walked, gone } of impact.snapshots) {
        expect([beyond, walked, gone]).toEqual([0, true, false])
        expect(paths.every(({ reason }) => reason === "lost")).toBe(true)
      }
    }
  })
})
