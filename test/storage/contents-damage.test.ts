import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { openRepository, Secret, type SnapshotContents } from "../../storage/index.js"
import { filesBelow } from "../support/damage.js"
import { expectedOf, fixtureCopy } from "../support/fixtures.js"
import { type ReadEntry, readAll, unreadable } from "../support/restored.js"
import { storedContentsIn } from "./kopia/stored-contents.js"
import { open as openRestic } from "./restic/restic-fixtures.js"

interface Place {
  readonly file: string
  readonly offset: number
  readonly length: number
}

interface Scene {
  readonly directory: string
  readonly entries: readonly ReadEntry[]
  /** Opened anew: nothing read before is remembered. */
  readonly open: () => Promise<SnapshotContents>
  /** Where the content of this name lies. */
  readonly placeOf: (content: string) => Promise<Place>
}

async function sceneOf(name: string): Promise<Scene> {
  const directory = fixtureCopy(name)
  const password = expectedOf(name).password as string
  const repository = await openRepository({
    files: new DirectoryTree(directory),
    password: new Secret(password),
  })
  const open = (): Promise<SnapshotContents> => repository.openContents()
  const snapshot = (await repository.list()).snapshots.at(-1)
  if (snapshot === undefined) throw new Error("no snapshot")
  const entries = await readAll(await open(), snapshot)
  const placeOf = name.startsWith("kopia/")
    ? (content: string) => kopiaPlace(directory, password, content)
    : (content: string) => resticPlace(directory, password, content)
  return { directory, entries, open, placeOf }
}

async function kopiaPlace(directory: string, password: string, content: string): Promise<Place> {
  const { contents } = await storedContentsIn(directory, password)
  const entry = contents.find(({ entry: { contentId } }) => contentId === content)?.entry
  if (entry === undefined) throw new Error(`no content ${content}`)
  const { pack, offset, packedLength: length } = entry
  const [path] = filesBelow(directory, /\.f$/).filter((file) =>
    file.slice(directory.length).replaceAll("/", "").endsWith(`${pack}.f`),
  )
  if (path === undefined) throw new Error(`no pack ${pack}`)
  return { file: relative(directory, path), offset, length }
}

async function resticPlace(directory: string, password: string, id: string): Promise<Place> {
  const indexes = await openRestic(directory, password).readIndexes()
  for (const { packs } of indexes) {
    for (const { id: pack, blobs } of packs) {
      const blob = blobs.find((one) => one.id === id)
      if (blob === undefined) continue
      return { file: `data/${pack.slice(0, 2)}/${pack}`, offset: blob.offset, length: blob.length }
    }
  }
  throw new Error(`no blob ${id}`)
}

const damages = {
  "one bit changed in it": (file: string, { offset, length }: Place) => {
    const bytes = readFileSync(file)
    const at = offset + Math.floor(length / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 4
    writeFileSync(file, bytes)
  },
  "its pack cut off in it": (file: string, { offset, length }: Place) => {
    truncateSync(file, offset + length - 1)
  },
  "zeros in its place": (file: string, { offset, length }: Place) => {
    const bytes = readFileSync(file)
    bytes.fill(0, offset, offset + length)
    writeFileSync(file, bytes)
  },
  "its pack gone": (file: string) => {
    rmSync(file)
  },
}

describe.each(["kopia/format-3", "kopia/format-1", "restic/v2-by-0.18", "restic/v1-by-0.14"])(
  "of %s, a file's content with",
  (name) => {
    it.each(Object.entries(damages))(
      "%s costs every file that needs it, and says which pack",
      async (_, damage) => {
        const { directory, entries, open, placeOf } = await sceneOf(name)
        const victim = entries.filter(({ entry }) => entry.content.length === 1 && entry.size > 100).at(-1)
        const [content] = victim?.entry.content ?? []
        if (content === undefined) throw new Error("no file of one content")
        const contentId = name.startsWith("kopia/") ? content.replace(/^Z/, "") : content
        const place = await placeOf(contentId)
        const { size } = statSync(join(directory, place.file))
        damage(join(directory, place.file), place)

        const failed = await unreadable(await open(), entries)
        const needing = entries.filter(({ entry }) => entry.content.includes(content)).map(({ path }) => path)
        expect([...failed.keys()]).toEqual(expect.arrayContaining(needing))
        for (const path of needing) {
          const error = failed.get(path)
          expect(["corrupt", "missing"]).toContain(error?.code)
          expect(error?.facts["file"]).toContain(place.file)
        }
        // What lies elsewhere in the pack is read as before, as long as it is there.
        if (statSync(join(directory, place.file), { throwIfNoEntry: false })?.size === size)
          expect([...failed.keys()].sort()).toEqual(needing.sort())
      },
    )
  },
)
