import { createHash } from "node:crypto"
import { basename } from "node:path/posix"
import { parseRange } from "../../../storage/browse/index.js"
import { findEntry, type SnapshotEntry, StorageError } from "../../../storage/index.js"
import { chooseSnapshot } from "../../contents/index.js"
import type { Answer } from "./answer.js"
import type { OpenedPlace } from "./open-place.js"
import type { BrowseRequest } from "./requests.js"

/** A file's bytes, or a range of them. A range in words that HTTP does not know, or of a file that changed (`If-Range`), is left alone. */
export async function fileAnswer(
  { contents, snapshots }: OpenedPlace,
  { at, range: wanted, ifRange }: Extract<BrowseRequest, { kind: "file" }>,
): Promise<Answer> {
  const entry = await findEntry(contents, chooseSnapshot(snapshots, at.snapshot), at.path)
  if (entry.kind !== "file") throw noFile(at.path, entry)
  const tag = createHash("sha256").update(entry.content.join(" ")).digest("base64url")
  const isWanted = wanted !== undefined && (ifRange === undefined || ifRange === `"${tag}"`)
  const range = isWanted ? parseRange(wanted, entry.size) : undefined
  const name = entry.name.length > 0 ? entry.name : Buffer.from(basename(at.path) || at.snapshot)
  const head = { kind: "file", name, size: entry.size, range, tag } as const
  if (range === "unsatisfiable") return { head, body: nothing() }
  return { head, body: contents.read(entry, range) }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array())
}

function noFile(path: string, { kind }: SnapshotEntry): StorageError {
  const hint =
    kind === "directory"
      ? "A directory is written as an archive: say in which format (--format tar or zip)."
      : "`cistern ls` shows what is in a directory."
  return new StorageError("invalid", `/${path} is no file but: ${kind}`, { hint })
}
