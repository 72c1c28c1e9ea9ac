import {
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import type { VerifyLevel } from "../../../storage/verify/index.js"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import type { StoredContents, StoredPlace } from "../../../storage/stored-contents.js"
import { filesBelow } from "../../support/damage.js"
import { fixtureCopy } from "../../support/fixtures.js"
import { sharedKeys } from "../kopia/open.js"
import { passwordOf } from "./verified.js"

/** A copy of a fixture, and what of it may be damaged. */
export interface Scene {
  readonly directory: string
  /** The pack that holds most file contents, and one that holds the directories of a snapshot. */
  readonly data: string
  readonly trees: string
  /** Places in them where the first content and a directory lie. */
  readonly inData: number
  readonly inTrees: number
}

export interface Case {
  readonly what: string
  readonly level: VerifyLevel
  readonly damage: (scene: Scene) => void
}

function change(file: string, edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file)
  edit(bytes)
  writeFileSync(file, bytes)
}

const flip = (at: (length: number) => number) => (file: string) => {
  change(file, (bytes) => {
    const place = at(bytes.length)
    bytes[place] = (bytes[place] ?? 0) ^ 0x10
  })
}
const cut = (at: (length: number) => number) => (file: string) => {
  truncateSync(file, at(statSync(file).size))
}
const half = (length: number): number => Math.floor(length / 2)

export const cases: readonly Case[] = [
  {
    what: "a pack of data deleted",
    level: "reachable",
    damage: ({ data }) => {
      rmSync(data)
    },
  },
  {
    what: "a pack of directories deleted",
    level: "reachable",
    damage: ({ trees }) => {
      rmSync(trees)
    },
  },
  {
    what: "a pack of data emptied",
    level: "reachable",
    damage: ({ data }) => {
      truncateSync(data, 0)
    },
  },
  {
    what: "a pack of data cut in the middle",
    level: "reachable",
    damage: ({ data }) => {
      cut(half)(data)
    },
  },
  {
    what: "a pack of data cut behind its first bytes",
    level: "reachable",
    damage: ({ data }) => {
      cut(() => 33)(data)
    },
  },
  {
    what: "a pack of data renamed",
    level: "reachable",
    damage: ({ data }) => {
      renameSync(data, data.replace(/.(\.f)?$/, "0x$1"))
    },
  },
  {
    what: "a bit flipped in the middle of a pack of data",
    level: "read",
    damage: ({ data }) => {
      flip(half)(data)
    },
  },
  {
    what: "a bit flipped in the first content of a pack",
    level: "read",
    damage: ({ data, inData }) => {
      flip(() => inData)(data)
    },
  },
  {
    what: "a bit flipped in a pack of directories",
    level: "reachable",
    damage: ({ trees, inTrees }) => {
      flip(() => inTrees)(trees)
    },
  },
  {
    what: "a pack of data filled with zeros",
    level: "read",
    damage: ({ data }) => {
      change(data, (bytes) => bytes.fill(0))
    },
  },
  {
    what: "two packs swapped",
    level: "read",
    damage: ({ data, trees }) => {
      const aside = join(dirname(data), "aside")
      renameSync(data, aside)
      copyFileSync(trees, data)
      copyFileSync(aside, trees)
      rmSync(aside)
    },
  },
]

export async function sceneOf(name: string): Promise<Scene> {
  const directory = fixtureCopy(name)
  const bySize = (one: string, other: string): number => statSync(other).size - statSync(one).size
  const [data = ""] = filesBelow(directory, name.startsWith("restic") ? /^data\/../ : /^p/).sort(bySize)
  const files = new DirectoryTree(directory)
  const repository = await openRepository({ files, password: new Secret(passwordOf(name)), keys: sharedKeys })
  const [newest] = (await repository.list()).snapshots.slice(-1)
  if (newest === undefined) throw new Error("no snapshot")
  const contents = await repository.openContents()
  const { stored } = contents
  const row = stored.rowOf(stored.headOf(contents.root(newest)) ?? "")
  const [place] = row === undefined ? [] : stored.placesAt(row)
  if (place === undefined) throw new Error("no root")
  const { pack, offset, length } = stored.placeAt(place)
  const trees = join(directory, stored.packFile(pack))
  // Kopia fills the beginning of a pack with random bytes.
  const firsts = placesIn(stored, data.slice(directory.length + 1)).map(({ offset: start }) => start)
  return { directory, data, trees, inData: Math.min(...firsts) + 20, inTrees: offset + half(length) }
}

function placesIn(stored: StoredContents, file: string): StoredPlace[] {
  return Array.from({ length: stored.placeCount }, (_, place) => stored.placeAt(place)).filter(
    ({ pack }) => stored.packFile(pack) === file,
  )
}
