import type { FileTree } from "../blobs/index.js"
import { createOpener } from "../open-contents.js"
import type { StoredContents, StoredItem } from "../stored-contents.js"
import { readPack } from "./read-pack.js"

/** Contents that are read and checked before others get a turn. */
const AT_ONCE = 1024

/**
 * The contents that damaged packs really cost: those of which no whole one is left in any pack, by their tags and hashes. `packs` are
 * paths of pack files, also of ones that are gone. Throws StorageError where that cannot be told.
 */
export async function lostInPacks(
  stored: StoredContents,
  files: FileTree,
  packs: Iterable<string>,
  signal?: AbortSignal,
): Promise<Set<string>> {
  const named = new Set(packs)
  const damaged = new Set<number>()
  for (let pack = 0; pack < stored.packCount; pack++) if (named.has(stored.packFile(pack))) damaged.add(pack)
  const rows = rowsIn(stored, damaged)
  const opener = await createOpener(stored.opener)
  const isThere = new Map<number, boolean>()
  const broken = new Map<number, Set<number>>()
  for (const pack of damaged) broken.set(pack, new Set())

  for (const [pack, inPack] of rows) {
    const file = stored.packFile(pack)
    for (let from = 0; from < inPack.length; from += AT_ONCE) {
      signal?.throwIfAborted()
      const part = inPack.slice(from, from + AT_ONCE)
      const items: StoredItem[] = part.map(({ row, place }) => stored.itemAt(row, place))
      const job = { pack, file, length: Infinity, rows: part.map(({ row }) => row), items, end: false }
      const { lost } = await readPack(files, opener, job)
      for (const { item } of lost) broken.get(pack)?.add(part[item]?.place ?? -1)
    }
  }
  const lost = new Set<string>()
  for (const inPack of rows.values()) {
    for (const { row } of inPack) {
      let isWhole = false
      for (const place of stored.placesAt(row)) {
        const { pack } = stored.placeAt(place)
        if (!isThere.has(pack)) isThere.set(pack, (await files.stat(stored.packFile(pack))) !== undefined)
        isWhole ||= broken.get(pack)?.has(place) !== true && isThere.get(pack) === true
      }
      if (!isWhole) lost.add(stored.contentAt(row))
    }
  }
  return lost
}

interface Placed {
  readonly row: number
  readonly place: number
}

/** What lies in these packs, in the order in which it lies there. */
function rowsIn(stored: StoredContents, packs: ReadonlySet<number>): Map<number, Placed[]> {
  const rows = new Map<number, Placed[]>()
  for (let row = 0; row < stored.contentCount; row++) {
    for (const place of stored.placesAt(row)) {
      const { pack } = stored.placeAt(place)
      if (!packs.has(pack)) continue
      const inPack = rows.get(pack)
      if (inPack === undefined) rows.set(pack, [{ row, place }])
      else inPack.push({ row, place })
    }
  }
  for (const inPack of rows.values())
    inPack.sort((one, other) => stored.placeAt(one.place).offset - stored.placeAt(other.place).offset)
  return rows
}
