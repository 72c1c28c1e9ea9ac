import { describe, expect, it } from "vitest"
import { Breath } from "../../../../server/reading/browse/breath.js"
import { RenewingContents } from "../../../../server/reading/browse/renewing-contents.js"
import type { SnapshotContents } from "../../../../storage/index.js"
import { StorageError } from "../../../../storage/index.js"
import { directoryOf, entryOf, TreeContents } from "../../../support/tree-contents.js"

// A prune under the reader: the contents of before miss what those of now have.

const before = contentsWith(["top"], ["1"])
const now = contentsWith(["top", "moved"], ["1", "2"])

function contentsWith(directories: readonly string[], files: readonly string[]): TreeContents {
  const bytes: Readonly<Record<string, string>> = { "1": "abc", "2": "def" }
  const gone = (id: string): never => {
    throw new StorageError("missing", `${id} is in no index`)
  }
  return new TreeContents(
    (id) => (directories.includes(id) ? [] : gone(id)),
    (id) => (files.includes(id) ? Buffer.from(bytes[id] ?? "") : gone(id)),
  )
}

function renewing(after: SnapshotContents = now) {
  let current: SnapshotContents = before
  const renewed: SnapshotContents[] = []
  const contents = new RenewingContents({
    current: () => current,
    renew: (stale) => {
      renewed.push(stale)
      current = after
      return Promise.resolve()
    },
    breath: new Breath(),
    signal: new AbortController().signal,
  })
  return { contents, renewed }
}

describe("contents that a prune took away under the reader", () => {
  it("are read by the indexes of now, once", async () => {
    const { contents, renewed } = renewing()
    expect(await contents.list(directoryOf("", "moved"))).toEqual([])
    expect(renewed).toEqual([before])
    const lost = contents.list(directoryOf("", "lost"))
    await expect(lost).rejects.toMatchObject({ code: "missing" })
    await expect(lost).rejects.toSatisfy((error) =>
      String((error as StorageError).hint).includes("read anew"),
    )
    expect(renewed).toHaveLength(1)
  })

  it("go on in a file where it broke off, in a range too", async () => {
    const file = entryOf({ name: "a", size: 6, content: ["1", "2"] })
    for (const [range, wanted] of [
      [undefined, "abcdef"],
      [{ offset: 1, length: 4 }, "bcde"],
    ] as const) {
      const { contents, renewed } = renewing()
      const pieces: Uint8Array[] = []
      for await (const piece of contents.read(file, range)) pieces.push(piece)
      expect(Buffer.concat(pieces).toString()).toBe(wanted)
      expect(renewed).toHaveLength(1)
    }
  })

  it("are not asked for again after another error", async () => {
    const damaged = new TreeContents(() => {
      throw new StorageError("corrupt", "rot")
    })
    const contents = new RenewingContents({
      current: () => damaged,
      renew: () => {
        throw new Error("not to be called")
      },
      breath: new Breath(),
      signal: new AbortController().signal,
    })
    await expect(contents.list(directoryOf("", "x"))).rejects.toMatchObject({ code: "corrupt" })
  })
})
