import type { ExtendedAttribute, SnapshotEntry } from "../contents.js"

/** In what two entries differ. `content`: what is in a file; a directory's is never told, because its changes are. */
export type Difference =
  "type" | "content" | "size" | "mode" | "owner" | "modified" | "target" | "attributes" | "device"

/** Whether both hold the same, by the engine's own ids. Two times nothing is the same. */
export function sameContent(before: SnapshotEntry, after: SnapshotEntry): boolean {
  return (
    before.content.length === after.content.length &&
    before.content.every((id, at) => id === after.content[at])
  )
}

/**
 * Everything in which two entries differ, but for their names. Contents are compared by their ids: where an engine cut or
 * compressed the same bytes in another way, they count as other contents.
 */
export function differences(before: SnapshotEntry, after: SnapshotEntry): Difference[] {
  const isSame = before.kind === after.kind
  const found: Difference[] = isSame ? [] : ["type"]
  const add = (what: Difference, differs: boolean): void => {
    if (differs) found.push(what)
  }
  if (isSame && after.kind === "symlink") {
    add("target", !sameContent(before, after) || !sameBytes(before.target, after.target))
  } else if (isSame && after.kind !== "directory") {
    add("content", !sameContent(before, after))
  }
  add("size", before.size !== after.size)
  add("mode", before.mode !== after.mode)
  add("owner", before.uid !== after.uid || before.gid !== after.gid)
  add("modified", before.modified !== after.modified)
  add("attributes", !sameAttributes(before.attributes, after.attributes))
  add("device", isSame && before.device !== after.device)
  return found
}

function sameAttributes(before: readonly ExtendedAttribute[], after: readonly ExtendedAttribute[]): boolean {
  if (before.length !== after.length) return false
  const values = new Map(before.map(({ name, value }) => [name, value]))
  return after.every(({ name, value }) => {
    const known = values.get(name)
    return known !== undefined && sameBytes(known, value)
  })
}

function sameBytes(before: Uint8Array | undefined, after: Uint8Array | undefined): boolean {
  if (before === undefined || after === undefined) return before === after
  return Buffer.compare(before, after) === 0
}
