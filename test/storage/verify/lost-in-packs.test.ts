import { rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { rot } from "../../support/damage.js"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import type { StoredContents } from "../../../storage/stored-contents.js"
import { lostInPacks } from "../../../storage/verify/index.js"
import { expectedOf, fixtureCopy } from "../../support/fixtures.js"

async function opened(name: string) {
  const directory = fixtureCopy(name)
  const files = new DirectoryTree(directory)
  const password = new Secret(String(expectedOf(name)["password"]))
  const { stored } = await (await openRepository({ files, password })).openContents()
  return { directory, stored, lost: (...packs: string[]) => lostInPacks(stored, files, packs) }
}

interface Placed {
  readonly content: string
  readonly file: string
  readonly offset: number
  readonly length: number
}

function everything(stored: StoredContents): Placed[] {
  return Array.from({ length: stored.contentCount }, (_, row) => row).flatMap((row) =>
    stored.placesAt(row).map((place) => {
      const { pack, offset, length } = stored.placeAt(place)
      return { content: stored.contentAt(row), file: stored.packFile(pack), offset, length }
    }),
  )
}

/** From all over, as many as a test has time for. */
function some(all: readonly Placed[]): readonly Placed[] {
  const step = Math.ceil(all.length / 10)
  return all.filter((_, at) => at % step === 0)
}

describe.each(["restic/full-tree-by-0.19", "kopia/full-tree", "kopia/format-1"])(
  "a damaged pack of %s costs",
  (name) => {
    it("the contents that a flipped bit lies in, and no others", async () => {
      const { directory, stored, lost } = await opened(name)
      const all = everything(stored)
      for (const { content, file, offset, length } of some(all)) {
        const heal = rot(join(directory, file), offset + Math.floor(length / 2))
        expect(await lost(file), `${content} in ${file}`).toEqual(new Set([content]))
        heal()
      }
      const [{ file } = { file: "" }] = all
      expect(await lost(file)).toEqual(new Set())
    })

    it("nothing where no content lies", async () => {
      const { directory, stored, lost } = await opened(name)
      for (const file of new Set(everything(stored).map((one) => one.file))) {
        const heal = rot(join(directory, file), statSync(join(directory, file)).size - 1)
        expect(await lost(file)).toEqual(new Set())
        heal()
      }
    })

    it("everything in it when it is gone", async () => {
      const { directory, stored, lost } = await opened(name)
      const all = everything(stored)
      const [{ file } = { file: "" }] = all
      rmSync(join(directory, file))
      const inIt = all.filter((one) => one.file === file).map(({ content }) => content)
      expect(await lost(file)).toEqual(new Set(inIt))
    })
  },
)

it("error correction that still mends a damaged pack keeps it from costing anything", async () => {
  const { directory, stored, lost } = await opened("kopia/ecc-20")
  const [{ file, offset, length } = { file: "", offset: 0, length: 0 }] = everything(stored)
  rot(join(directory, file), offset + Math.floor(length / 2))
  expect(await lost(file)).toEqual(new Set())
})
