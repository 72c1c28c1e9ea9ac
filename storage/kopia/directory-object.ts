import { JsonFields, parseJson } from "../bytes/index.js"
import type { EntryKind, SnapshotEntry } from "../contents.js"
import { checkedName } from "../entry-name.js"
import { StorageError } from "../errors.js"
import { permissionsOf } from "../go-file-mode.js"
import { parseTime } from "../instant.js"

const kinds: Readonly<Record<string, EntryKind>> = { d: "directory", f: "file", s: "symlink" }

/**
 * The entries of a directory object (kopia-repository-format §12.2), in its order. `what` names it in errors: `corrupt`. Names are
 * UTF-8, because the engine stores them as JSON: it put U+FFFD for every byte that was not.
 */
export function parseDirectory(json: Uint8Array, what: string): SnapshotEntry[] {
  const fields = new JsonFields(parseJson(json, what), what)
  if (fields.string("stream") !== "kopia:directory") {
    throw new StorageError("corrupt", `${what} is no directory`)
  }
  return (fields.optionalArray("entries") ?? []).map((entry) => parseEntry(entry, what))
}

function parseEntry(value: unknown, what: string): SnapshotEntry {
  const fields = new JsonFields(value, what)
  const kind = kinds[fields.optionalString("type") ?? ""] ?? "unknown"
  const object = fields.optionalString("obj")
  return {
    name: checkedName(Buffer.from(fields.string("name"), "utf8"), what),
    kind,
    ...parseMetadata(fields, what),
    size: kind === "file" ? sizeOf(fields, what) : 0,
    target: undefined,
    attributes: [],
    device: undefined,
    sameFile: undefined,
    content: object === undefined ? [] : [object],
  }
}

export type EntryMetadata = Required<Pick<SnapshotEntry, "mode" | "uid" | "gid" | "modified">>

/** What a directory entry, or the root entry of a snapshot, says beside what is in it. */
export function parseMetadata(fields: JsonFields, what: string): EntryMetadata {
  const modified = fields.optionalString("mtime")
  return {
    mode: permissionsOf(parseMode(fields.optionalString("mode"), what)),
    uid: idOf(fields, "uid", what),
    gid: idOf(fields, "gid", what),
    // The engine leaves out what is 0, and 0 is 1970.
    modified: modified === undefined ? 0n : parseTime(modified).instant,
  }
}

function parseMode(text: string | undefined, what: string): number {
  if (text === undefined) return 0
  if (/^0?[0-7]{1,11}$/.test(text)) return Number.parseInt(text, 8)
  throw new StorageError("corrupt", `${what}: ${JSON.stringify(text.slice(0, 40))} is no mode`)
}

function idOf(fields: JsonFields, name: string, what: string): number {
  const id = fields.optionalNumber(name) ?? 0
  if (Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff) return id
  throw new StorageError("corrupt", `${what}: ${name} is no id of a user or group`)
}

function sizeOf(fields: JsonFields, what: string): number {
  const size = fields.optionalNumber("size") ?? 0
  if (Number.isSafeInteger(size) && size >= 0) return size
  throw new StorageError("corrupt", `${what}: size is no number of bytes`)
}
