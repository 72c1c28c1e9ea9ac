import { createHash } from "node:crypto"
import type { SnapshotContents, SnapshotEntry } from "../../storage/contents.js"
import { StorageError } from "../../storage/errors.js"
import type { Snapshot } from "../../storage/repository.js"

/** One entry of `restores` in an expected.json: what a real restore put on the disk. */
export interface RestoredEntry {
  readonly path?: string
  readonly pathHex?: string
  readonly type: string
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: string
  readonly size?: number
  readonly sha256?: string
  readonly target?: string
  readonly targetHex?: string
  readonly xattr?: Readonly<Record<string, string>>
}

export interface Restored {
  readonly id: string
  readonly digest: string
  readonly fileCount: number
  readonly bytes: number
  readonly files?: readonly RestoredEntry[]
}

export interface ReadEntry {
  /** Bytes in hex, so that names that are not UTF-8 compare. */
  readonly path: string
  readonly entry: SnapshotEntry
  readonly sha256: string | undefined
  readonly target: string | undefined
}

/** Reads everything in a snapshot. */
export async function readAll(contents: SnapshotContents, snapshot: Snapshot): Promise<ReadEntry[]> {
  const found: ReadEntry[] = []
  const walk = async (directory: SnapshotEntry, above: Uint8Array): Promise<void> => {
    for (const entry of await contents.list(directory)) {
      const path = above.length === 0 ? entry.name : Buffer.concat([above, Buffer.from("/"), entry.name])
      found.push({
        path: Buffer.from(path).toString("hex"),
        entry,
        sha256: entry.kind === "file" ? await sha256Of(contents, entry) : undefined,
        target:
          entry.kind === "symlink" ? Buffer.from(await contents.target(entry)).toString("hex") : undefined,
      })
      if (entry.kind === "directory") await walk(entry, path)
    }
  }
  const root = contents.root(snapshot)
  if (root.kind === "directory") await walk(root, new Uint8Array())
  return found
}

export async function sha256Of(contents: SnapshotContents, entry: SnapshotEntry): Promise<string> {
  const hash = createHash("sha256")
  for await (const piece of contents.read(entry)) hash.update(piece)
  return hash.digest("hex")
}

/** Which files cannot be read, by path in hex, and why. */
export async function unreadable(
  contents: SnapshotContents,
  entries: readonly ReadEntry[],
): Promise<Map<string, StorageError>> {
  const failed = new Map<string, StorageError>()
  for (const { path, entry } of entries) {
    if (entry.kind !== "file") continue
    try {
      await sha256Of(contents, entry)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      failed.set(path, error)
    }
  }
  return failed
}

/** The digest over a restore as test/fixtures/README.md has it. */
export function digestOf(entries: readonly ReadEntry[]): string {
  const lines = entries
    .filter(({ entry }) => entry.kind === "file")
    .map(({ path, entry, sha256 }) => `${path} ${entry.size} ${sha256 ?? ""}`)
    .sort()
  return createHash("sha256").update(lines.join("\n")).digest("hex")
}

/** What two sides have to agree about, by path. */
interface Shown {
  readonly path: string
  readonly type: string
  readonly mode: string
  readonly owner: string
  /** Kopia gives a directory the newest time that is in it, not its own; then undefined. */
  readonly mtimeNs: string | undefined
  readonly size: number | undefined
  readonly sha256: string | undefined
  readonly target: string | undefined
  readonly attributes: Readonly<Record<string, string>>
}

export interface Comparison {
  readonly directoryTimes: boolean
}

const letters: Readonly<Record<string, string>> = {
  file: "f",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  block_device: "b",
  character_device: "c",
}

/** What was read, sorted by path. */
export function shown(entries: readonly ReadEntry[], { directoryTimes }: Comparison): Shown[] {
  return entries
    .map(({ path, entry, sha256, target }) => ({
      path,
      type: letters[entry.kind] ?? "?",
      // Links have no mode of their own: every system shows them as 0777.
      mode: entry.kind === "symlink" ? "0777" : (entry.mode ?? 0).toString(8).padStart(4, "0"),
      owner: `${entry.uid ?? 0}:${entry.gid ?? 0}`,
      mtimeNs: entry.kind === "directory" && !directoryTimes ? undefined : String(entry.modified),
      size: entry.kind === "file" ? entry.size : undefined,
      sha256,
      target,
      attributes: Object.fromEntries(
        entry.attributes.map(({ name, value }) => [name, Buffer.from(value).toString("base64")]),
      ),
    }))
    .sort(byPath)
}

/** What the real program restored, in the same form and without the root itself. */
export function shownAs(files: readonly RestoredEntry[], { directoryTimes }: Comparison): Shown[] {
  return files
    .filter(({ path }) => path !== ".")
    .map((file) => ({
      path: file.pathHex ?? Buffer.from(file.path ?? "").toString("hex"),
      type: file.type,
      mode: file.mode,
      owner: `${file.uid}:${file.gid}`,
      mtimeNs: file.type === "d" && !directoryTimes ? undefined : file.mtimeNs,
      size: file.size,
      sha256: file.sha256,
      target:
        file.targetHex ?? (file.target === undefined ? undefined : Buffer.from(file.target).toString("hex")),
      attributes: file.xattr ?? {},
    }))
    .sort(byPath)
}

function byPath(a: Shown, b: Shown): number {
  return a.path < b.path ? -1 : 1
}
