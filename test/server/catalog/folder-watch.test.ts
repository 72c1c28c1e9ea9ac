import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { FolderWatch } from "../../../server/catalog/folder-watch.js"
import { scratch } from "../../support/fixtures.js"
import { until } from "../../support/until.js"

const watches: { watch: FolderWatch; places: string[] }[] = []
afterEach(() => {
  for (const { watch, places } of watches.splice(0)) for (const place of places) watch.drop(place)
})

function watching(): { root: string; watch: FolderWatch; changes: string[] } {
  const root = scratch()
  mkdirSync(join(root, "x"))
  const changes: string[] = []
  const watch = new FolderWatch((place) => changes.push(place))
  watches.push({ watch, places: ["a", "b"] })
  return { root, watch, changes }
}

describe("watched folders", () => {
  it("tell of new, changed, renamed and removed files, each by the place", async () => {
    const { root, watch, changes } = watching()
    expect(watch.set("a", root, ["", "x"])).toEqual({ added: 2, complete: true })
    const acts = [
      () => {
        writeFileSync(join(root, "x/blob"), "1")
      },
      () => {
        writeFileSync(join(root, "x/blob"), "22")
      },
      () => {
        renameSync(join(root, "x/blob"), join(root, "x/blob.f"))
      },
      () => {
        rmSync(join(root, "x/blob.f"))
      },
    ]
    for (const act of acts) {
      changes.length = 0
      act()
      await until(
        () => changes,
        (seen) => seen.length > 0,
        "an event",
      )
      expect(new Set(changes)).toEqual(new Set(["a"]))
    }
  })

  it("are watched once, however often they are set", () => {
    const { root, watch } = watching()
    watch.set("a", root, ["", "x"])
    expect(watch.set("a", root, ["", "x"])).toEqual({ added: 0, complete: true })
  })

  it("that are no longer wanted stop telling", async () => {
    const { root, watch, changes } = watching()
    watch.set("a", root, ["", "x"])
    watch.set("a", root, ["x"])
    writeFileSync(join(root, "kopia.repository.f"), "")
    writeFileSync(join(root, "x/blob"), "")
    await until(
      () => changes,
      (seen) => seen.length > 0,
      "the event of the folder that is still watched",
    )
    watch.drop("a")
    changes.length = 0
    writeFileSync(join(root, "x/another"), "")
    // Events come in order: when the other watch has told of a later file, this one would have spoken.
    watch.set("b", root, ["x"])
    writeFileSync(join(root, "x/third"), "")
    await until(
      () => changes,
      (seen) => seen.includes("b"),
      "the later event",
    )
    expect(changes).not.toContain("a")
  })

  it("that cannot be watched are said, so that the caller lists by a timer", () => {
    const { root, watch } = watching()
    expect(watch.set("a", root, ["", "not there"])).toEqual({ added: 1, complete: false })
  })

  it("are watched anew when another directory took their place", async () => {
    const { root, watch, changes } = watching()
    watch.set("a", root, ["", "x"])
    renameSync(root, `${root}-away`)
    mkdirSync(join(root, "x"), { recursive: true })
    expect(watch.set("a", root, ["", "x"])).toEqual({ added: 2, complete: true })
    changes.length = 0
    writeFileSync(join(root, "x/blob"), "")
    await until(
      () => changes,
      (seen) => seen.length > 0,
      "an event in the new directory",
    )
    rmSync(`${root}-away`, { recursive: true })
  })
})
