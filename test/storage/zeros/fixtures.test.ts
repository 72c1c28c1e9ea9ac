import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret, type SnapshotContents, type SnapshotEntry } from "../../../storage/index.js"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"
import { placeIn, sharedKeys } from "../kopia/open.js"

/** One repository in each archive; `movers` and `copied` hold more. */
const names = [...fixtureNames("kopia"), ...fixtureNames("restic")].filter(
  (name) => name !== "restic/movers" && name !== "restic/copied",
)

describe("a file is known to be zeros by the ids of its contents", () => {
  it.each(names)("%s: for each file as its bytes say", async (name) => {
    const { snapshots, contents } = await opened(name)
    const seen = new Set<string>()
    let zeros = 0
    for (const snapshot of snapshots.slice(name.endsWith("/zero-files") ? 0 : -4)) {
      for await (const [path, file] of filesOf(contents, contents.root(snapshot))) {
        const key = `${file.content.join()} ${file.size}`
        if (seen.has(key)) continue
        seen.add(key)
        const really = await readsAsZeros(contents, file)
        expect(`${path} ${await contents.isZeros(file)}`).toBe(`${path} ${really}`)
        if (really) zeros++
      }
    }
    if (name.endsWith("/zero-files")) expect(zeros).toBeGreaterThanOrEqual(3)
  })

  it.each(["kopia/zero-files", "restic/zero-files"])("%s: exactly the zeroed ones", async (name) => {
    const { snapshots, contents } = await opened(name)
    const { zeroed } = expectedOf(name)["facts"] as { zeroed: string[] }
    const ofOne = snapshots.filter(({ source }) => source.user !== "shrunk" && source.user !== "touched")
    const found: string[][] = []
    for (const snapshot of ofOne.slice(0, 3)) {
      const zeros: string[] = []
      for await (const [path, file] of filesOf(contents, contents.root(snapshot))) {
        if (await contents.isZeros(file)) zeros.push(path)
      }
      found.push(zeros.sort())
    }
    expect(found).toEqual([[], [], zeroed.sort()])
  })
})

async function opened(name: string) {
  const repository = await openRepository({
    files: new DirectoryTree(placeIn(name, fixture(name))),
    password: new Secret((expectedOf(name)["password"] as string).split("` or `")[0] ?? ""),
    keys: sharedKeys,
  })
  const { snapshots } = await repository.list()
  return { snapshots, contents: await repository.openContents() }
}

async function* filesOf(
  contents: SnapshotContents,
  root: SnapshotEntry,
): AsyncGenerator<[path: string, file: SnapshotEntry]> {
  const waiting: [string, SnapshotEntry][] = [["", root]]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, entry] = next
    if (entry.kind === "file") yield [path, entry]
    if (entry.kind !== "directory") continue
    for (const child of await contents.list(entry)) {
      const name = Buffer.from(child.name).toString()
      waiting.push([path === "" ? name : `${path}/${name}`, child])
    }
  }
}

async function readsAsZeros(contents: SnapshotContents, file: SnapshotEntry): Promise<boolean> {
  let length = 0
  for await (const piece of contents.read(file)) {
    if (piece.some((byte) => byte !== 0)) return false
    length += piece.length
  }
  return length > 0
}
