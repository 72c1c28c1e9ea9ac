import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { SnapshotContents, SnapshotEntry } from "../../../storage/contents.js"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import type { StoredContents } from "../../../storage/stored-contents.js"
import { FORMAT_BLOB } from "../../../storage/kopia/blob-id.js"
import { BlobReader } from "../../../storage/kopia/blob-reader.js"
import { FormatKeeper } from "../../../storage/kopia/format-keeper.js"
import { loadContents } from "../../../storage/kopia/load-contents.js"
import { locateBlobs } from "../../../storage/kopia/locate.js"
import { Sources } from "../../../storage/kopia/snapshot.js"
import { filesBelow } from "../../support/damage.js"
import { sharedKeys } from "../kopia/open.js"
import { passwordOf } from "./verified.js"

/** What finds damage there, the cheapest first. `never` of them: only a scrub reads those bytes. */
export type Finder = "reachable" | "read" | "never"

/** A stretch of a file that is one thing to the engine. */
export interface Region {
  /** Path below the repository. */
  readonly file: string
  readonly kind: string
  readonly start: number
  readonly end: number
  readonly finder: Finder
  /** What finds that the file ends where the region begins. */
  readonly cut: Finder
}

const RESTIC_SEAL = 16

/** Every structure of every file of a repository, in the order in which they lie. */
export async function regionsOf(name: string, directory: string): Promise<Region[]> {
  const files = new DirectoryTree(directory)
  const repository = await openRepository({ files, password: new Secret(passwordOf(name)), keys: sharedKeys })
  const { snapshots } = await repository.list()
  const contents = await repository.openContents()
  const { stored } = contents
  const engine = name.startsWith("restic") ? "restic" : "kopia"
  const { live, manifests } = engine === "kopia" ? await indexesOf(directory, passwordOf(name)) : NO_INDEXES
  const needed = new Set<string>(manifests)
  for (const snapshot of snapshots) await need(contents, contents.root(snapshot), needed)
  const blobs = blobsByFile(stored)
  return filesBelow(directory, /./).flatMap((path): Region[] => {
    const file = path.slice(directory.length + 1)
    const bytes = readFileSync(path)
    const inPack = blobs.get(file)
    if (inPack === undefined)
      return engine === "restic" ? resticFile(file, bytes) : kopiaFile(file, bytes, live)
    const parts = inPack.map(({ content, offset, length }) => ({
      file,
      start: offset,
      end: offset + length,
      ...(needed.has(content) ? neededContent(content) : OTHER_CONTENT),
    }))
    return engine === "restic" ? resticPack(file, bytes, parts) : kopiaPack(file, bytes, parts)
  })
}

const NO_INDEXES = { live: new Set<string>(), manifests: [] }

/** Which index blobs count, by the names of their files, and the contents that hold manifests that count. */
async function indexesOf(
  directory: string,
  password: string,
): Promise<{ readonly live: ReadonlySet<string>; readonly manifests: readonly string[] }> {
  const blobs = await locateBlobs(new DirectoryTree(directory))
  const keeper = new FormatKeeper(new Secret(password), sharedKeys)
  const opened = await keeper.open(await blobs.read(FORMAT_BLOB, 1_000_000), FORMAT_BLOB, 0n)
  const reader = new BlobReader(blobs, undefined, new Sources())
  const listing = await blobs.listMetadata()
  const { live, manifests } = await loadContents({ blobs, reader, opened, listing, signal: undefined })
  return { live: new Set(live), manifests: manifests.map(({ contentId }) => contentId) }
}

async function need(contents: SnapshotContents, entry: SnapshotEntry, needed: Set<string>): Promise<void> {
  for await (const part of contents.parts(entry)) needed.add(part)
  if (entry.kind === "directory")
    for (const one of await contents.list(entry)) await need(contents, one, needed)
}

interface Blob {
  readonly content: string
  readonly offset: number
  readonly length: number
}

function blobsByFile(stored: StoredContents): Map<string, Blob[]> {
  const found = new Map<string, Blob[]>()
  for (let row = 0; row < stored.contentCount; row++) {
    for (const place of stored.placesAt(row)) {
      const { pack, offset, length } = stored.placeAt(place)
      const file = stored.packFile(pack)
      const blobs = found.get(file) ?? []
      blobs.push({ content: stored.contentAt(row), offset, length })
      found.set(file, blobs)
    }
  }
  for (const blobs of found.values()) blobs.sort((one, other) => one.offset - other.offset)
  return found
}

type Said = Pick<Region, "kind" | "finder" | "cut">

function neededContent(content: string): Said {
  if (/^tree\/|^k/.test(content)) return { kind: "directory", finder: "reachable", cut: "reachable" }
  if (content.startsWith("m")) return { kind: "manifest", finder: "reachable", cut: "reachable" }
  if (content.startsWith("x")) return { kind: "index of a long file", finder: "reachable", cut: "reachable" }
  return { kind: "content of a file", finder: "read", cut: "reachable" }
}

const OTHER_CONTENT: Said = { kind: "content that nothing needs", finder: "never", cut: "never" }

type Part = Region

function resticFile(file: string, bytes: Buffer): Region[] {
  const [folder = file] = file.split("/", 1)
  const said = { file, finder: "reachable", cut: "reachable" } as const
  if (folder === "keys") return [{ ...said, kind: "key", start: 0, end: bytes.length }]
  return sealed(folder === "config" ? "config" : folder, 0, bytes.length).map((part) => ({
    ...said,
    ...part,
  }))
}

function sealed(what: string, start: number, end: number): Pick<Region, "kind" | "start" | "end">[] {
  return [
    { kind: `${what}: vector`, start, end: start + RESTIC_SEAL },
    { kind: `${what}: text`, start: start + RESTIC_SEAL, end: end - RESTIC_SEAL },
    { kind: `${what}: tag`, start: end - RESTIC_SEAL, end },
  ]
}

function resticPack(file: string, bytes: Buffer, blobs: readonly Part[]): Region[] {
  const header = bytes.length - 4 - bytes.readUInt32LE(bytes.length - 4)
  // Its index says how long a pack is, so that a missing end is seen without reading.
  const end = { file, finder: "read", cut: "reachable" } as const
  return [
    ...blobs.flatMap((blob) =>
      sealed(blob.kind, blob.start, blob.end).map((part) => ({
        ...blob,
        ...part,
        cut: "reachable" as const,
      })),
    ),
    ...sealed("header", header, bytes.length - 4).map((part) => ({ ...end, ...part })),
    { ...end, kind: "length of the header", start: bytes.length - 4, end: bytes.length },
  ]
}

const NONCE = 12
const TAG = 16

function kopiaFile(file: string, bytes: Buffer, live: ReadonlySet<string>): Region[] {
  const id = file.replaceAll("/", "")
  const whole = {
    file,
    kind: /^(?:_log|kopia\.\w+|x[new]|[a-z])/.exec(id)?.[0] ?? id,
    start: 0,
    end: bytes.length,
  }
  if (id === "kopia.repository.f") {
    const start = bytes.indexOf('"encryptedBlockFormat"') + 26
    const end = bytes.indexOf('"', start)
    return [{ ...whole, kind: "format", start, end, finder: "reachable", cut: "reachable" }]
  }
  if (live.has(id.slice(0, -2)) || /^m[0-9a-f]{32}/.test(id)) {
    const said = { file, finder: "reachable", cut: "reachable" } as const
    const what = /^(?:xn|xs|xr|n|m)/.exec(id)?.[0] ?? ""
    return [
      { ...said, kind: `index ${what}: nonce`, start: 0, end: NONCE },
      { ...said, kind: `index ${what}: text`, start: NONCE, end: bytes.length - TAG },
      { ...said, kind: `index ${what}: tag`, start: bytes.length - TAG, end: bytes.length },
    ]
  }
  // Not every bit of it matters: a scrub's own test has it.
  if (id === ".shards") return []
  return [{ ...whole, finder: "never", cut: "never" }]
}

/** A cut loses what lies behind it, up to the pack's own index at the end. */
function kopiaPack(file: string, bytes: Buffer, contents: readonly Part[]): Region[] {
  const isRead = contents.some(({ finder, kind }) => finder !== "never" && kind !== "manifest")
  const finder = isRead ? "read" : "never"
  const { index, postamble } = endOf(bytes)
  const end = { file, finder, cut: finder } as const
  const [first] = contents
  const last = contents.at(-1)
  const parts: Region[] = [
    { file, kind: "beginning of a pack", start: 0, end: first?.start ?? index, finder: "never", cut: finder },
    ...contents,
    { file, kind: "filling", start: last?.end ?? index, end: index, finder: "never", cut: finder },
    { ...end, kind: "index of the pack", start: index, end: postamble },
    { ...end, kind: "postamble", start: postamble, end: bytes.length },
  ]
  return parts.map((part, at) => {
    const lost = parts.slice(at).some(({ cut, kind }) => cut === "reachable" && kind !== "")
    return lost ? { ...part, cut: "reachable" } : part.cut === "never" ? { ...part, cut: finder } : part
  })
}

/** §6.4: where the index of the pack and the postamble begin. */
function endOf(bytes: Buffer): { readonly index: number; readonly postamble: number } {
  const postamble = bytes.length - 1 - (bytes.at(-1) ?? 0)
  let at = postamble
  const uvarint = (): number => {
    let [value, scale] = [0, 1]
    for (; ; at++, scale *= 128) {
      const byte = bytes[at] ?? 0
      value += (byte % 128) * scale
      if (byte < 128) break
    }
    at++
    return value
  }
  uvarint()
  const vector = uvarint()
  at += vector
  return { index: uvarint(), postamble }
}

/** The whole path of a region's file. */
export function pathOf(directory: string, { file }: Region): string {
  return join(directory, file)
}
