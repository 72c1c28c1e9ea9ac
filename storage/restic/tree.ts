import { JsonFields, parseJson } from "../bytes/index.js"
import type { EntryKind, ExtendedAttribute, SnapshotEntry } from "../contents.js"
import { checkedName } from "../entry-name.js"
import { StorageError } from "../errors.js"
import { permissionsOf } from "../go-file-mode.js"
import { parseTime } from "../instant.js"
import { unquoteName } from "./quoted-name.js"

const kinds: Readonly<Record<string, EntryKind>> = {
  file: "file",
  dir: "directory",
  symlink: "symlink",
  dev: "block_device",
  chardev: "character_device",
  fifo: "fifo",
  socket: "socket",
}

/** The nodes of a tree blob (restic-repository-format §9), in its order. `what` names it in errors: `corrupt`. */
export function parseTree(json: Uint8Array, what: string): SnapshotEntry[] {
  const nodes = new JsonFields(parseJson(json, what), what).optionalArray("nodes") ?? []
  const entries: SnapshotEntry[] = []
  const names = new Set<string>()
  for (const node of nodes) {
    // Old versions wrote nodes that are null, or twice.
    if (node === null) continue
    const entry = parseNode(node, what)
    const name = Buffer.from(entry.name).toString("latin1")
    if (names.has(name)) continue
    names.add(name)
    entries.push(entry)
  }
  return entries
}

function parseNode(value: unknown, what: string): SnapshotEntry {
  const fields = new JsonFields(value, what)
  const kind = kinds[fields.optionalString("type") ?? ""] ?? "unknown"
  const modified = fields.optionalString("mtime")
  const content = contentOf(fields, kind, what)
  return {
    name: checkedName(unquoteName(fields.string("name"), what), what),
    kind,
    mode: permissionsOf(countOf(fields, "mode", what)),
    uid: countOf(fields, "uid", what),
    gid: countOf(fields, "gid", what),
    modified: modified === undefined ? undefined : parseTime(modified).instant,
    size: kind === "file" ? countOf(fields, "size", what) : 0,
    target: kind === "symlink" ? targetOf(fields) : undefined,
    attributes: attributesOf(fields, what),
    device:
      kind === "block_device" || kind === "character_device" ? countOf(fields, "device", what) : undefined,
    sameFile: kind === "file" ? sameFileOf(fields, content) : undefined,
    content,
  }
}

function countOf(fields: JsonFields, name: string, what: string): number {
  const value = fields.optionalNumber(name) ?? 0
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new StorageError("corrupt", `${what}: ${name} is not what it can be`)
}

function targetOf(fields: JsonFields): Uint8Array {
  if (fields.get("linktarget_raw") !== undefined) return fields.base64("linktarget_raw")
  return Buffer.from(fields.optionalString("linktarget") ?? "", "utf8")
}

function attributesOf(fields: JsonFields, what: string): ExtendedAttribute[] {
  return (fields.optionalArray("extended_attributes") ?? []).map((value) => {
    const attribute = new JsonFields(value, what)
    const empty = attribute.get("value") === undefined
    return { name: attribute.string("name"), value: empty ? new Uint8Array() : attribute.base64("value") }
  })
}

/** Inode numbers exceed what JSON keeps exactly, so that what is in the files has its say, too. */
function sameFileOf(fields: JsonFields, content: readonly string[]): string | undefined {
  const inode = fields.optionalNumber("inode") ?? 0
  if (inode === 0 || (fields.optionalNumber("links") ?? 0) < 2) return undefined
  const device = fields.optionalNumber("device_id") ?? 0
  return [device, inode, fields.optionalString("mtime"), content.length, content[0], content.at(-1)].join(" ")
}

function contentOf(fields: JsonFields, kind: EntryKind, what: string): readonly string[] {
  if (kind === "directory") return [blobId(fields.string("subtree"), what)]
  if (kind !== "file") return []
  const content = fields.optionalStrings("content")
  if (content === undefined) throw new StorageError("corrupt", `${what}: a file without a list of its blobs`)
  return content.map((id) => blobId(id, what))
}

function blobId(id: string, what: string): string {
  if (/^[0-9a-f]{64}$/.test(id)) return id
  throw new StorageError("corrupt", `${what}: an id that is not 64 hex digits`)
}
