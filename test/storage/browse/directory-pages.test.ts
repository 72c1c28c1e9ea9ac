import { describe, expect, it } from "vitest"
import { DirectoryPages, entriesAt } from "../../../storage/browse/index.js"
import { openedFixture } from "../../support/opened-fixture.js"
import { directoryOf, entryOf, snapshotOf, TreeContents } from "../../support/tree-contents.js"

describe("a directory in pages", () => {
  it("of a million entries is read once, and every entry is on one page", async () => {
    const entries = Array.from({ length: 1_000_000 }, (_, at) =>
      entryOf({ name: `file-${(at * 7919) % 1_000_000}` }),
    )
    const contents = new TreeContents({ root: entries })
    const pages = await DirectoryPages.open(contents, directoryOf("", "root"))
    const seen = new Set<string>()
    let after: Uint8Array | undefined
    let last = ""
    do {
      const page = pages.page({ limit: 10_000, ...(after === undefined ? {} : { after }) })
      expect([page.entries.length, page.total]).toEqual([10_000, 1_000_000])
      for (const { name } of page.entries) {
        const text = Buffer.from(name).toString()
        if (text <= last) throw new Error(`${text} stands behind ${last}`)
        last = text
        seen.add(text)
      }
      after = page.next
    } while (after !== undefined)
    expect(seen.size).toBe(1_000_000)
    expect(contents.listed).toEqual(["root"])
  })

  it("goes on behind a name that is gone, also one that is not UTF-8, and past the end has nothing", async () => {
    const names = [Uint8Array.of(0x61), Uint8Array.of(0xc3), Uint8Array.of(0xff, 0x0a)]
    const contents = new TreeContents({ root: names.map((name) => entryOf({ name })).reverse() })
    const pages = await DirectoryPages.open(contents, directoryOf("", "root"))
    const behind = (...after: number[]): (Uint8Array | undefined)[] =>
      pages.page({ after: Uint8Array.from(after), limit: 1 }).entries.map(({ name }) => name)
    expect([behind(), behind(0x62), behind(0xc3), behind(0xff, 0x0a)]).toEqual([
      [names[0]],
      [names[1]],
      [names[2]],
      [],
    ])
  })

  it("shows the first of a name, and how many others there are", async () => {
    const contents = new TreeContents({
      root: [entryOf({ name: "a", size: 1 }), entryOf({ name: "a", size: 2 })],
    })
    const { page } = await entriesAt(contents, snapshotOf("1", "root"), "", { limit: 10 })
    expect(page).toMatchObject({ entries: [{ size: 1 }], total: 1, repeated: 1, next: undefined })
  })
})

describe("what lies at a path", () => {
  it.each(["kopia/full-tree", "restic/full-tree-by-0.19"])(
    "of %s is a file, or a page of a directory",
    async (name) => {
      const { contents, snapshots } = await openedFixture(name)
      const [snapshot] = snapshots
      if (snapshot === undefined) throw new Error("no snapshot")
      const { page } = await entriesAt(contents, snapshot, "/app/", { limit: 2 })
      expect(page?.entries.map((one) => Buffer.from(one.name).toString())).toEqual(["cover.jpg", "logs"])
      expect(page?.total).toBe(3)
      const file = await entriesAt(contents, snapshot, "app/cover.jpg", { limit: 2 })
      expect([file.entry.kind, file.page]).toEqual(["file", undefined])
      await expect(entriesAt(contents, snapshot, "app/no", { limit: 2 })).rejects.toMatchObject({
        code: "missing",
      })
    },
  )
})
