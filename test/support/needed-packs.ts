import { DirectoryTree } from "../../storage/blobs/index.js"
import type { SnapshotEntry } from "../../storage/contents.js"
import { openRepository, Secret, type Snapshot } from "../../storage/index.js"

export interface NeedingSnapshot {
  readonly snapshot: Snapshot
  /** Paths of the packs that its files, not its directories, lie in; and where in them something of it begins. */
  readonly packs: ReadonlyMap<string, number>
}

/** Which packs each snapshot needs for its files' contents, oldest first. `wanted`: which snapshots. */
export async function neededPacks(
  directory: string,
  password: string,
  wanted: (snapshot: Snapshot) => boolean,
): Promise<NeedingSnapshot[]> {
  const repository = await openRepository({
    files: new DirectoryTree(directory),
    password: new Secret(password),
  })
  const contents = await repository.openContents()
  const { stored } = contents
  const packsOf = async (entry: SnapshotEntry, packs: Map<string, number>): Promise<void> => {
    if (entry.kind === "directory") {
      for (const below of await contents.list(entry)) await packsOf(below, packs)
      return
    }
    for await (const part of contents.parts(entry)) {
      const row = stored.rowOf(part)
      const places = row === undefined ? [] : stored.placesAt(row)
      for (const place of places) {
        const { pack, offset } = stored.placeAt(place)
        packs.set(stored.packFile(pack), offset)
      }
    }
  }
  const needing: NeedingSnapshot[] = []
  for (const snapshot of (await repository.list()).snapshots.filter(wanted)) {
    const packs = new Map<string, number>()
    await packsOf(contents.root(snapshot), packs)
    needing.push({ snapshot, packs })
  }
  return needing
}

/** A pack, and where a content begins in it, that the newest of some snapshots needs and the one before it does not; and these two. */
export function packOfNewestAlone(needing: readonly NeedingSnapshot[]): {
  readonly pack: string
  readonly offset: number
  readonly newest: Snapshot
  readonly before: Snapshot
} {
  const [newest, before] = [...needing].reverse()
  const pack = newest && [...newest.packs].find(([one]) => before?.packs.has(one) === false)
  if (pack === undefined || newest === undefined || before === undefined)
    throw new Error("the newest snapshot has nothing that is its own")
  const [file, offset] = pack
  return { pack: file, offset, newest: newest.snapshot, before: before.snapshot }
}
