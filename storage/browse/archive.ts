import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { ArchiveOptions } from "./archive-items.js"
import { tarArchive } from "./tar.js"
import { zipArchive } from "./zip.js"

export const archiveFormats = ["tar", "zip"] as const
export type ArchiveFormat = (typeof archiveFormats)[number]

/**
 * A directory and everything in it as one archive, in pieces, as fast as they are taken. It throws where something is damaged (or, with
 * `damaged: "skip"`, leaves it out and tells), where there are too many entries, and the signal's reason; what was given before is then
 * no whole archive. Throws `invalid` for what is no directory.
 */
export function archive(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  { format, ...options }: ArchiveOptions & { readonly format: ArchiveFormat },
): AsyncGenerator<Uint8Array> {
  if (directory.kind !== "directory")
    throw new StorageError("invalid", `only a directory becomes an archive, not: ${directory.kind}`)
  return format === "tar"
    ? tarArchive(contents, directory, options)
    : zipArchive(contents, directory, options)
}
