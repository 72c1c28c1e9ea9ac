import { readFileSync } from "node:fs"
import { DirectoryTree, fileError } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { FORMAT_BLOB } from "../kopia/blob-id.js"
import { parseFormatBlob } from "../kopia/format-blob.js"
import { FORMAT_FILES } from "../kopia/head.js"
import { looksLikeKopia } from "../kopia/locate.js"
import { LAYOUT_WITHOUT_FILE, parseShards, SHARDS_FILE } from "../kopia/shards.js"
import { looksLikeRestic } from "../restic/layout.js"
import { copyInventory, isCopyFolder } from "./copy-inventory.js"
import { isKopiaFolder, kopiaInventory } from "./kopia-inventory.js"
import { parseManifest } from "./manifest.js"
import { isResticFolder, resticInventory } from "./restic-inventory.js"
import type { Inventory, ScrubEngine } from "./stored-file.js"
import { walkFiles } from "./walk-files.js"

export interface InventoryRequest {
  /** The directory of the repository. */
  readonly root: string
  /** Refuse any other. With a manifest there is no engine. */
  readonly engine?: "kopia" | "restic"
  /** A file that says the SHA-256 of each file of a plain tree. */
  readonly manifest?: string
}

/**
 * Lists every file of a repository and how each can be proven. Opens nothing but `.shards` and the manifest. Throws StorageError:
 * `missing`, `unreadable` and their kin for the root, `not_a_repository`, `two_repositories`, `invalid` for a manifest that is none.
 */
export async function takeInventory({ root, engine, manifest }: InventoryRequest): Promise<Inventory> {
  if (manifest !== undefined) {
    return copyInventory(walkFiles(root, isCopyFolder), parseManifest(textOf(manifest)))
  }
  const found = await engineAt(root)
  if (engine !== undefined && engine !== found) {
    throw new StorageError("not_a_repository", `${root} is a ${found} repository, not a ${engine} one`, {
      facts: { engine: found, wanted: engine },
      hint: "Name the engine that wrote it, or correct the path.",
    })
  }
  if (found === "restic") return resticInventory(walkFiles(root, isResticFolder))
  return takeKopia(root)
}

/** Two files are in plain text, and can be proven a little without a password and without a ledger. */
function takeKopia(root: string): Inventory {
  const walked = walkFiles(root, isKopiaFolder)
  const names = new Set(walked.files.map(({ path }) => path))
  const broken: string[] = []
  const parsed = <T>(file: string, parse: (bytes: Uint8Array) => T): T | undefined => {
    try {
      return parse(readFileSync(`${root}/${file}`))
    } catch (error) {
      // One that cannot be read, or is gone by now, is met again when all files are read.
      if (error instanceof StorageError && error.code === "corrupt") broken.push(file)
      return undefined
    }
  }
  const formatFile = FORMAT_FILES.find((file) => names.has(file))
  if (formatFile !== undefined) parsed(formatFile, (bytes) => parseFormatBlob(bytes, formatFile))
  const isFlat = formatFile === FORMAT_BLOB && !names.has(SHARDS_FILE)
  const layout = names.has(SHARDS_FILE) ? parsed(SHARDS_FILE, parseShards) : LAYOUT_WITHOUT_FILE
  const inventory = kopiaInventory(walked, isFlat ? "objects" : { layout })
  return {
    ...inventory,
    files: inventory.files.filter(({ path }) => !broken.includes(path)),
    damage: [...inventory.damage, ...broken.map((blob) => ({ blob, code: "corrupt" as const }))],
  }
}

async function engineAt(root: string): Promise<Exclude<ScrubEngine, "copy">> {
  const files = new DirectoryTree(root)
  const [kopia, restic] = [await looksLikeKopia(files), await looksLikeRestic(files)]
  if (kopia && restic) {
    throw new StorageError("two_repositories", `${root} holds a Kopia and a restic repository, mixed`, {
      hint: "Find out which of the two the movers use now, and move the files of the other one elsewhere.",
    })
  }
  if (!kopia && !restic) {
    throw new StorageError("not_a_repository", `${root} is neither a Kopia nor a restic repository`, {
      hint: "Check the path: it is the directory that holds kopia.repository.f, or restic's config and keys. A plain copy needs --manifest.",
    })
  }
  return kopia ? "kopia" : "restic"
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    throw fileError(error, file, file)
  }
}
