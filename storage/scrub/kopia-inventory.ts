import { createHash } from "node:crypto"
import { FORMAT_BLOB, kindOfBlob } from "../kopia/blob-id.js"
import { isIgnoredName } from "../kopia/directory-names.js"
import { BLOB_SUFFIX, blobPath, SHARDS_FILE, type ShardLayout } from "../kopia/shards.js"
import type { Damage, FoundFile, Inventory, StoredFile } from "./stored-file.js"
import type { Walked } from "./walk-files.js"

const TEMPORARY = /\.tmp\.[0-9a-f]+$|(?:^|\/)\.nfs[^/]*$/
/** The blobs that Kopia writes again under the same name. */
const REWRITTEN = /^kopia\.(?:repository|blobcfg|maintenance)$/

/** The blobs whose bytes are always the same words. */
const wordsOf = { epoch_marker: sha256Of("epoch-marker"), watermark: sha256Of("deletion-watermark") } as const

/** Where blobs are: in files below folders, or as objects that were copied out of a bucket. */
export type KopiaPlace = { readonly layout: ShardLayout | undefined } | "objects"

/** Folders of others are not entered: Kopia walks all, but its own names are hexadecimal and of few letters. */
export function isKopiaFolder(folder: string): boolean {
  return !folder.split("/").some((name) => isIgnoredName(name) || name.startsWith("."))
}

/** Sorts what lies in a Kopia repository. Only a ledger knows what most blobs must be: their names are random, or made with a key. */
export function kopiaInventory(walked: Walked, place: KopiaPlace): Inventory {
  const files: StoredFile[] = []
  const temporary: string[] = []
  const foreign: string[] = []
  const astray: { readonly file: StoredFile; readonly right: string }[] = []
  for (const file of walked.files) {
    const id = idOf(file.path, place)
    if (file.path === SHARDS_FILE)
      files.push({ ...file, sha256: undefined, rewritten: true, oftenRewritten: false, sealed: false })
    else if (TEMPORARY.test(file.path)) temporary.push(file.path)
    else if (id === undefined || kindOfBlob(id) === "unknown") foreign.push(file.path)
    else {
      const stored = storedFile(file, id)
      const right = place === "objects" || place.layout === undefined ? file.path : blobPath(place.layout, id)
      if (right === file.path) files.push(stored)
      else astray.push({ file: stored, right })
    }
  }
  const damage: Damage[] = [...walked.damage]
  const formatFile = FORMAT_BLOB + (place === "objects" ? "" : BLOB_SUFFIX)
  if (!files.some(({ path }) => path === formatFile)) damage.push({ blob: formatFile, code: "missing" })
  const paths = astray.length === 0 ? new Set<string>() : new Set(files.map(({ path }) => path))
  for (const { file, right } of astray) {
    if (paths.has(right)) foreign.push(file.path)
    else damage.push({ blob: file.path, code: "misplaced" })
  }
  return {
    engine: "kopia",
    files,
    damage,
    unread: walked.unread,
    temporary,
    foreign: [...foreign, ...walked.others],
  }
}

function idOf(path: string, place: KopiaPlace): string | undefined {
  if (place === "objects") return path.includes("/") ? undefined : path
  return path.endsWith(BLOB_SUFFIX) ? path.slice(0, -BLOB_SUFFIX.length).replaceAll("/", "") : undefined
}

function storedFile(file: FoundFile, id: string): StoredFile {
  const kind = kindOfBlob(id)
  const sha256 = kind === "epoch_marker" || kind === "watermark" ? wordsOf[kind] : undefined
  return {
    ...file,
    sha256,
    rewritten: REWRITTEN.test(id),
    oftenRewritten: id === "kopia.maintenance",
    sealed: sha256 === undefined && id !== FORMAT_BLOB,
  }
}

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}
